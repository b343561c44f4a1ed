import type { JobRefs } from './job-views.ts';
import type { Ledger } from './ledger.ts';
import type { ClaimTip, LiveReader, QueueEntry } from './live.ts';
import { type JobId, jobName, type RefNames } from './refs.ts';

/** The jobs that somebody has, as far as a listing goes; whether he is alive is not known here. */
export interface Busy {
  readonly queue: ReadonlyMap<string, QueueEntry>;
  readonly claims: ReadonlyMap<string, ClaimTip>;
}

/** How refs' objects are read; a claim that can't be, or is another job's, is null. */
interface Reading {
  claimTip(id: JobId, commit: string): Promise<ClaimTip | null>;
  readonly queueEntry: LiveReader['queueEntry'];
}

/** The refs of jobs among these, by run and job. */
export function refsByRun(names: RefNames, refs: Iterable<[string, string]>) {
  const byRun = new Map<string, Map<string, JobRefs>>();
  for (const [ref, commit] of refs) {
    const parsed = names.parse(ref);
    if (!parsed || !('job' in parsed)) continue;
    const ofRun = byRun.get(parsed.run) ?? new Map<string, JobRefs>();
    byRun.set(parsed.run, ofRun);
    const before = ofRun.get(parsed.job);
    const more =
      parsed.area === 'nodes'
        ? { nodes: [...(before?.nodes ?? []), parsed.runner] }
        : { [parsed.area]: commit };
    ofRun.set(parsed.job, { ...before, ...more });
  }
  return byRun;
}

export async function readBusy(
  byRun: ReadonlyMap<string, ReadonlyMap<string, JobRefs>>,
  reading: Reading,
): Promise<Busy> {
  const queue = new Map<string, QueueEntry>();
  const claims = new Map<string, ClaimTip>();
  for (const [run, jobs] of byRun) {
    for (const [job, refs] of jobs) {
      if (!refs.claims || !refs.queue) continue;
      const id = { run, job };
      const tip = await reading.claimTip(id, refs.claims);
      const entry = await reading.queueEntry(id, refs.queue).catch(() => null);
      if (tip) claims.set(jobName(id), tip);
      if (entry) queue.set(jobName(id), entry);
    }
  }
  return { queue, claims };
}

/** The same of all runs, for who has listed only one. */
export async function readAllBusy({ shared, names }: Ledger, reading: Reading): Promise<Busy> {
  const claims = await shared.list([names.area('claims')], { archived: false });
  const entries = [...claims.keys()].flatMap((ref) => {
    const parsed = names.parse(ref);
    return parsed?.area === 'claims' ? [names.job('queue', parsed)] : [];
  });
  const queue = entries.length > 0 ? await shared.list(entries, { archived: false }) : new Map();
  return readBusy(refsByRun(names, [...claims, ...queue]), reading);
}
