import { DstackError } from '../errors.ts';
import type { DependsOn } from './depends-on.ts';
import type { EnvEntry } from './env.ts';
import type { Label } from './labels.ts';
import type { Matrix } from './matrix.ts';
import { nameFault } from './names.ts';
import type { Ports } from './ports.ts';
import { createReport, quoted, type Report, throwProblems } from './problems.ts';
import { type Program, readProgram } from './program.ts';
import { describeKind, readMap, reportUnknownKeys, valueUnder } from './readers.ts';
import type { Resources } from './resources.ts';
import type { Retry } from './retry.ts';
import type { CachedPaths } from './setup-cache.ts';
import type { LocatedText, Source } from './source.ts';
import type { Triggers } from './triggers.ts';
import { type FoundFields, readFields } from './workflow-keys.ts';
import { readYaml, type Tree } from './yaml-tree.ts';

/** A workflow as it is written: checked for itself, nothing filled in yet. */
export interface Workflow {
  readonly name: LocatedText;
  readonly help: string | null;
  readonly program: Program;
  /** Null: the image's own. */
  readonly entrypoint: readonly LocatedText[] | null;
  readonly dependsOn: DependsOn;
  readonly artifacts: readonly LocatedText[];
  readonly env: readonly EnvEntry[];
  readonly workingDir: LocatedText | null;
  readonly resources: Resources | null;
  readonly nodes: LocatedText | null;
  readonly ports: Ports | null;
  readonly timeout: LocatedText | null;
  readonly retry: Retry | null;
  readonly checkpoint: LocatedText | null;
  /** A path. */
  readonly metrics: LocatedText | null;
  readonly labels: readonly Label[];
  /** Names. */
  readonly secrets: readonly LocatedText[];
  /** Without a value: there is something wrong in it. */
  readonly matrix: { readonly key: LocatedText; readonly value: Matrix | null } | null;
  readonly setupCache: readonly CachedPaths[];
  /** `SOURCE:TARGET`, each. */
  readonly mounts: readonly LocatedText[];
  readonly network: LocatedText | null;
  readonly capabilities: readonly LocatedText[];
  readonly triggers: Triggers;
}

/** By name, in the order of the files. */
export type Workflows = ReadonlyMap<string, Workflow>;

/** All files together: beyond this they were made to be a burden. */
const mostCharacters = 1024 * 1024;

/**
 * Reads `.dstack/workflows.yaml` (and `.dstack/workflows/*.yaml`, merged).
 * @param files their texts; `path` is what errors call them
 * @throws DstackError `no-workflows`, `invalid-workflows` (everything that is wrong in them at once)
 */
export function parseWorkflows(files: readonly Source[]): Workflows {
  const { report, problems } = createReport();
  const { workflows } = collectWorkflows(files, report);
  throwProblems(problems());
  return workflows;
}

/**
 * As {@link parseWorkflows}, with what is wrong reported, and what is not wrong returned.
 * @returns `whole`: every workflow that is in the files is known by name, whatever else is wrong with it
 * @throws DstackError `no-workflows`
 */
export function collectWorkflows(
  files: readonly Source[],
  report: Report,
): { workflows: Workflows; whole: boolean } {
  if (files.length === 0) {
    throw new DstackError('no-workflows', 'there is no .dstack/workflows.yaml here', {
      hint: 'write one, or let `dstack init` make an example',
    });
  }
  const workflows = new Map<string, Workflow>();
  let whole = true;
  let characters = 0;
  for (const file of files) {
    characters += file.text.length;
    if (characters > mostCharacters) {
      const span = { source: file, start: 0, end: 0 };
      report({ span, message: `with this file, all together are larger than ${mostCharacters} characters` });
      return { workflows, whole: false };
    }
    const list = readWorkflowList(file, report);
    whole &&= list !== null;
    for (const tree of list ?? []) {
      const workflow = readWorkflow(tree, report);
      whole &&= workflow !== null;
      if (!workflow) continue;
      const first = workflows.get(workflow.name.text);
      if (first) {
        report({
          span: workflow.name.span,
          message: `there are two workflows named ${quoted(workflow.name.text)}`,
          notes: [{ span: first.name.span, message: 'the first one' }],
        });
      } else {
        workflows.set(workflow.name.text, workflow);
      }
    }
  }
  return { workflows, whole };
}

/** Null if it could not be read. */
function readWorkflowList(file: Source, report: Report): readonly Tree[] | null {
  const whole = { source: file, start: 0, end: 0 };
  let broken = false;
  const tree = readYaml(file, (problem) => {
    broken = true;
    report(problem);
  });
  if (!tree) {
    if (!broken) report({ span: whole, message: 'the file is empty; `workflows:` is expected' });
    return null;
  }
  const top = readMap(tree, 'the file', report);
  if (!top) return null;
  reportUnknownKeys(top, 'the file', ['workflows'], report);
  const list = valueUnder(top, 'workflows');
  if (!list) {
    if (top.entries.length === 0) report({ span: whole, message: '`workflows:` is expected' });
    return null;
  }
  if (list.kind === 'list' && list.items.length > 0) return list.items;
  const isEmpty = list.kind === 'list' || (list.kind === 'scalar' && list.type === 'nothing');
  report({
    span: list.span,
    message: `\`workflows\` is a list, with \`- name: …\` for each workflow, but here is ${isEmpty ? 'nothing' : describeKind(list)}`,
  });
  return null;
}

function readWorkflow(tree: Tree, report: Report): Workflow | null {
  const found = readFields(tree, report);
  if (!found) return null;
  const name = readName(found, tree, report);
  const program = readProgram(found, name ?? { text: '', span: tree.span }, report);
  const entrypoint = found.entrypoint?.value ?? null;
  if (entrypoint && program.image === null) {
    report({
      span: found.entrypoint!.key.span,
      message: '`entrypoint` is in place of that of an image, but there is no `image`',
    });
  }
  if (!name) return null;
  return {
    name,
    help: found.help?.value?.text ?? null,
    program,
    entrypoint,
    dependsOn: found.dependsOn?.value ?? { references: [], files: null, variables: null },
    artifacts: found.artifacts?.value ?? [],
    env: found.env?.value ?? [],
    workingDir: found.workingDir?.value ?? null,
    resources: found.resources?.value ?? null,
    nodes: found.nodes?.value ?? null,
    ports: found.ports?.value ?? null,
    timeout: found.timeout?.value ?? null,
    retry: found.retry?.value ?? null,
    checkpoint: found.checkpoint?.value ?? null,
    metrics: found.metrics?.value ?? null,
    labels: found.labels?.value ?? [],
    secrets: found.secrets?.value ?? [],
    matrix: found.matrix ?? null,
    setupCache: found.setupCache?.value ?? [],
    mounts: found.mounts?.value ?? [],
    network: found.network?.value ?? null,
    capabilities: found.capabilities?.value ?? [],
    triggers: found.triggers?.value ?? { push: null, schedules: [] },
  };
}

function readName(found: FoundFields, tree: Tree, report: Report): LocatedText | null {
  if (!found.name) {
    const firstKey = tree.kind === 'map' ? tree.entries[0]?.key.span : undefined;
    report({ span: firstKey ?? tree.span, message: 'this workflow has no `name`' });
    return null;
  }
  const name = found.name.value;
  if (!name) return null;
  // `global` is where variables.yaml keeps what is for every workflow.
  const fault =
    name.text === 'global' ? 'the word stands for all workflows in variables.yaml' : nameFault(name.text);
  if (fault) report({ span: name.span, message: `${quoted(name.text)} can't name a workflow: ${fault}` });
  // Wrong as it is, others may refer to it by this name.
  return name;
}
