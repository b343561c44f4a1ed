import { openArchive } from './archive/read-archive.ts';
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
  const { names } = ledger;
  const wanted = [...new Set(keys)];
  const refs = await listKeys(ledger, wanted);
  const entries = await Promise.all(
    wanted.map(async (key): Promise<[string, CacheEntry] | null> => {
      const commit = refs.get(names.cache(key));
      const entry = commit === undefined ? null : await readEntry(ledger, key, commit);
      return entry && [key, entry];
    }),
  );
  return new Map(entries.flatMap((entry) => (entry ? [entry] : [])));
}

async function listKeys(
  { shared, names }: Ledger,
  keys: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (keys.length <= mostNames) return shared.list(keys.map(names.cache));
  const found = new Map(await shared.list([names.area('cache')]));
  const archive = openArchive(shared, names);
  const tips = await archive.tips();
  const missing = keys.filter((key) => !found.has(names.cache(key)));
  const archived = await Promise.all(missing.map((key) => archive.findKey(tips, key)));
  await shared.obtain(archived.flatMap((one) => one?.commit ?? []));
  for (const [index, key] of missing.entries()) {
    const commit = archived[index]?.commit;
    if (commit) found.set(names.cache(key), commit);
  }
  return found;
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
