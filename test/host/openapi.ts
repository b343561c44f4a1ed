import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv, type ValidateFunction } from 'ajv';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Tree = { [key: string]: Json };

interface Operation {
  readonly parameters?: readonly (Parameter | Reference)[];
  readonly requestBody?: { required?: boolean; content: Record<string, { schema: Tree }> };
  readonly responses: Record<string, Response | Reference>;
}
interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly schema: Tree;
}
interface Response {
  readonly content?: Record<
    string,
    { schema: Tree; examples?: Record<string, { value?: Json } | Reference> }
  >;
}
interface Reference {
  readonly $ref: string;
}
interface Description {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: Record<string, Record<string, Json>>;
}

export interface ApiRequest {
  readonly method: string;
  /** Without its query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
}

/** An operation that a request asks for, and what is wrong with how it asks. */
export interface Matched {
  /** Such as `POST /repos/{owner}/{repo}/check-runs`. */
  readonly name: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly problems: readonly string[];
  /** The example that the description gives of this answer. */
  example(status: number): Json;
  /** What is wrong with an answer. */
  judge(status: number, body: unknown): string[];
}

/** GitHub's published description of its API, by which requests and answers are judged. */
export interface Api {
  /** @returns null if there is no such operation */
  match(request: ApiRequest): Matched | null;
}

let loaded: Api | null = null;

/** The one of github.com; 13 MB, of which only what is asked for is compiled. */
export function gitHubApi(): Api {
  loaded ??= loadApi();
  return loaded;
}

function loadApi(): Api {
  const file = createRequire(import.meta.url).resolve('@octokit/openapi/generated/api.github.com.json');
  const description = JSON.parse(readFileSync(file, 'utf8')) as Description;
  const ajv = new Ajv({
    strict: false,
    validateFormats: false,
    logger: false,
    allErrors: true,
    coerceTypes: false,
  });
  const schemas = Object.fromEntries(
    Object.entries(description.components.schemas ?? {}).map(([name, schema]) => [name, translate(schema)]),
  );
  ajv.addSchema({ $id: 'github', components: { schemas } });
  const compiled = new WeakMap<object, ValidateFunction>();
  const problemsOf = (schema: Tree, value: unknown, what: string): string[] => {
    const validate = compiled.get(schema) ?? ajv.compile(translate(schema) as object);
    compiled.set(schema, validate);
    if (validate(value)) return [];
    return (validate.errors ?? []).map((error) => `${what}${error.instancePath}: ${error.message}`);
  };
  const resolve = <T extends object>(value: T | Reference): T => {
    if (!('$ref' in value)) return value;
    const keys = value.$ref.replace(/^#\//, '').split('/');
    return resolve(keys.reduce<unknown>((tree, key) => (tree as Tree)[key], description) as T);
  };
  // Of several that match, the one that says most.
  const templates = Object.keys(description.paths)
    .sort((a, b) => b.split('/').length - a.split('/').length)
    .map((template) => ({ template, pattern: patternOf(template) }));

  const judgeRequest = (
    operation: Operation,
    request: ApiRequest,
    path: Record<string, string>,
  ): string[] => {
    const parameters = (operation.parameters ?? []).map((parameter) => resolve<Parameter>(parameter));
    const known = new Set(parameters.filter((one) => one.in === 'query').map((one) => one.name));
    const unknown = [...request.query.keys()].filter((name) => !known.has(name));
    const values = parameters.flatMap((parameter) => {
      const text = parameter.in === 'path' ? path[parameter.name] : request.query.get(parameter.name);
      if (parameter.in === 'header') return [];
      if (text === undefined || text === null)
        return parameter.required ? [`${parameter.name} is missing`] : [];
      const value = parameter.schema.type === 'integer' && /^-?\d+$/.test(text) ? Number(text) : text;
      return problemsOf(parameter.schema, value, parameter.name);
    });
    const schema = operation.requestBody?.content['application/json']?.schema;
    const body =
      schema === undefined
        ? request.body === undefined
          ? []
          : ['it takes no body']
        : request.body === undefined
          ? operation.requestBody?.required
            ? ['it needs a body']
            : []
          : [
              ...problemsOf(schema, request.body, 'body'),
              ...Object.keys(request.body as object)
                .filter((key) => !((schema.properties ?? {}) as Tree)[key])
                .map((key) => `body: ${key} is not known`),
            ];
    return [...unknown.map((name) => `the query ${name} is not known`), ...values, ...body];
  };

  return {
    match(request) {
      for (const { template, pattern } of templates) {
        const found = pattern.exec(request.path);
        const operation = description.paths[template]?.[request.method.toLowerCase()];
        if (!found || !operation) continue;
        const parameters = Object.fromEntries(
          Object.entries(found.groups ?? {}).map(([name, text]) => [name, decodeURIComponent(text)]),
        );
        const answer = (status: number) => {
          const response = operation.responses[String(status)];
          return response ? resolve<Response>(response).content?.['application/json'] : undefined;
        };
        return {
          name: `${request.method} ${template}`,
          parameters,
          problems: judgeRequest(operation, request, parameters),
          example(status) {
            const [example] = Object.values(answer(status)?.examples ?? {});
            if (!example) throw new Error(`${template} has no example of ${status}`);
            return structuredClone(resolve<{ value?: Json }>(example).value ?? null);
          },
          judge(status, body) {
            const content = answer(status);
            return content
              ? problemsOf(content.schema, body, `answer ${status}`)
              : [`no answer ${status} is described`];
          },
        };
      }
      return null;
    },
  };
}

/** A parameter of one segment; `ref` and `sha` may have slashes in them. */
function patternOf(template: string): RegExp {
  const source = template.replace(/[.+]/g, '\\$&').replace(/\{([a-z_]+)\}/g, (_, name: string) => {
    return name === 'ref' ? `(?<${name}>.+)` : `(?<${name}>[^/]+)`;
  });
  return new RegExp(`^${source}$`);
}

/** From OpenAPI 3.0's idea of a schema to JSON Schema's. */
function translate(node: Json): Json {
  if (Array.isArray(node)) return node.map(translate);
  if (typeof node !== 'object' || node === null) return node;
  const { nullable, $ref, ...rest } = node as Tree;
  const tree: Tree = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, translate(value)]));
  if (typeof $ref === 'string') tree.$ref = $ref.replace(/^#/, 'github#');
  return nullable === true ? { anyOf: [tree, { type: 'null' }] } : tree;
}
