import { rm } from 'node:fs/promises';
import { DstackError } from '../errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { openStateReader } from '../ledger/read-state.ts';
import { asEnded, type EndedRun, sendRun } from '../ledger/send-run.ts';
import { listTags, setTag } from '../ledger/tags.ts';
import { copyBlobs } from '../store/copy-blobs.ts';
import type { Blob } from '../store/manifest.ts';
import type { Store } from '../store/store.ts';
import { noteUser } from '../store/store-users.ts';
import { plainText } from '../terminal-text.ts';
import { formatBytes } from '../tui/duration.ts';
import { blobsOfJob } from './blobs-of-job.ts';
import { confirmFirstPush } from './confirm-first-push.ts';
import { halfSent } from './half-sent.ts';
import { openPassingFolder } from './passing-folder.ts';
import { openLedgerStore, openLocalLedger, openRemoteLedger, type Project } from './project.ts';
import { plural, say, warn } from './terminal.ts';
import { openTransferBar } from './transfer-bar.ts';

/**
 * Sends what `dstack run --local` has made to the shared repository, and its files to the shared store: oldest first, each
 * run as a whole, and nothing that is there already. Cut off, it goes on where it was when it is called again.
 * @throws DstackError `no-remote`, `unreachable` and the like; `not-sent` after the others, if some could not be sent
 */
export async function sendLocalRuns(project: Project): Promise<void> {
  const local = await openLocalLedger(project, false);
  const runs = local === null ? [] : (await openStateReader(local).readAll()).runs.toReversed();
  if (local === null || runs.length === 0) return say('there are no runs of `dstack run --local` here');
  await confirmFirstPush(project);
  const shared = await openRemoteLedger(project);
  const from = await openLedgerStore(project, local);
  const folder = await openPassingFolder(project);
  const marks = halfSent(project);
  let left = 0;
  let sent = 0;
  const leave = (name: string, why: string) => {
    left += 1;
    warn(`${name} was not sent: ${why}`);
  };
  try {
    for (const view of runs) {
      const run = asEnded(view);
      if (run === null) {
        say(`${view.name} has not ended: not sent`);
        continue;
      }
      const { name, commit } = run;
      const sending = { repository: shared.shared.location, prefix: shared.names.prefix, name, commit };
      let bytes = 0;
      try {
        let blobs: Blob[] | null = null;
        const readBlobs = async () => {
          blobs ??= (await Promise.all(run.outcomes.map((one) => blobsOfJob(local, one.commit)))).flat();
          return blobs;
        };
        const send = async (to: Store) => {
          bytes += await sendBlobs(name, await readBlobs(), from, to, folder);
        };
        const result = await sendRun(local, shared, run, async () => {
          await refuseWithoutSources(local, shared, run);
          // Where no store is known, what needs none is sent nevertheless.
          if ((await readBlobs()).length === 0) return;
          await send(await openLedgerStore(project, shared));
          await marks.add(sending);
        });
        // What nothing seemed to need was perhaps swept before the run was there. The note comes first: whoever sweeps for
        // another repository either finds that, or has taken out of its place before what then is missed.
        if (result !== 'taken' && marks.has(sending)) {
          const to = await openLedgerStore(project, shared);
          await noteRun(to, shared, run);
          await send(to);
        }
        await marks.remove(sending);
        if (result === 'taken') leave(name, 'another run has its name there');
        if (result === 'there' && bytes > 0)
          say(`${name}: ${formatBytes(bytes)} sent, which were missing there`);
        if (result !== 'sent') continue;
        say(`${name}: ${plural(run.outcomes.length, 'job')}, ${formatBytes(bytes)} sent`);
        sent += 1;
      } catch (error) {
        const { code, message } = error as DstackError;
        if (!['blob-missing', 'blob-damaged', 'source-missing'].includes(code)) throw error;
        leave(run.name, message);
      }
    }
    await sendTags(local, shared);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  if (left > 0) {
    throw new DstackError('not-sent', `${plural(left, 'run')} could not be sent; ${sent} were`, {
      hint: '`dstack rerun NAME` executes such a run there anew, under another name',
    });
  }
  const where = plainText(shared.shared.location);
  say(sent === 0 ? `${where} has all of them` : `${plural(sent, 'run')} sent to ${where}`);
}

async function noteRun(to: Store, { shared, names }: Ledger, { name, commit }: EndedRun): Promise<void> {
  const { location: repository } = shared;
  await noteUser(to, { repository, prefix: names.prefix, by: 'sync', run: name, commit });
}

/** @returns how many bytes were not there yet */
async function sendBlobs(
  run: string,
  blobs: readonly Blob[],
  from: Store,
  to: Store,
  folder: string,
): Promise<number> {
  const bar = openTransferBar(run);
  return copyBlobs(blobs, from, to, folder, bar.show).finally(bar.end);
}

/** @throws DstackError `source-missing` if it has something from a run that means another one there, or none */
async function refuseWithoutSources(local: Ledger, shared: Ledger, { sources }: EndedRun): Promise<void> {
  if (sources.length === 0) return;
  const tips = async ({ shared: repository, names }: Ledger) => {
    const found = await repository.list(sources.map((run) => names.run(run)));
    return (run: string) => found.get(names.run(run));
  };
  const [here, there] = [await tips(local), await tips(shared)];
  const missing = sources.find((run) => there(run) === undefined || here(run) !== there(run));
  if (missing !== undefined)
    throw new DstackError('source-missing', `it has something from ${missing}, which is not there`, {
      hint: `send that run first; if it is gone, \`dstack rerun\` makes this one anew there`,
    });
}

async function sendTags(local: Ledger, shared: Ledger): Promise<void> {
  const there = await listTags(shared);
  const tags = [...(await listTags(local)).values()].filter(
    ({ tag, commit }) => there.get(tag)?.commit !== commit,
  );
  const runs = await shared.shared.list(tags.map(({ message }) => shared.names.run(message.run)));
  for (const { tag, commit, message } of tags) {
    if (runs.get(shared.names.run(message.run)) !== commit) continue;
    if (there.has(tag)) warn(`the tag ${tag} was not sent: it is on ${there.get(tag)?.message.run} there`);
    else await setTag(shared, tag, commit);
  }
}
