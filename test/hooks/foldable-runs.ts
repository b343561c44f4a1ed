import type { RefUpdate } from '../../src/git/push.ts';
import { fold } from '../../src/ledger/archive/fold.ts';
import type { Role } from '../../src/ledger/guard/roles.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { makeRecord } from '../../src/ledger/records.ts';
import { settle } from '../../src/ledger/settle.ts';
import { finishedRun } from '../ledger/archive/finished-run.ts';
import {
  claim,
  done,
  finish,
  jobSpec,
  queued,
  type Shared,
  scratchShared,
  submit,
} from '../ledger/support.ts';
import { insider, name } from './guarded-repository.ts';

export const index = name('archive/index/000001-a');
export const keep = name('archive/keep/000001-a');
/** Keys of a job whose runner has made it up, and of one that failed. */
export const lied = 'd'.repeat(64);
export const failed = 'e'.repeat(64);

export interface Foldable {
  readonly shared: Shared;
  /** What she writes is there at once, as what is pushed is for the hook. */
  readonly eve: Ledger;
  /** What a folding of all finished runs would make the two refs point at. */
  readonly folded: { readonly keeper: string; readonly index: string };
  /** What a ref, or another name, stands for. */
  tip(ref: string): string;
}

export const as = (...roles: Role[]) => ({ user: 'eve', roles: new Set(roles) });

/** Runs that have ended, `one` (prepare, train), `two` (train) and `odd` (liar, loser), and one that has not, `busy`. */
export async function foldableRuns(): Promise<Foldable> {
  const shared = await scratchShared();
  const eve = await insider(shared);
  await finishedRun(eve, 'one', ['prepare', 'train']);
  await finishedRun(eve, 'two');
  // Of one job the runner says a key that nobody has submitted, the other one has failed.
  const jobs = [jobSpec('liar'), jobSpec('loser')];
  await submit(eve, 'odd', jobs, {
    jobs: jobs.map((spec) => ({ spec, cacheKey: spec.name === 'loser' ? failed : null, useCache: true })),
  });
  const liar = await claim(eve, await queued(eve, 'odd', 'liar'));
  const end = await liar.finish(
    (file) => ({ ...makeRecord(liar.entry, file, done, '2026-11-29T12:00:00.000Z'), cacheKey: lied }),
    { artifacts: null, logTail: null },
  );
  if (end.result !== 'won') throw new Error(end.result);
  const loser = await claim(eve, await queued(eve, 'odd', 'loser'));
  await settle(eve, [end, await finish(loser, { ...done, state: 'failed' })]);
  // No guard would have let it in.
  shared.git('update-ref', '-d', name(`cache/${lied}`));
  await submit(eve, 'busy');

  const pushed: string[] = [];
  const push = async ([update]: readonly RefUpdate[]) => {
    pushed.push(update?.to as string);
    return pushed.length === 1 ? { ok: true } : { ok: false, failure: { code: 'failed', words: '' } };
  };
  await fold({ ...eve, shared: { ...eve.shared, push } as Ledger['shared'] }, { most: 0, rest: 0 });
  const [keeper, made] = pushed as [string, string];
  shared.git('update-ref', 'refs/heads/kept-here', keeper);
  return { shared, eve, folded: { keeper, index: made }, tip: (ref) => shared.git('rev-parse', ref) };
}
