import { parseCommit } from '../git/object-reader.ts';
import type { CommitInput } from '../git/write-commits.ts';
import type { KeptArtifacts } from './claim-holder.ts';
import { type ClaimFile, formatVersion, printFile, type RecordFile } from './formats.ts';
import type { Ledger } from './ledger.ts';
import { streams } from './log-chunks.ts';
import { type JobId, jobName } from './refs.ts';

/** Longer ones would not be legal. */
const longestDetail = 1000;

/** A commit's tree. @throws Error if it can't be read */
export async function treeOf(ledger: Ledger, commit: string): Promise<string> {
  const object = await ledger.shared.read(commit);
  if (object?.type !== 'commit') throw new Error(`commit ${commit} can't be read`);
  return parseCommit(object.content).tree;
}

/** The streams of a commit, to go into another's tree as they are. */
export async function streamTrees(ledger: Ledger, commit: string): Promise<CommitInput['files']> {
  const found = await Promise.all(
    streams.map(async (path) => ({ path, tree: await ledger.shared.read(`${commit}:${path}`) })),
  );
  return found.flatMap(({ path, tree }) =>
    tree?.type === 'tree' ? [{ path, id: tree.id, mode: '040000' as const }] : [],
  );
}

export function claimFile(claim: ClaimFile): { path: string; content: string } {
  const detail = claim.detail?.slice(0, longestDetail) ?? null;
  return { path: 'claim.json', content: printFile({ ...claim, detail }) };
}

/** The manifest of what has been saved, in a claim's tree; none: what is there stays. */
export function manifestFile(kept: KeptArtifacts | undefined): CommitInput['files'] {
  return kept ? [{ path: 'artifacts.json', content: kept.manifest }] : [];
}

/** The text of the manifest of what earlier attempts have saved; null if it can't be read. */
export async function keptManifest(ledger: Ledger, commit: string): Promise<string | null> {
  const blob = await ledger.shared.read(`${commit}:artifacts.json`);
  return blob?.type === 'blob' ? blob.content.toString('utf8') : null;
}

export function claimMessage(claim: ClaimFile): string {
  if (claim.state === 'waiting') return `waiting: ${claim.job}: ${claim.detail?.split('\n')[0]}`;
  const attempt = claim.attempt > 1 ? ` (attempt ${claim.attempt})` : '';
  return `${claim.state}: ${claim.job} by ${claim.runner}${attempt}`;
}

export function recordMessage(record: RecordFile): string {
  return `${record.state}: ${record.job}${record.reason ? `: ${record.reason.split('\n')[0]}` : ''}`;
}

/** The end of every message of a claim's commit. */
export function trailers(id: JobId): string {
  return `Dstack-Format: ${formatVersion}\nDstack-Run: ${id.run}\nDstack-Job: ${jobName(id)}\n`;
}
