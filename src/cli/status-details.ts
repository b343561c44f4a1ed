import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger } from '../ledger/ledger.ts';
import { type JobProgress, type ReadStretch, readProgress } from '../ledger/read-progress.ts';
import { readCells } from '../ledger/run-cells.ts';
import { isFinal, type JobView } from '../ledger/state.ts';
import type { DetailSource, Details, View } from '../tui/status-screen.tsx';

type Cells = Awaited<ReturnType<typeof readCells>>;

/** Who scrolls quickly sees nothing of what passes by; milliseconds. */
const settling = 60;

const mostKnown = 2_000;

/**
 * Reads what is in the local repositories only, and a little of the store: nothing is fetched for it. What has not
 * changed is not read twice.
 * @param storeOf where a ledger's long logs are; null: it can't be read
 */
export function detailSource(
  ledgers: readonly Ledger[],
  storeOf: (ledger: Ledger) => Promise<ReadStretch>,
): DetailSource {
  const listeners = new Set<(details: Details) => void>();
  const known = new Map<string, { commit: string; progress: JobProgress }>();
  const cells = new Map<string, { commit: string; cells: Cells }>();
  let wanted: View | null = null;
  let reading = false;
  let details: Details = { progress: new Map(), cells: new Map() };

  const readView = async (view: View): Promise<void> => {
    const telling = [...view.jobs.filter(isTelling), ...(view.selected ? [view.selected] : [])];
    let changed = false;
    for (const job of telling) {
      const key = `${job.run}/${job.name}`;
      if (job.commit === null || known.get(key)?.commit === job.commit) continue;
      const ledger = await homeOf(ledgers, job.commit);
      if (ledger === null) continue;
      if (known.size > mostKnown) known.clear();
      known.set(key, { commit: job.commit, progress: await progressOf(ledger, job.commit, storeOf) });
      changed = true;
    }
    for (const run of view.runs) {
      if (cells.get(run.name)?.commit === run.commit) continue;
      const ledger = await homeOf(ledgers, run.commit);
      const found: Cells = ledger ? await readCells(ledger, run) : new Map();
      cells.set(run.name, { commit: run.commit, cells: found });
      changed ||= found.size > 0;
    }
    if (!changed) return;
    details = {
      progress: new Map([...known].map(([key, one]) => [key, one.progress])),
      cells: new Map([...cells].map(([name, one]) => [name, one.cells])),
    };
    for (const listener of listeners) listener(details);
  };

  return {
    subscribe(listener) {
      listeners.add(listener);
      listener(details);
      return () => {
        listeners.delete(listener);
      };
    },
    show(view) {
      wanted = view;
      if (reading) return;
      reading = true;
      void (async () => {
        while (wanted !== null) {
          await sleep(settling);
          const next: View = wanted;
          wanted = null;
          // What can't be read is not shown; why is said by whoever reads the state.
          await readView(next).catch(() => {});
        }
        reading = false;
      })();
    },
  };
}

/** Does the end of its output say how it goes, or why it went wrong? */
function isTelling({ state }: JobView): boolean {
  return state === 'failed' || (!isFinal(state) && state !== 'submitted');
}

/** The ledger whose objects this one is among, without asking another machine. */
async function homeOf(ledgers: readonly Ledger[], commit: string): Promise<Ledger | null> {
  for (const ledger of ledgers) if ((await ledger.shared.read(commit)) !== null) return ledger;
  return null;
}

async function progressOf(
  ledger: Ledger,
  commit: string,
  storeOf: (ledger: Ledger) => Promise<ReadStretch>,
): Promise<JobProgress> {
  return readProgress(ledger, commit, async (sha256, range) => {
    const read = await storeOf(ledger);
    if (read === null) throw new Error('no store');
    return read(sha256, range);
  });
}
