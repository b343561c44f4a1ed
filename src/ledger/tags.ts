import { DstackError } from '../errors.ts';
import { parseCommit } from '../git/object-reader.ts';
import { compareAndSwap } from './compare-and-swap.ts';
import { insist } from './insist.ts';
import type { Ledger } from './ledger.ts';
import { parseRunMessage, type RunMessage } from './run-message.ts';

/** A tag and the run it keeps. */
export interface Tag {
  readonly tag: string;
  readonly commit: string;
  readonly message: RunMessage;
}

/** All tags, by name. A tag on something that is no run is left out. */
export async function listTags(ledger: Ledger): Promise<Map<string, Tag>> {
  const { shared, names } = ledger;
  const tags = new Map<string, Tag>();
  for (const [ref, commit] of await shared.list([names.area('tags')])) {
    const parsed = names.parse(ref);
    const object = await shared.read(commit);
    const message = object?.type === 'commit' ? parseRunMessage(parseCommit(object.content).message) : null;
    if (parsed?.area === 'tags' && message) tags.set(parsed.name, { tag: parsed.name, commit, message });
  }
  return tags;
}

/**
 * The jobs that `workflow:tag` stands for: the tagged run's job of that name or the cells of its matrix; with no name
 * those of the workflow that it was submitted for. Empty if there are none.
 */
export function resolveTag(
  tags: ReadonlyMap<string, Tag>,
  tag: string,
  workflow: string | null,
): { run: string; job: string }[] {
  const message = tags.get(tag)?.message;
  const name = workflow ?? message?.workflow;
  if (!message || !name) return [];
  if (message.jobs.has(name)) return [{ run: message.run, job: name }];
  const cells: { run: string; job: string }[] = [];
  const cell = () => `${name}-${cells.length + 1}`;
  while (message.jobs.has(cell())) cells.push({ run: message.run, job: cell() });
  return cells;
}

/**
 * Points a tag at a run (its commit), or with null removes it.
 * @throws DstackError `tag-exists` unless it is the same run, `unknown-tag`; the reason if it is refused or can't be reached
 */
export async function setTag(ledger: Ledger, tag: string, commit: string | null): Promise<void> {
  const { shared, names } = ledger;
  const ref = names.tag(tag);
  const before = (await shared.list([ref])).get(ref) ?? null;
  if (before === commit && commit !== null) return;
  if (before === null && commit === null) {
    throw new DstackError('unknown-tag', `there is no tag ${tag}`, { hint: '`dstack tags` lists them' });
  }
  if (before !== null && commit !== null) throw tagExists(tag);
  if (commit !== null) await shared.obtain([commit]);
  const mine = new Set(commit ? [commit] : []);
  const result = await compareAndSwap(
    shared,
    { ref, from: before, to: commit },
    mine,
    insist(ledger, `the tag ${tag} was not changed`),
  );
  if (result === 'lost' && commit !== null) throw tagExists(tag);
  // Another has pointed it at another run in between.
  if (result === 'lost') {
    throw new DstackError('tag-exists', `the tag ${tag} has just been changed by another`, {
      hint: '`dstack tags` says what it keeps now',
    });
  }
}

/** The error for a tag that keeps another run. */
export function tagExists(tag: string): DstackError {
  return new DstackError('tag-exists', `the tag ${tag} is on another run already`, {
    hint: `remove it first: dstack untag ${tag}`,
  });
}
