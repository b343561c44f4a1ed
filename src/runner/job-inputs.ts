import { DstackError } from '../errors.ts';
import type { RecordFile } from '../ledger/formats.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { type LiveReader, type QueueEntry, readFile } from '../ledger/live.ts';
import { prunedOf } from '../ledger/prune/pruned-jobs.ts';
import { type JobId, jobName } from '../ledger/refs.ts';
import { readFinishedJob } from '../ledger/runs.ts';
import { isSuccess } from '../ledger/state.ts';
import type { Manifest } from '../store/manifest.ts';
import { parseManifest } from '../store/manifest-text.ts';
import { inOwnFolder } from '../store/own-folder.ts';
import { restoreArtifacts } from '../store/restore-artifacts.ts';
import type { Workplace } from './workplace.ts';

/** A finished job as another one uses it. */
export interface FinishedJob {
  readonly id: JobId;
  readonly commit: string;
  readonly record: RecordFile;
  /** Null if it declared no artifacts. */
  readonly manifest: Manifest | null;
}

/** @returns null if the job has no outcome yet */
async function findFinished(ledger: Ledger, reader: LiveReader, id: JobId): Promise<FinishedJob | null> {
  const { shared, names } = ledger;
  const refs = await shared.list([names.job('jobs', id), names.job('claims', id)]);
  for (const area of ['jobs', 'claims'] as const) {
    const commit = refs.get(names.job(area, id));
    const tip = commit ? await reader.claimTip(commit) : null;
    if (tip?.kind === 'finished') {
      return {
        id,
        commit: tip.commit,
        record: tip.record,
        manifest: await readManifest(ledger, tip.commit, tip.record),
      };
    }
  }
  return null;
}

/** @throws DstackError if the manifest is damaged */
export async function readManifest(
  ledger: Ledger,
  commit: string,
  record: RecordFile,
): Promise<Manifest | null> {
  if (!record.artifacts) return null;
  return parseManifest(await readFile(ledger, commit, 'artifacts.json'), record.artifacts.manifest);
}

/**
 * Puts the artifacts of everything a job depends on, transitively, into its workspace: at their own paths, but those
 * of cells that would collide each in a folder within them.
 * @throws DstackError `dependency-missing`, `input-lost` if a file of them is not in the store any more, and what else
 *   restoring can throw
 */
export async function restoreInputs(
  ledger: Ledger,
  reader: LiveReader,
  entry: QueueEntry,
  { store, inputCache: cache }: Pick<Workplace, 'store' | 'inputCache'>,
  workspace: string,
): Promise<JobId[]> {
  const inputs: JobId[] = [];
  const seen = new Set<string>();
  const visit = async (dependencies: RecordFile['dependsOn'], run: string): Promise<void> => {
    for (const dependency of dependencies) {
      const id = { run: dependency.run ?? run, job: dependency.job };
      if (seen.has(jobName(id))) continue;
      seen.add(jobName(id));
      const finished = await findFinished(ledger, reader, id);
      if (!finished || !isSuccess(finished.record.state)) {
        throw new DstackError(
          'dependency-missing',
          `the result of ${jobName(id)} can't be found in ${ledger.shared.location}`,
          { hint: `it was removed from there: \`dstack rerun ${id.run}\` makes it anew` },
        );
      }
      await visit(finished.record.dependsOn, id.run);
      if (!finished.manifest) continue;
      // A dependency's own output wins over a file of the snapshot at the same place.
      const manifest = dependency.ownFolder
        ? inOwnFolder(
            finished.manifest,
            (await readFinishedJob(ledger, id, finished.commit)).spec.artifacts,
            id.job,
          )
        : finished.manifest;
      await restoreArtifacts(manifest, store, workspace, { overwrite: true, cache }).catch(
        async (error: unknown) => {
          throw inputLost(error, finished, entry.id.run, (await prunedOf(ledger, id.run)).get(id.job));
        },
      );
      inputs.push(id);
    }
  };
  await visit(entry.job.spec.dependsOn, entry.id.run);
  return inputs;
}

/**
 * What the store had when the dependency ended, or its cached result was found, may have been removed since. An outcome
 * stays as it is; but a cached one whose files are gone is not found again, so that another run makes them anew.
 */
function inputLost(
  error: unknown,
  { id, record }: FinishedJob,
  run: string,
  pruned: string | undefined,
): unknown {
  if (!(error instanceof DstackError) || !/^blob-(missing|damaged)$/.test(error.code)) return error;
  const { cachedFrom } = record;
  const origin = cachedFrom ? `, which was taken from ${jobName(cachedFrom)}` : '';
  const tagged = id.run === run ? '' : ', to be tagged in its place';
  const why = pruned === undefined ? error.message : `it was pruned on ${pruned.slice(0, 10)}`;
  return new DstackError('input-lost', `an artifact of ${jobName(id)}${origin}: ${why}`, {
    cause: error,
    hint: `\`dstack rerun ${id.run}\` makes it anew${tagged}`,
  });
}
