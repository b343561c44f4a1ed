import { DstackError } from '../errors.ts';
import { checkBlobs } from '../store/check-blobs.ts';
import { manifestTotals } from '../store/manifest.ts';
import { plainText } from '../terminal-text.ts';
import { formatBytes } from '../tui/duration.ts';
import { prunedErrors } from './explain-pruned.ts';
import { manifestsOf, requireArtifacts } from './finished-artifacts.ts';
import { locateRun } from './open-state.ts';
import { openLedgerStore, openProject } from './project.ts';
import { plural, printJson, say } from './terminal.ts';
import { openTransferBar } from './transfer-bar.ts';

/** @throws DstackError `artifacts-lost` after all have been named, if some can't be had as they were */
export async function verifyArtifacts(name: string, options: { jobs?: number; json?: true }): Promise<void> {
  const project = await openProject();
  const { ledger, run, job } = await locateRun(project, name);
  const found = requireArtifacts(await manifestsOf(ledger, run.jobs, job), name, run);
  const store = await openLedgerStore(project, ledger);
  const results = [];
  let lostFiles = 0;
  for (const { job: of, manifest } of found) {
    const bar = openTransferBar(of);
    const lost = await checkBlobs(manifest, store, { progress: bar.show, atOnce: options.jobs }).finally(
      bar.end,
    );
    lostFiles += lost.length;
    const { files, bytes } = manifestTotals(manifest);
    results.push({
      job: of,
      files,
      bytes,
      lost: lost.map(({ file: { path }, problem }) => ({ path, problem })),
    });
    if (options.json) continue;
    for (const { file, problem } of lost) say(`${plainText(of)}: ${plainText(file.path)} is ${problem}`);
    if (lost.length === 0)
      say(`${plainText(of)}: ${plural(files, 'file')}, ${formatBytes(bytes)}, all right`);
  }
  if (options.json) printJson(results);
  if (lostFiles === 0) return;
  const pruned = await prunedErrors(ledger, run.name);
  for (const { job: of, lost } of results) if (lost.length > 0 && pruned.has(of)) throw pruned.get(of);
  throw new DstackError(
    'artifacts-lost',
    `${plural(lostFiles, 'file')} of ${plainText(name)} can't be had any more`,
    {
      hint: `\`dstack rerun ${run.name}\` makes them anew; or copy the store back from a backup`,
    },
  );
}
