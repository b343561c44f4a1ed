import type { RecordFile } from './formats.ts';
import type { Ledger } from './ledger.ts';
import { type JobId, jobName } from './refs.ts';
import { readOutcomes } from './runs.ts';

/** Which image it is that a name, such as `python:3.12`, stood for. */
export interface ImageIdentity {
  /** By which its registry knows it; null: it came from none, or that is not known. */
  readonly digest: string | null;
  /** Docker's id of it on the machine where it is; null: it is not there. */
  readonly id: string | null;
}

/** What a job ran in, by its record; null: it had no image, or an older dstack has written the record. */
export function imageOf({ imageDigest, imageId }: RecordFile): ImageIdentity | null {
  return imageDigest === undefined && imageId === undefined
    ? null
    : { digest: imageDigest ?? null, id: imageId ?? null };
}

/**
 * Are they one image, as far as is known? One that was built or loaded has no digest, and the same image may have
 * several, so either will do; where nothing can be compared nothing speaks against it. Pure.
 */
export function sameImage(a: ImageIdentity | null, b: ImageIdentity | null): boolean {
  if (a === null || b === null) return true;
  const pairs = [
    [a.digest, b.digest],
    [a.id, b.id],
  ].filter(([one, other]) => one !== null && other !== null);
  return pairs.length === 0 || pairs.some(([one, other]) => one === other);
}

/** A job that ran in another image than a job with the same key had. */
export interface MovedImage {
  /** As its run calls it. */
  readonly job: string;
  /** Its name in both. */
  readonly image: string | null;
  readonly before: ImageIdentity | null;
  readonly after: ImageIdentity | null;
}

/**
 * What the results that two jobs with the same key were made of owes to different images: of all that they depend on,
 * what ran in another image and gave something else. A key says only what images are called.
 */
export async function movedInputs(
  ledger: Ledger,
  before: Pick<RecordFile, 'run' | 'dependsOn'>,
  after: Pick<RecordFile, 'run' | 'dependsOn'>,
): Promise<MovedImage[]> {
  if (before.run === after.run || ownDependencies(after).length === 0) return [];
  const [old, now] = await Promise.all([inputsOf(ledger, before), inputsOf(ledger, after)]);
  return [...now].flatMap(([key, record]): MovedImage[] => {
    const earlier = old.get(key);
    if (!earlier || earlier.artifacts?.manifest === record.artifacts?.manifest) return [];
    const images = { before: imageOf(earlier), after: imageOf(record) };
    return sameImage(images.before, images.after)
      ? []
      : [{ job: record.job, image: record.image, ...images }];
  });
}

/** Of the same run. What a job of an earlier, tagged run has left is part of the key itself. */
const ownDependencies = ({ run, dependsOn }: Pick<RecordFile, 'run' | 'dependsOn'>): JobId[] =>
  dependsOn.flatMap((one) => (one.run === null ? [{ run, job: one.job }] : []));

/** All that a job depends on in its run, by their keys. */
async function inputsOf(
  ledger: Ledger,
  job: Pick<RecordFile, 'run' | 'dependsOn'>,
): Promise<Map<string, RecordFile>> {
  const found = new Map<string, RecordFile>();
  const seen = new Set<string>();
  let wanted = ownDependencies(job);
  while (wanted.length > 0) {
    for (const id of wanted) seen.add(jobName(id));
    const outcomes = [...(await readOutcomes(ledger, wanted)).values()];
    for (const { record } of outcomes) if (record.cacheKey !== null) found.set(record.cacheKey, record);
    const next = outcomes.flatMap(({ record }) => ownDependencies(record));
    wanted = [...new Map(next.map((id) => [jobName(id), id])).values()].filter(
      (id) => !seen.has(jobName(id)),
    );
  }
  return found;
}
