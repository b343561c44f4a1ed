import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { DstackError, usageError } from '../errors.ts';
import type { FileEntry } from '../store/manifest.ts';
import { readContent } from '../store/read-content.ts';
import { plainText } from '../terminal-text.ts';
import { orPruned } from './explain-pruned.ts';
import { manifestsOf, requireArtifacts } from './finished-artifacts.ts';
import { locateRun } from './open-state.ts';
import { openLedgerStore, openProject } from './project.ts';

/**
 * Prints a file among artifacts as it is, byte for byte.
 * @param text `RUN:PATH`, `RUN/JOB:PATH`, `:TAG:PATH` or `:TAG/JOB:PATH`
 */
export async function catArtifact(text: string): Promise<void> {
  const colon = text.indexOf(':', 1);
  if (colon < 0 || colon === text.length - 1) {
    throw usageError('bad-artifact', `${plainText(text)} names no file`, 'write it as RUN/JOB:PATH');
  }
  const [name, path] = [text.slice(0, colon), text.slice(colon + 1)];
  const project = await openProject();
  const { ledger, run, job } = await locateRun(project, name);
  const all = requireArtifacts(await manifestsOf(ledger, run.jobs, job), name, run);
  const found = all.flatMap(({ job: of, manifest }) => {
    const entry = manifest.entries.find((one) => one.type === 'file' && one.path === path);
    return entry ? [{ job: of, manifest, entry: entry as FileEntry }] : [];
  });
  const [first, ...others] = found;
  if (first === undefined) {
    throw new DstackError('no-such-artifact', `${plainText(name)} has left no file ${plainText(path)}`, {
      hint: `\`dstack artifacts list ${run.name}\` lists all`,
    });
  }
  if (others.some(({ entry }) => entry.sha256 !== first.entry.sha256)) {
    const jobs = found.map(({ job: of }) => plainText(of)).join(', ');
    throw new DstackError('ambiguous-artifact', `several jobs have left ${plainText(path)}: ${jobs}`, {
      hint: `write which: ${run.name}/${plainText(first.job)}:${plainText(path)}`,
    });
  }
  const store = await openLedgerStore(project, ledger);
  await orPruned(ledger, { run: run.name, job: first.job }, () =>
    pipeline(Readable.from(readContent(first.manifest, first.entry, store)), process.stdout, { end: false }),
  );
}
