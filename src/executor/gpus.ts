import { plainText } from '../terminal-text.ts';
import { askNvidiaSmi } from './nvidia-smi.ts';

/** An NVIDIA GPU of this machine, or a part of one that MIG has made. */
export interface Gpu {
  /** Its UUID, which Docker and CUDA know it by, in whatever order they count. */
  readonly id: string;
  /** As nvidia-smi counts; parts of a GPU have that of the whole. */
  readonly index: number;
  readonly name: string;
  /** Bytes; 0: it doesn't say, since it has none of its own. */
  readonly memory: number;
}

/**
 * The machine's NVIDIA GPUs; none where there is no `nvidia-smi`. Where CUDA_VISIBLE_DEVICES leaves some out, so does
 * this: two runners of a machine can share it out so. Of a GPU that is in MIG mode there are only its parts.
 * @returns `problem`: why there may be more than those, for people; null: nothing says so
 */
export async function listGpus(
  visible = process.env.CUDA_VISIBLE_DEVICES,
): Promise<{ gpus: Gpu[]; problem: string | null }> {
  const query = ['--query-gpu=index,uuid,name,memory.total', '--format=csv,noheader,nounits'];
  const { text, problem } = await askNvidiaSmi(query);
  const whole = parseGpus(text);
  if (whole.length === 0) return { gpus: [], problem };
  const parts = parseParts((await askNvidiaSmi(['-L'])).text);
  const gpus = whole
    .flatMap((gpu) => {
      const own = parts.filter(({ of }) => of === gpu.id);
      if (own.length === 0) return [gpu];
      return own.map(({ id, profile, memory }) => ({
        ...gpu,
        id,
        name: `${gpu.name} MIG ${profile}`,
        memory,
      }));
    })
    .filter((gpu) => isVisible(gpu, visible));
  return { gpus, problem };
}

/** Lines of `index, uuid, name, MiB`. What is not that is left out: nvidia-smi tells its errors there, too. */
function parseGpus(text: string): Gpu[] {
  return text.split('\n').flatMap((line) => {
    const [, index, id, name, mebibytes] =
      /^(\d+), ([\w-]+), (.+), (\d+|\[[\w /]+\])$/.exec(line.trim()) ?? [];
    if (id === undefined || name === undefined) return [];
    // `[N/A]` where it shares the memory of the machine.
    const memory = Number(mebibytes) * 1024 ** 2 || 0;
    return [{ id, index: Number(index), name: plainText(name), memory }];
  });
}

/**
 * The parts of GPUs that `nvidia-smi -L` lists, each below its own: `  MIG 1g.5gb     Device  0: (UUID: MIG-…)`. A
 * profile's name says its memory.
 */
function parseParts(text: string): { of: string; id: string; profile: string; memory: number }[] {
  let of = '';
  return text.split('\n').flatMap((line) => {
    of = /^GPU \d+: .*\(UUID: ([\w-]+)\)\s*$/.exec(line)?.[1] ?? of;
    const [, profile, size, id] =
      /^\s+MIG (\S*?(\d+)gb\S*)\s+Device\s+\d+: \(UUID: ([\w/-]+)\)\s*$/.exec(line) ?? [];
    if (profile === undefined || id === undefined) return [];
    return [{ of, id, profile: plainText(profile), memory: Number(size) * 1024 ** 3 }];
  });
}

/** CUDA takes indices, and beginnings of UUIDs. A part has no index of its own. */
function isVisible({ id, index }: Gpu, visible: string | undefined): boolean {
  if (visible === undefined) return true;
  return visible
    .split(',')
    .map((text) => text.trim())
    .some((text) => text === String(index) || (text.length > 4 && id.startsWith(text)));
}
