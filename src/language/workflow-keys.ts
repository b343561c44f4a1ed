import { readCapabilities } from './capabilities.ts';
import { type DependsOn, readDependsOn, readDeps } from './depends-on.ts';
import { type EnvEntry, readEnv, readSecrets } from './env.ts';
import { foreignKeys } from './foreign-keys.ts';
import { type Label, readLabels } from './labels.ts';
import { type Matrix, readMatrix } from './matrix.ts';
import { nameSchema } from './names.ts';
import { type Ports, readPorts } from './ports.ts';
import { quoted, type Report } from './problems.ts';
import { providers } from './providers.ts';
import { duration, nodeCount } from './quantities.ts';
import {
  byKind,
  readKeys,
  readList,
  readMap,
  readQuantity,
  readText,
  readTexts,
  readValue,
  readWord,
  reportUnknownKey,
  type Shape,
  shape,
} from './readers.ts';
import { type Resources, readResources } from './resources.ts';
import { type Retry, readRetry } from './retry.ts';
import { type CachedPaths, readSetupCache } from './setup-cache.ts';
import type { LocatedText } from './source.ts';
import { readTriggers, type Triggers } from './triggers.ts';
import type { Tree } from './yaml-tree.ts';

/** What stands under a workflow's keys, each read for itself. */
export interface WorkflowFields {
  name: LocatedText;
  help: LocatedText;
  image: LocatedText;
  entrypoint: LocatedText[];
  provider: LocatedText;
  commands: LocatedText[];
  file: LocatedText;
  args: LocatedText | LocatedText[];
  version: LocatedText;
  requirements: LocatedText;
  dependsOn: DependsOn;
  artifacts: LocatedText[];
  env: EnvEntry[];
  workingDir: LocatedText;
  resources: Resources;
  nodes: LocatedText;
  ports: Ports;
  timeout: LocatedText;
  retry: Retry;
  labels: Label[];
  secrets: LocatedText[];
  matrix: Matrix;
  checkpoint: LocatedText;
  metrics: LocatedText;
  setupCache: CachedPaths[];
  mounts: LocatedText[];
  network: LocatedText;
  capabilities: LocatedText[];
  triggers: Triggers;
}

type Field = keyof WorkflowFields;
export interface KeyRule {
  readonly field: Field;
  readonly read: Shape<unknown>;
  /** One line, for editors. */
  readonly about: string;
  /** A spelling of earlier versions, which messages don't offer. */
  readonly older?: boolean;
}

const key = <F extends Field>(field: F, read: Shape<WorkflowFields[F]>, about: string): KeyRule => ({
  field,
  read,
  about,
});
const older = <F extends Field>(field: F, read: Shape<WorkflowFields[F]>, better: string): KeyRule => ({
  ...key(field, read, `The same as \`${better}\`.`),
  older: true,
});

const readArtifactKeys = readKeys({ path: readText });
const readArtifact: Shape<LocatedText> = byKind<LocatedText>({
  scalar: readText,
  map: shape({ ...readArtifactKeys.schema, required: ['path'] }, (tree, what, report) => {
    const found = readArtifactKeys(tree, what, report);
    if (found && tree.kind === 'map' && tree.entries.length === 0) {
      report({ span: tree.span, message: `${what} has no \`path\`` });
    }
    return found?.path ?? null;
  }),
});

/** What it is with its variables put in. */
const mountPattern = '^/[^:]*:/[^:]+(?::r[ow])?$';
const readMount = shape(
  {
    anyOf: [
      { type: 'string', pattern: mountPattern },
      { type: 'string', pattern: '\\$' },
    ],
  },
  readText,
);
const networks = ['host', 'none'] as const;

const readName = shape({ ...readText.schema, ...nameSchema }, readText);
const readCommands = shape({ ...readTexts.schema, minItems: 1 }, readTexts);
const readArgs = byKind<LocatedText | LocatedText[]>({ list: readList(readValue), scalar: readText });

/** Every key of the language, in the order in which messages list them. */
export const keyRules: Readonly<Record<string, KeyRule>> = {
  name: key('name', readName, 'What `dstack run` and `depends-on` call it; unique.'),
  help: key('help', readText, 'Shown by `dstack run NAME --help`.'),
  image: key('image', readText, 'The container image; without one it is a plain process.'),
  entrypoint: key(
    'entrypoint',
    readList(readValue),
    "What starts the commands in place of the image's entrypoint; `[]` goes without.",
  ),
  provider: key('provider', readWord(providers, 'provider'), 'What executes it: commands, or a Python file.'),
  commands: key(
    'commands',
    readCommands,
    'Executed in order by one shell; the first that fails ends the job.',
  ),
  file: key('file', readText, 'The Python file that `provider: python` executes.'),
  args: key('args', readArgs, 'The arguments of `file`: one text as it is, or a list of words.'),
  version: key('version', readText, 'The version of Python, for `provider: python`.'),
  requirements: key('requirements', readText, 'A file that `provider: python` gives to `pip install -r`.'),
  'depends-on': key('dependsOn', readDependsOn, 'Workflows, files and variables that it depends on.'),
  artifacts: key('artifacts', readList(readArtifact), 'Files and folders to keep when the job ends.'),
  env: key('env', readEnv, 'Environment variables; a name alone is passed on from who submits it.'),
  secrets: key('secrets', readSecrets, 'Secrets of the runner that it gets in its environment.'),
  working_dir: key('workingDir', readText, 'Where the commands begin, relative to the repository.'),
  matrix: key('matrix', readMatrix, 'One job for each combination of these lists.'),
  resources: key('resources', readResources, 'What it needs of a machine, and is held to there.'),
  nodes: key('nodes', readQuantity(nodeCount.schema), 'On how many runners it runs at the same time.'),
  ports: key('ports', readPorts, 'The ports that it listens on, or how many it needs.'),
  timeout: key('timeout', readQuantity(duration.schema), 'How long it may take, such as `2h`.'),
  retry: key('retry', readRetry, 'How many more attempts it gets, and why.'),
  checkpoint: key(
    'checkpoint',
    readQuantity(duration.schema),
    'How often its artifacts are saved while it runs, such as `10m`.',
  ),
  metrics: key('metrics', readText, 'A file of JSON lines to which it appends what it measures.'),
  labels: key('labels', readLabels, 'The labels that a runner must have to take it.'),
  cache: key(
    'setupCache',
    readSetupCache,
    'Folders that a runner keeps from job to job, such as `~/.cache/pip` or `.venv`.',
  ),
  mounts: key(
    'mounts',
    readList(readMount),
    'Folders of the machine, `SOURCE:TARGET`, that the runner allows it to see.',
  ),
  network: key(
    'network',
    readWord(networks, 'network'),
    '`host` for the network of the machine, if the runner allows that; `none` for none.',
  ),
  capabilities: key(
    'capabilities',
    readCapabilities,
    'Capabilities of the kernel beyond those of every container, if the runner allows them.',
  ),
  on: key('triggers', readTriggers, 'What starts it by itself: pushes, schedules.'),
  environment: older('env', readEnv, 'env'),
  deps: older('dependsOn', readDeps, 'depends-on'),
  script: older('file', readText, 'file'),
};

const offered = Object.keys(keyRules).filter((name) => !keyRules[name]?.older);

/** What was found under a field's key: the key itself, and the value unless it was unreadable. */
export type FoundFields = {
  [F in Field]?: { readonly key: LocatedText; readonly value: WorkflowFields[F] | null };
};

/** Reads all keys of a workflow; reports those that are unknown or given in two spellings. */
export function readFields(tree: Tree, report: Report): FoundFields | null {
  const map = readMap(tree, 'a workflow', report);
  if (!map) return null;
  const found: Partial<Record<Field, { key: LocatedText; value: unknown }>> = {};
  for (const { key, value } of map.entries) {
    const rule = Object.hasOwn(keyRules, key.text) ? keyRules[key.text] : undefined;
    if (rule === undefined) {
      reportUnknownKey(key, 'a workflow', offered, report, foreignKeys);
    } else if (found[rule.field]) {
      const first = found[rule.field]!.key;
      const message = `${quoted(key.text)} and ${quoted(first.text)} mean the same; one of them is enough`;
      report({ span: key.span, message, notes: [{ span: first.span, message: 'the other one' }] });
    } else {
      found[rule.field] = { key, value: rule.read(value, quoted(key.text), report) };
    }
  }
  // Sound because `key` ties each field to a reader of its type.
  return found as FoundFields;
}
