import { setTimeout as sleep } from 'node:timers/promises';
import bytes from 'bytes';
import type { DstackError } from '../errors.ts';
import type { ClaimHolder } from '../ledger/claim-holder.ts';
import { timeOf } from '../ledger/clock.ts';
import { jobName } from '../ledger/refs.ts';
import { collectStill } from '../store/collect-still.ts';
import type { KnownFiles } from '../store/known-files.ts';
import { blobsOf } from '../store/manifest.ts';
import { hashOfManifest, serializeManifest } from '../store/manifest-text.ts';
import { watchStillness } from '../store/stillness.ts';
import type { Store } from '../store/store.ts';
import type { Course } from './course.ts';
import type { Workplace } from './workplace.ts';

/** After a checkpoint that could not be saved the next one is tried no later than this; milliseconds. */
const soonest = 30_000;
/** For so long it is relied on that the store has what it had; milliseconds. */
const longestSure = 60 * 60_000;
/** So often it is looked whether the commands have begun, or are thawed; milliseconds. */
const tick = 200;

/** Saves a job's artifacts every so often while it runs. */
export interface Checkpoints {
  /** The commands have ended: none is begun any more, and what is under way is given up. */
  end(): Promise<void>;
}

/**
 * Begins with the commands. What could be saved becomes, by a renewal of the claim, what the next attempt finds; what
 * could not leaves there what was saved before, and ends nothing.
 * @param say writes a line into the job's log
 * @param known what of the workspace has been read: shared with the upload at the end
 */
export function keepCheckpoints(
  { store, ledger, log }: Pick<Workplace, 'store' | 'ledger' | 'log'>,
  holder: ClaimHolder,
  course: Pick<Course, 'ending' | 'frozen' | 'begun'>,
  workspace: string,
  known: KnownFiles,
  say: (line: string) => void,
): Checkpoints {
  const { checkpoint, artifacts } = holder.entry.job.spec;
  if (checkpoint === undefined || artifacts.length === 0) return { async end() {} };
  const over = new AbortController();
  const { signal } = over;
  const stillness = watchStillness();
  let saved = holder.claim().artifacts?.manifest;
  /** What the claim says that it needs is there, for `dstack prune` leaves it alone; looked after now and then. */
  let sure = new Set<string>();
  let lookedAfter = performance.now();
  const sureStore: Store = {
    ...store,
    has: async (sha256, size) => sure.has(sha256) || store.has(sha256, size),
  };
  let complaint = '';

  const save = async () => {
    if (performance.now() - lookedAfter > longestSure) {
      sure = new Set();
      lookedAfter = performance.now();
    }
    const collected = await collectStill(workspace, artifacts, sureStore, { known, stillness, signal });
    const manifest = serializeManifest(collected.manifest);
    const hash = hashOfManifest(manifest);
    const { totals } = collected;
    if (hash === saved || totals.files === 0) return;
    const complete = collected.missing.length === 0;
    const told = holder.renew({
      kept: { manifest, said: { manifest: hash, ...totals, complete }, savedAt: timeOf(ledger.clock) },
    });
    // Whatever becomes of this push, the claim has it from here on: the next one takes it along, or the end.
    saved = hash;
    told.catch(() => {});
    if ((await Promise.race([told, whenAborted(signal)])) !== 'won') return;
    sure = new Set(blobsOf(collected.manifest).map(({ sha256 }) => sha256));
    const what = `${totals.files === 1 ? '1 file' : `${totals.files} files`} (${bytes(totals.bytes)})`;
    say(`checkpoint: ${what} saved`);
    log.info({ job: jobName(holder.id), ...totals }, 'checkpoint saved');
  };
  const complain = (error: unknown) => {
    const { message, hint } = error as DstackError;
    log.warn({ job: jobName(holder.id), error: message }, 'a checkpoint could not be saved');
    if (message === complaint) return;
    complaint = message;
    const former = saved === undefined ? '' : ', the one before it stays';
    say(`a checkpoint could not be saved${former}: ${message}${hint ? ` (${hint})` : ''}`);
  };
  const pause = (ms: number) => sleep(ms, undefined, { signal });
  const loop = async () => {
    while (!course.begun) await pause(tick);
    for (let wait = checkpoint * 1000; ; ) {
      await pause(wait);
      while (course.frozen) await pause(tick);
      // What is to end is saved at its end.
      if (course.ending.kind !== null) return;
      try {
        await save();
        complaint = '';
        wait = checkpoint * 1000;
      } catch (error) {
        if (signal.aborted) return;
        complain(error);
        wait = Math.min(checkpoint * 1000, soonest);
      }
    }
  };
  const ended = loop().catch((error: unknown) => {
    if (!signal.aborted) log.error({ error: String((error as Error).stack) }, 'no more checkpoints');
  });
  return {
    end() {
      over.abort();
      return ended;
    },
  };
}

function whenAborted(signal: AbortSignal): Promise<'aborted'> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve('aborted'), { once: true }));
}
