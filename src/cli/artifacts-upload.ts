import { createHash } from 'node:crypto';
import { join, relative, resolve } from 'node:path';
import { DstackError, usageError } from '../errors.ts';
import { git, runGit } from '../git/run-git.ts';
import { defaultRequirements, type JobSpec } from '../language/job-spec.ts';
import { endAtOnce, forNoRunner } from '../ledger/end-at-once.ts';
import { type Ledger, signature } from '../ledger/ledger.ts';
import { checkName, drawRunName, nameTaken } from '../ledger/names.ts';
import { prepareRun } from '../ledger/prepare-run.ts';
import { submitRun } from '../ledger/submit.ts';
import { listTags, setTag, tagExists } from '../ledger/tags.ts';
import { type Collected, collectArtifacts } from '../store/collect-artifacts.ts';
import { openKeptFiles } from '../store/kept-known-files.ts';
import { hashOfManifest, serializeManifest } from '../store/manifest-text.ts';
import { noteUser } from '../store/store-users.ts';
import { verifyBlobs } from '../store/verify-blobs.ts';
import { plainText } from '../terminal-text.ts';
import { formatBytes } from '../tui/duration.ts';
import { confirmFirstPush } from './confirm-first-push.ts';
import { openLedgerStore, openLocalLedger, openProject, openRemoteLedger, type Project } from './project.ts';
import { plural, printJson, say, warn } from './terminal.ts';
import { openTransferBar } from './transfer-bar.ts';

export interface UploadOptions {
  from?: string;
  tag?: string;
  name?: string;
  local?: true;
  json?: true;
}

/**
 * Makes a finished run of what lies in a folder: workflows depend on it as on any other, by its tag.
 * @param workflow the name by which they do
 * @param paths files and folders below `from`, and relative to it; by default below the project, and to where one is
 */
export async function uploadArtifacts(
  workflow: string,
  paths: readonly string[],
  options: UploadOptions,
): Promise<void> {
  checkName('job', workflow);
  if (options.name !== undefined) checkName('run', options.name);
  if (options.tag !== undefined) checkName('tag', options.tag);
  const project = await openProject();
  const folder = resolve(options.from ?? project.folder);
  const wanted = paths.map((path) => pathWithin(folder, resolve(options.from ?? '.', path), path));
  if (!options.local) await confirmFirstPush(project);
  const ledger = options.local ? await openLocalLedger(project, true) : await openRemoteLedger(project);
  if (!ledger) throw new Error('unreachable');
  if (options.tag !== undefined && (await listTags(ledger)).has(options.tag)) {
    throw tagExists(options.tag);
  }

  const store = await openLedgerStore(project, ledger);
  const key = createHash('sha256').update(folder).digest('hex').slice(0, 12);
  const known = await openKeptFiles(join(project.repository.commonDir, 'dstack/known-files', `${key}.json`));
  const bar = openTransferBar('uploading');
  const collecting = collectArtifacts(folder, wanted, store, { progress: bar.show, known });
  const collected = await collecting.finally(bar.end);
  await known.save();
  for (const what of collected.skipped) warn(`${what}: left out`);
  if (collected.missing.length > 0) {
    throw usageError(
      'no-such-path',
      `not in ${plainText(folder)}: ${collected.missing.map(plainText).join(', ')}`,
      'they are looked for where you are, or in the folder that --from names',
    );
  }
  const { name, commit } = await submit(project, ledger, workflow, wanted, options.name);
  const { location: repository } = ledger.shared;
  await noteUser(store, { repository, prefix: ledger.names.prefix, by: 'upload', run: name, commit });
  await end(ledger, name, workflow, collected, async () => {
    // Found there when nothing needed it, it may have been swept since; from now on, whoever sweeps waits for the claim.
    if ((await verifyBlobs(collected.manifest, store)).length === 0) return;
    const again = await collectArtifacts(folder, wanted, store, { known });
    if (serializeManifest(again.manifest) !== serializeManifest(collected.manifest))
      throw new DstackError(
        'file-changed',
        `files in ${plainText(folder)} changed while they were being stored`,
        {
          hint: `\`dstack stop ${name}\`, and upload again once they keep still`,
        },
      );
  });
  if (options.tag !== undefined) await setTag(ledger, options.tag, commit);
  const { files, bytes } = collected.totals;
  if (options.json) return printJson({ run: name, commit, tag: options.tag ?? null, files, bytes });
  say(`${plural(files, 'file')}, ${formatBytes(bytes)}, in ${plainText(store.location)}`);
  if (options.tag === undefined) say(`to depend on it, tag it: dstack tag ${name} TAG`);
  else say(`workflows get it by \`depends-on: {workflows: ['${workflow}:${options.tag}']}\``);
  process.stdout.write(`${name}\n`);
}

/** @throws DstackError `outside` (usage) for a path that isn't below the folder */
function pathWithin(folder: string, absolute: string, given: string): string {
  const path = relative(folder, absolute);
  if (path !== '' && path !== '..' && !path.startsWith('../')) return path;
  throw usageError(
    'outside',
    path === ''
      ? `${plainText(given)} is the folder itself: name what is in it`
      : `${plainText(given)} is not in ${plainText(folder)}`,
    'jobs get the files at the same paths below their project: --from names the folder that takes its place',
  );
}

async function submit(
  project: Project,
  ledger: Ledger,
  workflow: string,
  paths: readonly string[],
  given: string | undefined,
): Promise<{ name: string; commit: string }> {
  const { gitDir } = project.repository;
  const head = await runGit(['rev-parse', '--verify', '--quiet', 'HEAD'], { gitDir });
  const parent = head.exitCode === 0 ? head.stdout.toString('utf8').trim() : null;
  // The code has no part in it: the run shows what was committed when it was made.
  const tree = parent
    ? await git(['rev-parse', '--verify', `${parent}^{tree}`], { gitDir })
    : await git(['mktree'], { gitDir, input: '' });
  for (;;) {
    const name = given ?? drawRunName();
    const prepared = await prepareRun(ledger, {
      run: name,
      workflow,
      overrides: {},
      reason: `uploaded: ${paths.map(plainText).join(', ')}`,
      tree,
      parent,
      author: signature(ledger),
      jobs: [{ spec: uploadedSpec(workflow, paths), cacheKey: null, useCache: false }],
    });
    if ((await submitRun(ledger, prepared)) === 'submitted') return { name, commit: prepared.commit };
    if (given !== undefined) throw nameTaken(given);
  }
}

async function end(
  ledger: Ledger,
  run: string,
  job: string,
  { manifest, totals }: Collected,
  check: () => Promise<void>,
): Promise<void> {
  const artifacts = serializeManifest(manifest);
  const said = {
    manifest: hashOfManifest(artifacts),
    ...totals,
    complete: true,
  };
  const outcome = { state: 'done', reason: null, artifacts: said } as const;
  const ended = await endAtOnce(ledger, { run, job }, () => ({ by: 'upload', outcome, artifacts, check }));
  if (ended) return;
  throw new DstackError('not-ended', `${run} was submitted, but not ended as done`, {
    hint: `\`dstack stop ${run}\`, and upload again: what is in the store already costs nothing`,
  });
}

/** What a runner would have to do that was given it; none is. */
function uploadedSpec(workflow: string, paths: readonly string[]): JobSpec {
  return {
    name: workflow,
    workflow,
    image: null,
    commands: ['echo "its files were to be uploaded, and were not"', 'exit 1'],
    env: {},
    secrets: [],
    workingDir: '.',
    artifacts: [...paths],
    variables: {},
    dependsOn: [],
    files: null,
    ...defaultRequirements,
    retry: { limit: 0, on: [] },
    labels: forNoRunner('uploaded'),
  };
}
