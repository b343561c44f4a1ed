import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** The machine's NVIDIA GPUs, by name; none where there is no `nvidia-smi`. */
export async function listGpus(): Promise<string[]> {
  try {
    const { stdout } = await promisify(execFile)(
      'nvidia-smi',
      ['--query-gpu=name', '--format=csv,noheader'],
      { timeout: 10_000 },
    );
    return stdout.split('\n').filter(Boolean);
  } catch {
    return [];
  }
}
