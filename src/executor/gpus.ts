import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { plainText } from '../terminal-text.ts';

/** An NVIDIA GPU of this machine. */
export interface Gpu {
  /** Its UUID, which Docker and CUDA know it by, in whatever order they count. */
  readonly id: string;
  /** As nvidia-smi counts. */
  readonly index: number;
  readonly name: string;
  /** Bytes. */
  readonly memory: number;
}

/**
 * The machine's NVIDIA GPUs; none where there is no `nvidia-smi`. Where CUDA_VISIBLE_DEVICES leaves some out, so does
 * this: two runners of a machine can share it out so.
 */
export async function listGpus(visible = process.env.CUDA_VISIBLE_DEVICES): Promise<Gpu[]> {
  try {
    const { stdout } = await promisify(execFile)(
      'nvidia-smi',
      ['--query-gpu=index,uuid,name,memory.total', '--format=csv,noheader,nounits'],
      { timeout: 10_000 },
    );
    return parseGpus(stdout).filter((gpu) => isVisible(gpu, visible));
  } catch {
    return [];
  }
}

/** Lines of `index, uuid, name, MiB`. What is not that is left out: nvidia-smi tells its errors there, too. */
function parseGpus(text: string): Gpu[] {
  return text.split('\n').flatMap((line) => {
    const [, index, id, name, mebibytes] = /^(\d+), ([\w-]+), (.+), (\d+)$/.exec(line.trim()) ?? [];
    if (id === undefined || name === undefined) return [];
    return [{ id, index: Number(index), name: plainText(name), memory: Number(mebibytes) * 1024 ** 2 }];
  });
}

/** CUDA takes indices, and beginnings of UUIDs. */
function isVisible({ id, index }: Gpu, visible: string | undefined): boolean {
  if (visible === undefined) return true;
  return visible
    .split(',')
    .map((text) => text.trim())
    .some((text) => text === String(index) || (text.length > 4 && id.startsWith(text)));
}
