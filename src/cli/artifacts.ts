import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { DstackError } from '../errors.ts';
import { fileFilter } from '../language/file-filter.ts';
import { isFinal } from '../ledger/state.ts';
import type { Manifest } from '../store/manifest.ts';
import { caseCollisions } from '../store/manifest-text.ts';
import { restoreArtifacts } from '../store/restore-artifacts.ts';
import { plainText } from '../terminal-text.ts';
import { formatBytes } from '../tui/duration.ts';
import { formatTable } from '../tui/table.ts';
import { placeArtifacts } from './artifact-places.ts';
import { orPruned, prunedNotices } from './explain-pruned.ts';
import { manifestsOf, requireArtifacts } from './finished-artifacts.ts';
import { locateRun } from './open-state.ts';
import { openLedgerStore, openProject } from './project.ts';
import { hasColour, printJson, say, warn } from './terminal.ts';
import { openTransferBar } from './transfer-bar.ts';

export async function listArtifacts(name: string, options: { json?: true }): Promise<void> {
  const { ledger, run, job } = await locateRun(await openProject(), name);
  const found = await manifestsOf(ledger, run.jobs, job);
  if (options.json) {
    // Where in the store their content lies is nobody's concern.
    const entriesOf = ({ entries }: Manifest) =>
      entries.map((entry) =>
        entry.type === 'file' ? { ...entry, chunks: undefined, pack: undefined } : entry,
      );
    printJson(
      found.map(({ job: of, state, manifest }) => ({ job: of, state, entries: entriesOf(manifest) })),
    );
    return;
  }
  const rows = found.flatMap(({ job: of, manifest }) =>
    manifest.entries.map((entry) => [
      of,
      entry.type === 'folder'
        ? `${entry.path}/`
        : entry.type === 'link'
          ? `${entry.path} -> ${entry.target}`
          : entry.path,
      entry.type === 'file' ? formatBytes(entry.size) : '',
      entry.type === 'file' ? entry.sha256.slice(0, 12) : '',
    ]),
  );
  if (rows.length === 0) {
    say(`${run.name} has left no artifacts${run.jobs.every((one) => isFinal(one.state)) ? '' : ' yet'}`);
    return;
  }
  const columns = [{ title: 'JOB' }, { title: 'PATH' }, { title: 'SIZE' }, { title: 'SHA256' }];
  process.stdout.write(formatTable(columns, rows, { colour: hasColour(process.stdout) }));
  const jobs = found.map(({ job: of }) => of);
  for (const notice of await prunedNotices(ledger, run.name, jobs)) say(notice);
}

export async function downloadArtifacts(
  name: string,
  globs: readonly string[],
  options: { output?: string; jobs?: number; json?: true },
): Promise<void> {
  const project = await openProject();
  const { ledger, run, job } = await locateRun(project, name);
  const found = placeArtifacts(requireArtifacts(await manifestsOf(ledger, run.jobs, job), name, run));
  const filter = globs.length === 0 ? undefined : fileFilter({ include: [...globs], exclude: [] });
  if (filter && !found.some(({ manifest }) => manifest.entries.some(({ path }) => filter(path)))) {
    throw new DstackError('no-such-artifact', `${plainText(name)} has left nothing that matches`, {
      hint: `\`dstack artifacts list ${run.name}\` lists all`,
    });
  }
  const folder = resolve(options.output ?? run.name);
  const store = await openLedgerStore(project, ledger);
  const results: object[] = [];
  try {
    for (const { job: of, manifest, state } of found) {
      for (const [a, b] of caseCollisions(manifest)) {
        warn(`${plainText(a)} and ${plainText(b)} are one file where case does not count`);
      }
      const bar = openTransferBar(of);
      const restored = await orPruned(ledger, { run: run.name, job: of }, () =>
        restoreArtifacts(manifest, store, folder, { filter, atOnce: options.jobs, progress: bar.show }),
      ).finally(bar.end);
      results.push({ job: of, ...restored, folder });
      if (!options.json) {
        const note = state === 'failed' || state === 'stopped' ? ` (of a job that ended as ${state})` : '';
        say(
          `${plainText(of)}: ${restored.written} written, ${restored.unchanged} already there, in ${folder}${note}`,
        );
      }
    }
  } finally {
    if (options.output === undefined) keepOutOfSnapshots(folder, project.folder);
  }
  if (options.json) printJson(results);
}

/** Results inside the project would be in the next snapshot, and change what is cached: the folder ignores itself. */
function keepOutOfSnapshots(folder: string, project: string): void {
  const ignore = join(folder, '.gitignore');
  const isInside = folder.startsWith(`${project}${sep}`) && existsSync(folder);
  if (isInside && !existsSync(ignore)) writeFileSync(ignore, '*\n');
}
