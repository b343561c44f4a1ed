import { setTimeout as sleep } from 'node:timers/promises';
import { askNvidiaSmi } from './nvidia-smi.ts';

/** What one GPU does at a moment; null: it doesn't say. */
export interface GpuUse {
  /** Percent of the last moment in which it computed. */
  readonly utilisation: number | null;
  /** Bytes in use. */
  readonly memory: number | null;
}

/** Tells what GPUs do, by their UUIDs. */
export interface GpuMeter {
  /** As of a moment ago at most; null if it can't be told. Never rejects. */
  read(ids: readonly string[]): Promise<readonly GpuUse[] | null>;
}

/** For so long one look does, milliseconds: for whoever asks, since a look costs the driver something. */
const freshMs = 5_000;
/** Whoever asks has other things to look at. */
const patienceMs = 3_000;

/** Asks `nvidia-smi`, once for all; never twice at a time: where the driver hangs, each of them would. */
export function openGpuMeter(): GpuMeter {
  let looking: Promise<void> | null = null;
  let seen: ReadonlyMap<string, GpuUse> | null = null;
  let seenAt = Number.NEGATIVE_INFINITY;
  const look = async () => {
    const query = ['--query-gpu=uuid,utilization.gpu,memory.used', '--format=csv,noheader,nounits'];
    const { text } = await askNvidiaSmi(query);
    seen = parseGpuUse(text);
    seenAt = performance.now();
    looking = null;
  };
  return {
    async read(ids) {
      if (performance.now() - seenAt > freshMs) {
        looking ??= look();
        await Promise.race([looking, sleep(patienceMs, undefined, { ref: false })]);
      }
      const found = ids.flatMap((id) => seen?.get(id) ?? []);
      return found.length > 0 ? found : null;
    },
  };
}

/**
 * Lines of `uuid, percent, MiB`. What a GPU can't tell it says in brackets: `[N/A]` (with MIG), `[Not Supported]`,
 * `[Unknown Error]`; what is no such line is passed over. Pure.
 */
export function parseGpuUse(text: string): Map<string, GpuUse> {
  const found = new Map<string, GpuUse>();
  for (const line of text.split('\n')) {
    const [id, percent, mebibytes, ...more] = line.split(',').map((part) => part.trim());
    if (!id || !/^(GPU|MIG)-[\w-]+$/.test(id) || mebibytes === undefined || more.length > 0) continue;
    const memory = numberOf(mebibytes);
    found.set(id, {
      utilisation: numberOf(percent),
      memory: memory === null ? null : memory * 1024 ** 2,
    });
  }
  return found;
}

function numberOf(text: string | undefined): number | null {
  return text !== undefined && /^\d+(\.\d+)?$/.test(text) ? Number(text) : null;
}
