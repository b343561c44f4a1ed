import { type ClaimFile, claimSchema, parseFile, type RecordFile, recordSchema } from '../formats.ts';
import type { Ledger } from '../ledger.ts';
import { parsePointer, streams } from '../log-chunks.ts';
import { jobName } from '../refs.ts';
import { mustList, mustRead, orStop } from './must-read.ts';

/** What a job's commit, an outcome or a lease, needs of the store. */
export interface Needs {
  /** For people: RUN/JOB. */
  readonly job: string;
  /** The text of its manifest, and the sha256 that this should have; null: it has none. */
  readonly artifacts: { readonly text: Uint8Array; readonly sha256: string } | null;
  /** What is too long for Git of its streams. */
  readonly stored: readonly { sha256: string; size: number }[];
}

/** @throws DstackError `unreadable` if any of it can't be read */
export async function readNeeds(ledger: Ledger, commit: string): Promise<Needs> {
  return orStop(ledger, commit, async () => {
    const entries = await mustList(ledger, commit);
    const content = async (name: string) =>
      (await mustRead(ledger, entries.get(name)?.id ?? `${commit}:${name}`, 'blob')).content;
    const said: RecordFile | ClaimFile = entries.has('record.json')
      ? parseFile(recordSchema, 'its record.json', await content('record.json'))
      : parseFile(claimSchema, 'its claim.json', await content('claim.json'));
    const stored: { sha256: string; size: number }[] = [];
    if ('log' in said && said.log.stored) stored.push({ sha256: said.log.sha256, size: said.log.bytes });
    for (const stream of streams) {
      const folder = entries.get(stream);
      if (folder) for await (const pointer of pointersBelow(ledger, folder.id, 2)) stored.push(pointer);
    }
    const artifacts = said.artifacts
      ? { text: await content('artifacts.json'), sha256: said.artifacts.manifest }
      : null;
    return { job: jobName(said), artifacts, stored };
  });
}

/** @param levels of folders between this one and the chunks */
async function* pointersBelow(
  ledger: Ledger,
  tree: string,
  levels: number,
): AsyncGenerator<{ sha256: string; size: number }> {
  for (const { name, id, mode } of (await mustList(ledger, tree)).values()) {
    if (levels > 0 && mode === '40000') yield* pointersBelow(ledger, id, levels - 1);
    else if (name.endsWith('.stored')) {
      const { sha256, size } = parsePointer((await mustRead(ledger, id, 'blob')).content);
      yield { sha256, size };
    }
  }
}

/** Brings objects here that are in the shared repository alone, many at a time. */
export async function bring({ shared }: Ledger, commits: readonly string[]): Promise<void> {
  const missing: string[] = [];
  for (const commit of commits) if ((await shared.read(commit)) === null) missing.push(commit);
  for (let at = 0; at < missing.length; at += atOnce) await shared.obtain(missing.slice(at, at + atOnce));
}

const atOnce = 500;
