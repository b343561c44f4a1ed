import { answer, cpus, gpuCount, size } from './quantities.ts';
import {
  byKind,
  mapped,
  readKeys,
  readMap,
  readQuantity,
  readText,
  reportUnknownKey,
  type Shape,
  shape,
} from './readers.ts';
import type { LocatedText } from './source.ts';

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

const readCount = mapped(
  readQuantity(gpuCount.schema),
  (count): Gpu => ({ name: null, count, memory: null }),
);

/** A number of them, or a map of `name`, `count` and `memory`. */
const readGpu: Shape<Gpu> = byKind({
  scalar: readCount,
  map: mapped(
    readKeys({
      name: readText,
      count: readQuantity(gpuCount.schema),
      memory: readQuantity(size.schema),
    }),
    ({ name = null, count = null, memory = null }) => ({ name, count, memory }),
  ),
});

const shapes = {
  cpu: readQuantity(cpus.schema),
  memory: readQuantity(size.schema),
  shm_size: readQuantity(size.schema),
  interruptible: readQuantity(answer.schema),
};
const foreign = { ram: 'did you mean `memory`?', mem: 'did you mean `memory`?' };
const allKeys = ['cpu', 'memory', 'shm_size', 'gpu', 'interruptible'];

/** The spelling of earlier versions: `"v100/gpu": 1`. */
const olderGpu = /^([A-Za-z0-9][\w.-]{0,60})\/gpu$/;

const schema = {
  type: 'object',
  properties: {
    ...Object.fromEntries(Object.entries(shapes).map(([name, one]) => [name, one.schema])),
    gpu: readGpu.schema,
  },
  patternProperties: { [olderGpu.source]: readCount.schema },
  additionalProperties: false,
};

export const readResources: Shape<Resources> = shape(schema, (tree, what, report) => {
  const map = readMap(tree, what, report);
  if (!map) return null;
  const found: { [K in keyof typeof shapes]?: LocatedText | null } = {};
  let gpu: { key: LocatedText; value: Gpu | null } | null = null;
  for (const { key, value } of map.entries) {
    const inside = `\`${key.text}\` of ${what}`;
    const name = olderGpu.exec(key.text)?.[1];
    const known = Object.hasOwn(shapes, key.text) ? (key.text as keyof typeof shapes) : null;
    if (known) found[known] = shapes[known](value, inside, report);
    else if (key.text !== 'gpu' && name === undefined) reportUnknownKey(key, what, allKeys, report, foreign);
    else if (gpu) {
      const notes = [{ span: gpu.key.span, message: 'the other one' }];
      report({ span: key.span, message: `${what} has two kinds of GPU; one is possible`, notes });
    } else {
      const read = (name === undefined ? readGpu : readCount)(value, inside, report);
      gpu = {
        key,
        value: read && name !== undefined ? { ...read, name: { text: name, span: key.span } } : read,
      };
    }
  }
  const { cpu = null, memory = null, shm_size: shmSize = null, interruptible = null } = found;
  return { cpu, memory, shmSize, gpu: gpu?.value ?? null, interruptible };
});
