import { emptyTree } from '../git/compare-index.ts';
import { showDiff } from '../git/show-diff.ts';
import { readRun } from '../ledger/runs.ts';
import { createLogSanitizer } from '../terminal-text.ts';
import type { CodeAnswer } from './answer-types.ts';
import type { FoundRun } from './sources.ts';

/** Characters of differences that are shown. */
export const longestPatch = 2_000_000;

/** What the snapshot of a run has that its base, the user's last commit then, has not. */
export async function capturedCode({ ledger, run }: FoundRun, folder: string): Promise<CodeAnswer> {
  await ledger.shared.obtain([run.commit]);
  const base = (await readRun(ledger, run.name, run.commit))?.parent ?? null;
  const { local } = ledger.shared;
  const patch = await patchBetween(base ?? emptyTree[local.objectFormat], run.commit, folder);
  return { commit: run.commit, base, ...patch };
}

/** The differences between two commits as text without anything else than that. */
export async function patchBetween(
  before: string,
  after: string,
  folder: string,
): Promise<{ patch: string; cut: boolean }> {
  const bytes = await showDiff(before, after, { cwd: folder, colour: false, statWidth: null, paths: [] });
  const sanitizer = createLogSanitizer({ colour: false });
  const text = sanitizer.push(bytes.subarray(0, 4 * longestPatch)) + sanitizer.end();
  return { patch: text.slice(0, longestPatch), cut: text.length > longestPatch };
}
