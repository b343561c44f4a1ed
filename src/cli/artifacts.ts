import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { DstackError } from '../errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { readFile } from '../ledger/live.ts';
import { readFinishedJob } from '../ledger/runs.ts';
import type { FinalState, JobView } from '../ledger/state.ts';
import { isFinal } from '../ledger/state.ts';
import { caseCollisions, parseManifest } from '../store/manifest-text.ts';
import { restoreArtifacts } from '../store/restore-artifacts.ts';
import { plainText } from '../terminal-text.ts';
import { formatBytes } from '../tui/duration.ts';
import { formatTable } from '../tui/table.ts';
import { type JobArtifacts, placeArtifacts } from './artifact-places.ts';
import { locateRun } from './open-state.ts';
import { openLedgerStore, openProject } from './project.ts';
import { hasColour, printJson, say, warn } from './terminal.ts';

interface FinishedArtifacts extends JobArtifacts {
  readonly state: FinalState;
}

export async function listArtifacts(name: string, options: { json?: true }): Promise<void> {
  const { ledger, run, job } = await locateRun(await openProject(), name);
  const found = await manifestsOf(ledger, run.jobs, job);
  if (options.json) {
    printJson(found.map(({ job: of, state, manifest }) => ({ job: of, state, entries: manifest.entries })));
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
}

export async function downloadArtifacts(
  name: string,
  options: { output?: string; json?: true },
): Promise<void> {
  const project = await openProject();
  const { ledger, run, job } = await locateRun(project, name);
  const found = await manifestsOf(ledger, run.jobs, job);
  if (found.length === 0) {
    throw new DstackError('no-artifacts', `${plainText(name)} has left no artifacts`, {
      hint: isFinal(run.state)
        ? undefined
        : `it is ${run.state}; \`dstack logs -f ${run.name}\` waits for its end`,
    });
  }
  const folder = resolve(options.output ?? run.name);
  const store = await openLedgerStore(project, ledger);
  const results: object[] = [];
  for (const { job: of, manifest, state } of placeArtifacts(found)) {
    for (const [a, b] of caseCollisions(manifest)) {
      warn(`${plainText(a)} and ${plainText(b)} are one file where case does not count`);
    }
    let shown = 0;
    const restored = await restoreArtifacts(manifest, store, folder, {
      progress: ({ files, totalFiles }) => {
        if (!process.stderr.isTTY || performance.now() - shown < 100) return;
        shown = performance.now();
        process.stderr.write(`\r${plainText(of)}: ${files} of ${totalFiles} files\x1b[K`);
      },
    });
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
    results.push({ job: of, ...restored, folder });
    if (!options.json) {
      const note = state === 'failed' || state === 'stopped' ? ` (of a job that ended as ${state})` : '';
      say(
        `${plainText(of)}: ${restored.written} written, ${restored.unchanged} already there, in ${folder}${note}`,
      );
    }
  }
  if (options.output === undefined) keepOutOfSnapshots(folder, project.folder);
  if (options.json) printJson(results);
}

/** Results inside the project would be in the next snapshot, and change what is cached: the folder ignores itself. */
function keepOutOfSnapshots(folder: string, project: string): void {
  const ignore = join(folder, '.gitignore');
  if (folder.startsWith(`${project}${sep}`) && !existsSync(ignore)) writeFileSync(ignore, '*\n');
}

async function manifestsOf(
  ledger: Ledger,
  jobs: readonly JobView[],
  only: string | null,
): Promise<FinishedArtifacts[]> {
  const found: FinishedArtifacts[] = [];
  for (const { run, name, workflow, artifacts, commit, state } of jobs) {
    if ((only !== null && name !== only) || !artifacts || commit === null || !isFinal(state)) continue;
    const { spec } = await readFinishedJob(ledger, { run, job: name }, commit);
    found.push({
      job: name,
      workflow,
      declared: spec.artifacts,
      state,
      manifest: parseManifest(await readFile(ledger, commit, 'artifacts.json')),
    });
  }
  return found;
}
