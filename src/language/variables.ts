import { environmentName, optionKey, variableFault } from './names.ts';
import { createReport, quoted, type Report, throwProblems } from './problems.ts';
import { describeKind, readMap, readValue, reportUnknownKeys, valueUnder } from './readers.ts';
import type { LocatedText, Source } from './source.ts';
import { readYaml, type Tree } from './yaml-tree.ts';

/** One declared variable: its name and its default, as written. */
export interface Declaration {
  readonly name: LocatedText;
  /** Null if it can't be read, which was reported. */
  readonly value: LocatedText | null;
}

/** What `variables.yaml` declares. */
export interface Variables {
  readonly global: ReadonlyMap<string, Declaration>;
  /** By workflow. */
  readonly sections: ReadonlyMap<
    string,
    { readonly key: LocatedText; readonly declarations: ReadonlyMap<string, Declaration> }
  >;
}

/**
 * Reads `.dstack/variables.yaml`. No file, an empty one, or an empty section: no variables.
 * @throws DstackError `invalid-workflows` (everything that is wrong in it at once)
 */
export function parseVariables(file: Source | null): Variables {
  const { report, problems } = createReport();
  const { variables } = collectVariables(file, report);
  throwProblems(problems());
  return variables;
}

/**
 * As {@link parseVariables}, with what is wrong reported, and what is not wrong returned.
 * @returns `whole`: every variable that is in the file is known by name, whatever else is wrong with it
 */
export function collectVariables(
  file: Source | null,
  reportAll: Report,
): { variables: Variables; whole: boolean } {
  let whole = true;
  const report: Report = (problem) => {
    whole = false;
    reportAll(problem);
  };
  const sections = new Map<string, { key: LocatedText; declarations: Map<string, Declaration> }>();
  const tree = file && readYaml(file, report);
  const top = tree && readMap(tree, 'the file', report);
  if (top) {
    reportUnknownKeys(top, 'the file', ['variables'], report);
    const variables = valueUnder(top, 'variables');
    const map = variables && !isNothing(variables) ? readMap(variables, '`variables`', report) : null;
    for (const { key, value } of map?.entries ?? []) {
      if (!isNothing(value) && value.kind !== 'map') {
        const message = `${quoted(key.text)} is \`global\` or a workflow, with its variables below it, but here is ${describeKind(value)}; a variable for all workflows belongs under \`global:\``;
        report({ span: key.span, message });
      }
      sections.set(key.text, { key, declarations: readSection(value, reportAll) });
    }
  }
  const global = sections.get('global')?.declarations ?? new Map<string, Declaration>();
  sections.delete('global');
  return { variables: { global, sections }, whole };
}

function readSection(tree: Tree, report: Report): Map<string, Declaration> {
  const declarations = new Map<string, Declaration>();
  for (const { key, value } of tree.kind === 'map' ? tree.entries : []) {
    const fault = variableFault(key.text);
    if (fault) report({ span: key.span, message: `${quoted(key.text)} can't name a variable: ${fault}` });
    declarations.set(key.text, {
      name: key,
      value: readValue(value, `the variable ${quoted(key.text)}`, report),
    });
  }
  return declarations;
}

const isNothing = (tree: Tree): boolean => tree.kind === 'scalar' && tree.type === 'nothing';

/**
 * The variables that apply to a workflow, those for all workflows first; its own win.
 * Two that would be one on the command line or in the environment are reported.
 */
export function declarationsFor(
  variables: Variables,
  workflow: string,
  report: Report,
): Map<string, Declaration> {
  const merged = new Map(variables.global);
  for (const [name, declaration] of variables.sections.get(workflow)?.declarations ?? []) {
    merged.set(name, declaration);
  }
  const seen = new Map<string, Declaration>();
  for (const declaration of merged.values()) {
    const name = declaration.name.text;
    const first = seen.get(environmentName(name));
    if (first) {
      const same = optionKey(first.name.text) === optionKey(name) ? 'on the command line and ' : '';
      report({
        span: declaration.name.span,
        message: `${quoted(name)} and ${quoted(first.name.text)} are the same ${same}in the job's environment (${environmentName(name)}); spell them alike`,
        notes: [{ span: first.name.span, message: 'the other one' }],
      });
    }
    seen.set(environmentName(name), declaration);
  }
  return merged;
}
