import { DstackError } from '../errors.ts';
import { backOff } from './back-off.ts';
import type { Ledger } from './ledger.ts';
import { readClaimTip } from './live.ts';
import type { PreparedRun } from './prepare-run.ts';

type Entry = PreparedRun['updates'][number];

/**
 * Creates the queue entries that are missing beside a run ref of one's own, which a server that was killed in the
 * middle of a push, or one with an order of its own, can have kept without them. An entry under the run's name that is
 * another's is replaced: the name has been decided. A job whose entry isn't in the queue any more has ended, or is
 * about to: it is looked for where it goes next, in that order, since no listing is a snapshot.
 * @throws DstackError `unreachable`
 */
export async function completeRun(ledger: Ledger, prepared: PreparedRun): Promise<void> {
  const { names, shared } = ledger;
  const wait = backOff(ledger.clock, 8);
  for (let attempt = 1; ; attempt += 1) {
    const queue = await listAfter(ledger, prepared.run, [names.ofRun('queue', prepared.run)]);
    const entries = prepared.updates.filter(({ ref }) => names.parse(ref)?.area === 'queue');
    const lost = await withoutAny(
      ledger,
      prepared,
      await withoutAny(
        ledger,
        prepared,
        entries.filter(({ ref, to }) => queue.get(ref) !== to),
        'claims',
      ),
      'jobs',
    );
    if (lost.length === 0) return;
    if ((await shared.push(lost.map(({ ref, to }) => ({ ref, from: queue.get(ref) ?? null, to })))).ok)
      return;
    if (await wait(attempt)) {
      throw new DstackError(
        'unreachable',
        `${prepared.run} was submitted only in part to ${shared.location}`,
        {
          hint: `stop what there is of it, and try again: dstack stop ${prepared.run}`,
        },
      );
    }
  }
}

/** Those of the entries whose jobs have no claim, or no outcome. */
async function withoutAny(
  ledger: Ledger,
  { run }: PreparedRun,
  entries: readonly Entry[],
  area: 'claims' | 'jobs',
): Promise<Entry[]> {
  if (entries.length === 0) return [];
  const refs = await listAfter(ledger, run, [ledger.names.ofRun(area, run)]);
  const without: Entry[] = [];
  for (const entry of entries) {
    const parsed = ledger.names.parse(entry.ref);
    if (parsed?.area !== 'queue') continue;
    const tip = refs.get(ledger.names.job(area, parsed));
    if (tip === undefined || (await isOnAnother(ledger, tip, entry.to))) without.push(entry);
  }
  return without;
}

/** Is it a lease on another queue entry? Whoever has it finds out that there is no such run, and gives it back. */
async function isOnAnother(ledger: Ledger, commit: string, entry: string): Promise<boolean> {
  const tip = await readClaimTip(ledger, commit).catch(() => null);
  return tip?.kind === 'claim' && tip.claim.queue !== entry;
}

/** What is there of a run after a push of it. @throws DstackError if that can't be found out */
export async function listAfter(
  ledger: Ledger,
  run: string,
  prefixes: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const wait = backOff(ledger.clock, 8);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ledger.shared.list(prefixes);
    } catch (error) {
      if (!(error instanceof DstackError)) throw error;
      if (!(await wait(attempt))) continue;
      throw new DstackError(error.code, `it is not known whether ${run} was submitted: ${error.message}`, {
        hint: `once it can be reached again, \`dstack status ${run}\` tells${error.hint ? `; ${error.hint}` : ''}`,
        cause: error,
      });
    }
  }
}
