import { rm } from 'node:fs/promises';
import { DstackError } from '../errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { chooseJobs } from '../ledger/prune/choose-jobs.ts';
import { bring, readNeeds } from '../ledger/prune/needs.ts';
import { readWhole, type WholeLedger } from '../ledger/prune/whole-ledger.ts';
import { inputsFolder } from '../runner/folders.ts';
import { openInputCache } from '../runner/machine-caches.ts';
import { cacheAsSource, type PlaceInFile, placesInFiles } from '../store/cache-source.ts';
import { checkBlob } from '../store/check-blobs.ts';
import type { Blob } from '../store/manifest.ts';
import { parseManifest } from '../store/manifest-text.ts';
import { mapLimited } from '../store/map-limited.ts';
import { countProgress } from '../store/progress.ts';
import {
  type BlobSource,
  type Repaired,
  repairBlobs,
  retiredAsSource,
  storeAsSource,
} from '../store/repair-blobs.ts';
import type { Store } from '../store/store.ts';
import { readUsers } from '../store/store-users.ts';
import { graceMs } from '../store/sweep.ts';
import { plainText } from '../terminal-text.ts';
import { blobsOfJob } from './blobs-of-job.ts';
import { unknownUsers } from './look-for-unused.ts';
import { openPassingFolder } from './passing-folder.ts';
import {
  openChosenLedger,
  openLedgerStore,
  openLocalLedger,
  openProject,
  openRemoteLedger,
  type Project,
} from './project.ts';
import { amountText, countUnused } from './prune-words.ts';
import { plural, printJson, say, warn } from './terminal.ts';
import { openTransferBar } from './transfer-bar.ts';

interface NeededBlob extends Blob {
  /** `RUN/JOB` of those that need it. */
  readonly jobs: string[];
  /** Of one of them. */
  readonly commit: string;
  /** All of them have given it up, and it is kept for who needs it nevertheless; so it may be gone. */
  isGivenUp: boolean;
}

interface LostBlob {
  readonly blob: NeededBlob;
  readonly problem: 'missing' | 'damaged';
  /** From where it is there again. */
  readonly repaired: string | null;
}

/**
 * `dstack store check`: reads all that runs need of the store. What is missing or damaged is put there again from what
 * this clone has.
 * @throws DstackError `store-lacks` after all has been told, if something could not be repaired
 */
export async function checkStore(options: { local?: true; jobs?: number; json?: true }): Promise<void> {
  const project = await openProject();
  const ledger = await openChosenLedger(project, options.local);
  const store = await openLedgerStore(project, ledger);
  const whole = await readWhole(ledger);
  const needed = await neededBlobs(ledger, whole);
  const lost = await findLost(store, needed, options.jobs);
  // Whatever comes of that: first it is said what is lost.
  const repaired = await repair(project, ledger, store, lost, options.local === true).catch(
    (failure: unknown): Repaired => ({ from: new Map(), away: new Map(), failure }),
  );
  const result = lost.map(({ blob, problem }): LostBlob => {
    return { blob, problem, repaired: repaired.from.get(blob.sha256) ?? null };
  });
  if (!options.json) for (const line of lostText(result)) say(line);
  const users = unknownUsers(await readUsers(store), [whole]).map(([, user]) => user.repository);
  // Who may only read it need not know so exactly.
  const now = await store.now().catch(() => new Date());
  const before = new Date(now.getTime() - graceMs);
  const unused = await countUnused(store, new Set(needed.keys()), new Set(), before);
  const bytes = [...needed.values()].reduce((sum, { size }) => sum + size, 0);
  if (options.json) {
    printJson({
      blobs: needed.size,
      bytes,
      lost: result.map(({ blob: { sha256, size, jobs }, ...rest }) => ({ sha256, size, jobs, ...rest })),
      orphaned: unused.unneeded,
      alsoUsedBy: users,
    });
  } else {
    const rest = {
      blobs: needed.size - lost.length,
      bytes: bytes - lost.reduce((sum, one) => sum + one.blob.size, 0),
    };
    say(`${amountText(rest)}, all right`);
    if (unused.unneeded.blobs > 0) say(orphansText(amountText(unused.unneeded), users));
  }
  const gone = result.filter((one) => one.repaired === null).length;
  if (gone === 0) return;
  for (const [name, error] of repaired.away) warn(`${name} can't be read: ${(error as Error).message}`);
  if (repaired.failure !== undefined) throw repaired.failure;
  throw new DstackError('store-lacks', `${plural(gone, 'blob')} can't be had any more`, {
    hint: '`dstack artifacts verify RUN` names the files, `dstack rerun RUN` makes them anew; or copy `sha256/` back from a backup',
  });
}

/**
 * What `dstack prune` would keep if everything were young: what jobs need of the store, also those that have given it up
 * where a tag or another job keeps it, and what is being uploaded has said so far.
 */
async function neededBlobs(ledger: Ledger, whole: WholeLedger): Promise<Map<string, NeededBlob>> {
  const ended = new Map<string, { job: string; isGivenUp: boolean }>();
  for (const { name: run, jobs } of whole.runs.values()) {
    for (const { name, commit } of jobs) {
      const isGivenUp = whole.pruned.get(run)?.has(name) === true;
      if (commit !== null) ended.set(commit, { job: `${run}/${name}`, isGivenUp });
    }
  }
  const { kept } = chooseJobs(whole, Number.NEGATIVE_INFINITY);
  await bring(ledger, kept);
  const needed = new Map<string, NeededBlob>();
  for (const commit of kept) {
    const { job, isGivenUp } = ended.get(commit) ?? { job: 'a job that has not ended', isGivenUp: false };
    for (const { sha256, size } of await blobsOfJob(ledger, commit)) {
      const blob = needed.get(sha256) ?? { sha256, size, jobs: [], commit, isGivenUp };
      if (!blob.jobs.includes(job)) blob.jobs.push(job);
      blob.isGivenUp &&= isGivenUp;
      needed.set(sha256, blob);
    }
  }
  return needed;
}

/** What was given up and has gone is not lost, and not needed any more: it is taken out of what is needed. */
async function findLost(store: Store, needed: Map<string, NeededBlob>, atOnce: number | undefined) {
  const blobs = [...needed.values()];
  const bar = openTransferBar('reading');
  const sizes = blobs.map(({ size }) => size);
  const count = countProgress(sizes, bar.show);
  const lost: { blob: NeededBlob; problem: 'missing' | 'damaged' }[] = [];
  const check = async (blob: NeededBlob) => {
    const found = await checkBlob(store, blob);
    // What is retired is read still, but nobody else takes it for there.
    const problem = found ?? ((await store.has(blob.sha256, blob.size)) ? null : 'missing');
    if (found === 'missing' && blob.isGivenUp) needed.delete(blob.sha256);
    else if (problem !== null) lost.push({ blob, problem });
    count.file(blob.size);
  };
  await mapLimited(blobs, check, atOnce).finally(bar.end);
  return lost;
}

async function repair(
  project: Project,
  ledger: Ledger,
  store: Store,
  lost: readonly { blob: NeededBlob }[],
  isLocal: boolean,
): Promise<Repaired> {
  if (lost.length === 0) return { from: new Map(), away: new Map(), failure: undefined };
  const blobs = lost.map(({ blob }) => blob);
  const folder = await openPassingFolder(project);
  try {
    const cache = await cacheSource(project, ledger, store, blobs, folder);
    const sources = [
      retiredAsSource(store),
      ...(cache ? [cache] : []),
      ...(await sourcesOf(project, isLocal)),
    ];
    return await repairBlobs(blobs, store, sources, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What runners of this machine have kept of that store. */
async function cacheSource(
  { config }: Project,
  ledger: Ledger,
  store: Store,
  lost: readonly NeededBlob[],
  folder: string,
): Promise<BlobSource | null> {
  const ignoreDamage = () => {};
  const cache = openInputCache({ inputs: inputsFolder() }, store, config.runner.inputCache, ignoreDamage);
  if (!cache) return null;
  const places = new Map<string, PlaceInFile>();
  for (const commit of new Set(lost.map((blob) => blob.commit))) {
    const { artifacts } = await readNeeds(ledger, commit);
    if (artifacts)
      for (const [sha256, place] of placesInFiles(parseManifest(artifacts.text, artifacts.sha256)))
        places.set(sha256, place);
  }
  return cacheAsSource('what is kept of inputs on this machine', cache, places, folder);
}

/** The other stores of this clone. */
async function sourcesOf(project: Project, isLocal: boolean): Promise<BlobSource[]> {
  const other = isLocal
    ? await openRemoteLedger(project).catch(() => null)
    : await openLocalLedger(project, false);
  const store = other && (await openLedgerStore(project, other).catch(() => null));
  const name = isLocal ? 'the shared store' : 'the store of `dstack run --local`';
  return store ? [storeAsSource(name, store)] : [];
}

function lostText(lost: readonly LostBlob[]): string[] {
  const ofJobs = new Map<string, LostBlob[]>();
  for (const one of lost) for (const job of one.blob.jobs) ofJobs.set(job, [...(ofJobs.get(job) ?? []), one]);
  const lines = [...ofJobs].map(([job, all]) => {
    const count = (problem: LostBlob['problem']) => all.filter((one) => one.problem === problem).length;
    const parts = (['missing', 'damaged'] as const).flatMap((problem) =>
      count(problem) > 0 ? [`${plural(count(problem), 'blob')} ${problem}`] : [],
    );
    const repaired = all.filter((one) => one.repaired !== null).length;
    const end = repaired === 0 ? '' : repaired === all.length ? '; repaired' : `; ${repaired} repaired`;
    return `${plainText(job)}: ${parts.join(', ')}${end}`;
  });
  const sources = new Set(lost.flatMap(({ repaired }) => repaired ?? []));
  const from = [...sources].map((source) => {
    const count = lost.filter(({ repaired }) => repaired === source).length;
    return `${plural(count, 'blob')} put back from ${source}`;
  });
  return [...lines, ...from];
}

function orphansText(amount: string, users: readonly string[]): string {
  const [first] = users;
  if (first === undefined) return `${amount}, that nothing needs: \`dstack prune\` frees that`;
  return `${amount}, that nothing here needs; but ${plainText(first)} uses this store, too`;
}
