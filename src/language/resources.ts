import type { Report } from './problems.ts';
import { type Reader, readMap, readText, readValue, reportUnknownKey, reportUnknownKeys } from './readers.ts';
import type { LocatedText } from './source.ts';
import type { Tree } from './yaml-tree.ts';

/** `resources` as written; each value may still hold variables. */
export interface Resources {
  readonly cpu: LocatedText | null;
  readonly memory: LocatedText | null;
  readonly shmSize: LocatedText | null;
  readonly gpu: Gpu | null;
  readonly interruptible: LocatedText | null;
}

export interface Gpu {
  readonly name: LocatedText | null;
  readonly count: LocatedText | null;
  readonly memory: LocatedText | null;
}

/** The spelling of earlier versions: `"v100/gpu": 1`. */
const olderGpu = /^([A-Za-z0-9][\w.-]{0,60})\/gpu$/;
const known = ['cpu', 'memory', 'shm_size', 'gpu', 'interruptible'] as const;

export const readResources: Reader<Resources> = (tree, what, report) => {
  const map = readMap(tree, what, report);
  if (!map) return null;
  const found = new Map<string, LocatedText | null>();
  let gpu: { key: LocatedText; value: Gpu | null } | null = null;
  for (const { key, value } of map.entries) {
    const inside = `\`${key.text}\` of ${what}`;
    const older = olderGpu.exec(key.text)?.[1];
    if (key.text === 'gpu' || older !== undefined) {
      if (gpu) {
        const notes = [{ span: gpu.key.span, message: 'the other one' }];
        report({ span: key.span, message: `${what} has two kinds of GPU; one is possible`, notes });
        continue;
      }
      const name = older === undefined ? null : { text: older, span: key.span };
      gpu = { key, value: name ? readOlderGpu(value, name, inside, report) : readGpu(value, inside, report) };
    } else if ((known as readonly string[]).includes(key.text)) {
      found.set(key.text, readValue(value, inside, report));
    } else {
      reportUnknownKey(key, what, known, report);
    }
  }
  return {
    cpu: found.get('cpu') ?? null,
    memory: found.get('memory') ?? null,
    shmSize: found.get('shm_size') ?? null,
    gpu: gpu?.value ?? null,
    interruptible: found.get('interruptible') ?? null,
  };
};

function readOlderGpu(tree: Tree, name: LocatedText, what: string, report: Report): Gpu | null {
  const count = readValue(tree, what, report);
  return count && { name, count, memory: null };
}

/** A number of them, or a map of `name`, `count` and `memory`. */
const readGpu: Reader<Gpu> = (tree, what, report) => {
  if (tree.kind === 'scalar') {
    const count = readValue(tree, what, report);
    return count && { name: null, count, memory: null };
  }
  const map = readMap(tree, what, report);
  if (!map) return null;
  reportUnknownKeys(map, what, ['name', 'count', 'memory'], report);
  const part = (key: string, read: Reader<LocatedText>): LocatedText | null => {
    const entry = map.entries.find((one) => one.key.text === key);
    return entry ? read(entry.value, `\`${key}\` of ${what}`, report) : null;
  };
  return {
    name: part('name', readText),
    count: part('count', readValue),
    memory: part('memory', readValue),
  };
};
