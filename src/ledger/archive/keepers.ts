import { treeOf } from '../claim-commits.ts';
import type { Ledger } from '../ledger.ts';
import { logNote } from '../log-note.ts';
import { readFinished } from '../settle.ts';
import type { RunView } from '../state.ts';
import { keeperMessage } from './archived-run.ts';

/** Git reads a commit with more parents, but not every tool does. */
const mostParents = 900;
/** Bytes of logs that are held in memory at a time. */
const mostHeld = 16 << 20;

/**
 * Writes the commits that keep the objects of runs: their parents are the runs' commits and those with which the jobs
 * ended, and before all that the last keeper; their trees have the logs as notes on the runs' commits, as
 * `git log --notes` reads them. They are as old as what they keep, however late they are written: Git walks commits by
 * date, in a list, and many keepers younger than all runs would fill it with every run at once (a fetch of 100,000 runs
 * into an empty clone: 104 s of walking instead of 1.4).
 * @param before the last keeper of the shard
 * @returns the new last one
 */
export async function writeKeepers(
  ledger: Ledger,
  before: string | null,
  runs: readonly RunView[],
): Promise<string> {
  const { shared } = ledger;
  let last = before;
  let parents: string[] = [];
  let notes: { path: string; content: string }[] = [];
  let held = 0;
  let newest = 0;
  const write = async () => {
    if (parents.length + notes.length === 0) return;
    await shared.obtain([...(last === null ? [] : [last]), ...parents], { toBuildOn: true });
    const [commit] = await shared.write([
      {
        parents: [...new Set([...(last === null ? [] : [last]), ...parents])],
        baseTree: last === null ? null : await treeOf(ledger, last),
        files: notes,
        message: keeperMessage,
        author: { ...ledger.who, time: Math.min(newest, ledger.clock.now()) },
      },
    ]);
    last = commit as string;
    parents = [];
    notes = [];
    held = 0;
  };
  for (const run of runs) {
    newest = Math.max(newest, Date.parse(run.finishedAt ?? run.submittedAt) || 0);
    for (const commit of [run.commit, ...run.jobs.flatMap((job) => job.commit ?? [])]) {
      parents.push(commit);
      if (parents.length >= mostParents) await write();
    }
    const content = await noteOf(ledger, run);
    notes.push({ path: notePath(run.commit), content });
    held += content.length;
    if (held >= mostHeld) await write();
  }
  await write();
  return last as string;
}

/** Git takes the first letters of a note's object for a folder. */
function notePath(commit: string): string {
  return `${commit.slice(0, 2)}/${commit.slice(2)}`;
}

/** The logs of all jobs of a run, one after the other. */
async function noteOf(ledger: Ledger, run: RunView): Promise<string> {
  const logs: string[] = [];
  for (const job of run.jobs) {
    const finished =
      job.commit === null ? null : await readFinished(ledger, { run: run.name, job: job.name }, job.commit);
    if (finished) logs.push(await logNote(ledger.shared, finished.commit, finished.record));
  }
  return logs.join('\n');
}
