import type { RecordFile } from './formats.ts';
import type { Ledger } from './ledger.ts';
import { readClaimTip } from './live.ts';
import type { JobId } from './refs.ts';
import { isSuccess } from './state.ts';

/** A result that can be used again, if its files are still there. */
export interface CacheEntry {
  /** The job that has it: the one that was executed, or one that took it from there. */
  readonly id: JobId;
  /** Its finished commit. */
  readonly commit: string;
  readonly record: RecordFile;
}

/** More refs than this are not asked for one by one. */
const mostNames = 200;

/** What the cache has under these keys. Anything wrong with an entry makes it none. */
export async function readCache(ledger: Ledger, keys: Iterable<string>): Promise<Map<string, CacheEntry>> {
  const { shared, names } = ledger;
  const wanted = [...new Set(keys)];
  const refs = await shared.list(
    wanted.length > mostNames ? [names.area('cache')] : wanted.map((key) => names.cache(key)),
  );
  const entries = await Promise.all(
    wanted.map(async (key): Promise<[string, CacheEntry] | null> => {
      const commit = refs.get(names.cache(key));
      const entry = commit === undefined ? null : await readEntry(ledger, key, commit);
      return entry && [key, entry];
    }),
  );
  return new Map(entries.flatMap((entry) => (entry ? [entry] : [])));
}

async function readEntry(ledger: Ledger, key: string, commit: string): Promise<CacheEntry | null> {
  try {
    const tip = await readClaimTip(ledger, commit);
    if (tip.kind !== 'finished') return null;
    const { record } = tip;
    if (!isSuccess(record.state) || record.cacheKey !== key) return null;
    return { id: { run: record.run, job: record.job }, commit, record };
  } catch {
    return null;
  }
}
