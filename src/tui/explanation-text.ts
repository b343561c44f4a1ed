import type { EarlierJob, Explanation } from '../ledger/explain.ts';
import { jobName } from '../ledger/refs.ts';
import { plainText } from '../terminal-text.ts';
import { differencesInShort, differencesText } from './differences-text.ts';
import { formatAge } from './duration.ts';

/** Why a job was not taken from the cache, and what differs from the nearest earlier one; some lines. */
export function explanationText(job: string, explanation: Explanation, now: number): string {
  const { nearest, compared } = explanation;
  const text = `${plainText(job)}: ${causeText(explanation)}\n`;
  if (nearest === null) return text;
  const among = compared > 1 ? `, the nearest of ${compared} earlier ones` : '';
  const heading = `compared with ${nameOf(nearest)} (${howItEnded(nearest, now)})${among}:\n`;
  const differences =
    nearest.differences.length > 0
      ? differencesText(nearest.differences)
      : '  nothing that is recorded: another version of dstack made its key\n';
  return `${text}${heading}${differences}`;
}

function causeText({ cause, same, images }: Explanation): string {
  switch (cause) {
    case 'no-cache':
      return 'the cache was not asked (--no-cache)';
    case 'no-key':
      return 'it has no cache key, since a tagged job that it depends on has no result';
    case 'image-moved':
      return `${nameOf(same)} had the same inputs, but ${imagesText(images)}`;
    case 'same-unusable':
      return `${nameOf(same)} had the same inputs, but its result could not be used: files of it were not in the store, or the cache did not list it`;
    case 'same-unfinished':
      return `${nameOf(same)} has the same inputs, but had not ended`;
    case 'same-failed':
      return `${nameOf(same)} had the same inputs, but ended as ${same?.state}`;
    case 'changed':
      return 'no earlier job had the same inputs';
    case 'first':
      return 'there is no earlier run of it';
  }
}

/** The same in a few words, for a line of a plan. */
export function explanationInShort({ cause, same, nearest }: Explanation): string {
  switch (cause) {
    case 'no-cache':
      return '--no-cache';
    case 'no-key':
      return 'a tagged job that it depends on has no result';
    case 'image-moved':
      return `another image than ${nameOf(same)} had`;
    case 'same-unusable':
      return `files of ${nameOf(same)} are gone`;
    case 'same-unfinished':
      return `${nameOf(same)} is making the same`;
    case 'same-failed':
      return `${nameOf(same)} ${same?.state} with the same inputs`;
    case 'changed':
      return nearest && nearest.differences.length > 0
        ? `${differencesInShort(nearest.differences)} since ${plainText(nearest.id.run)}`
        : 'changed';
    case 'first':
      return 'never run before';
  }
}

/** More images than these are counted. */
const mostImages = 5;

function imagesText(images: Explanation['images']): string {
  const named = images.slice(0, mostImages).map(({ job, image, before, after }) => {
    const what = `the image ${plainText(image ?? '')} of ${plainText(job)}`;
    return `${what} has moved: ${identityText(before)} → ${identityText(after)}`;
  });
  const more = images.length - named.length;
  return [...named, ...(more > 0 ? [`${more} more`] : [])].join('; ');
}

/** Enough of it to tell it from others. */
function identityText(image: Explanation['images'][number]['before']): string {
  if (image === null) return 'none';
  return image.digest === null ? `${image.id?.slice(0, 19)} (local)` : image.digest.slice(0, 19);
}

const nameOf = (job: EarlierJob | null): string => (job ? plainText(jobName(job.id)) : 'an earlier job');

function howItEnded({ state, finishedAt }: EarlierJob, now: number): string {
  return [state ?? 'not ended', ...(finishedAt ? [formatAge(finishedAt, now)] : [])].join(', ');
}
