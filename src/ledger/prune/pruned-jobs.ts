import * as z from 'zod';
import { DstackError } from '../../errors.ts';
import type { CommitInput } from '../../git/write-commits.ts';
import { treeOf } from '../claim-commits.ts';
import { compareAndSwap } from '../compare-and-swap.ts';
import { name, time } from '../field-schemas.ts';
import { formatVersion, parseFile, printFile } from '../formats.ts';
import { insist } from '../insist.ts';
import { type Ledger, signature } from '../ledger.ts';
import { mustList, mustRead, orStop } from './must-read.ts';

/** What is said of a run of which something was given up: when, of each job. */
export const prunedSchema = z.lazy(() =>
  z.strictObject({
    format: z.literal(formatVersion),
    run: name,
    jobs: z.record(name, time),
  }),
);

/** Run → job → when its artifacts and long logs were given up, ISO 8601. */
export type PrunedJobs = ReadonlyMap<string, ReadonlyMap<string, string>>;

export const prunedFolder = 'runs';

/** Where it stands in the tree of `pruned/artifacts`. */
export function prunedPath(run: string): string {
  return `${prunedFolder}/${run.slice(0, 2)}/${run}`;
}

async function tipOf({ shared, names }: Ledger): Promise<string | null> {
  return (await shared.list([names.pruned])).get(names.pruned) ?? null;
}

/** All of it. @throws DstackError `unreadable` */
export async function readPruned(ledger: Ledger): Promise<PrunedJobs> {
  const tip = await tipOf(ledger);
  const pruned = new Map<string, Map<string, string>>();
  if (tip === null) return pruned;
  return orStop(ledger, ledger.names.pruned, async () => {
    const top = (await mustList(ledger, tip)).get(prunedFolder);
    for (const folder of top ? (await mustList(ledger, top.id)).values() : []) {
      for (const { id, name: run } of (await mustList(ledger, folder.id)).values()) {
        const file = parseFile(prunedSchema, run, (await mustRead(ledger, id, 'blob')).content);
        pruned.set(file.run, new Map(Object.entries(file.jobs)));
      }
    }
    return pruned;
  });
}

/**
 * Those of a run's jobs that have given up what they left, with when. For who has missed something and wants to say
 * why, so what can't be found out is no.
 */
export async function prunedOf(ledger: Ledger, run: string): Promise<ReadonlyMap<string, string>> {
  try {
    const tip = await tipOf(ledger);
    const blob = tip === null ? null : await ledger.shared.read(`${tip}:${prunedPath(run)}`);
    if (blob?.type !== 'blob') return new Map();
    return new Map(Object.entries(parseFile(prunedSchema, run, blob.content).jobs));
  } catch {
    return new Map();
  }
}

/**
 * Writes down that what these jobs left is given up.
 * @param jobs of each run; without any, nothing is done
 * @throws DstackError if that is refused, can't be reached, or another does the same at this moment (`busy`)
 */
export async function addPruned(
  ledger: Ledger,
  jobs: ReadonlyMap<string, readonly string[]>,
  at: string,
): Promise<void> {
  if (jobs.size === 0) return;
  const { shared, names } = ledger;
  const before = await tipOf(ledger);
  const known = await readPruned(ledger);
  if (before !== null) await shared.obtain([before], { toBuildOn: true });
  const files = [...jobs].map(([run, added]): CommitInput['files'][number] => {
    const all = {
      ...Object.fromEntries(added.map((job) => [job, at])),
      ...Object.fromEntries(known.get(run) ?? []),
    };
    return { path: prunedPath(run), content: printFile({ format: formatVersion, run, jobs: all }) };
  });
  const [commit] = await shared.write([
    {
      parents: before === null ? [] : [before],
      baseTree: before === null ? null : await treeOf(ledger, before),
      files,
      message: `artifacts of ${jobs.size === 1 ? '1 run' : `${jobs.size} runs`} given up\n\nDstack-Format: ${formatVersion}\n`,
      author: signature(ledger),
    },
  ]);
  const swap = { ref: names.pruned, from: before, to: commit as string };
  const giveUp = insist(ledger, 'nothing was pruned');
  const result = await compareAndSwap(shared, swap, new Set([swap.to]), giveUp);
  if (result === 'won') return;
  throw new DstackError('busy', 'another `dstack prune` is at work; nothing was pruned', {
    hint: 'try again once it has ended',
  });
}
