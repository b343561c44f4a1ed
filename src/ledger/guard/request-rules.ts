import { parseFile, runnerSchema, seenSchema, stopSchema } from '../formats.ts';
import { nodeSchema } from '../gangs/formats.ts';
import { type JobId, jobName } from '../refs.ts';
import { type Change, checkNoParents } from './change.ts';
import { longestLease, most, mostPending } from './limits.ts';
import { type Commit, entriesOf, type PushedObjects, refuse } from './objects.ts';
import { checkGrows } from './stream-rules.ts';

/** Anybody who submits may ask for a job's end; whoever settles the job takes the wish away. */
export async function checkStop({ push, next }: Change, id: JobId): Promise<void> {
  if (!next) return push.needs('submitter', 'runner');
  push.needs('submitter');
  const stop = parseFile(stopSchema, 'its stop.json', await only(push.objects, next, 'stop.json'));
  if (jobName(stop) !== jobName(id)) refuse(`it is of the job ${jobName(stop)}`);
}

/** A runner's card says the name that it is under. */
export async function checkCard({ push, next }: Change, name: string): Promise<void> {
  push.needs('runner');
  if (!next) return;
  const card = parseFile(runnerSchema, 'its runner.json', await only(push.objects, next, 'runner.json'));
  if (card.name !== name) refuse(`it is the card of ${card.name}`);
}

/** A runner's part in a job for several nodes: its offer, then what it tells as one of them. */
export async function checkNode(
  { push, old, next }: Change,
  place: JobId & { readonly runner: string },
): Promise<void> {
  push.needs('runner');
  if (!next) return;
  checkNoParents(next);
  const entries = await entriesOf(push.objects, next, {
    needs: ['node.json'],
    may: ['log'],
    folders: ['log'],
  });
  const text = await push.objects.blob(entries.get('node.json')?.id as string, most.small, 'its node.json');
  const node = parseFile(nodeSchema, 'its node.json', text);
  if (jobName(node) !== jobName(place)) refuse(`it is of the job ${jobName(node)}`);
  if (node.runner !== place.runner) refuse(`it is the part of ${node.runner}`);
  if (node.lease > longestLease) refuse(`its lease is longer than ${longestLease} seconds`);
  const before =
    old && (await entriesOf(push.objects, old, { needs: ['node.json'], may: ['log'], folders: ['log'] }));
  // A runner that starts anew begins its part anew.
  const grows = entries.has('log') ? before?.get('log') : undefined;
  await checkGrows(push.objects, 'log', grows, entries.get('log'));
  if ((await push.holds(push.names.job('queue', place))) === null) refuse('there is no such job');
}

/** Up to where pushes have been dealt with, by whoever deals with them. Without it, they would start nothing again. */
export async function checkSeen({ push, next }: Change, name: string): Promise<void> {
  push.needs('submitter', 'runner');
  if (!next) refuse('only an admin makes triggers begin anew');
  if (name !== 'seen') refuse("no ref of dstack's is called so");
  const text = await only(push.objects, next, 'seen.json', most.seen);
  const { pending } = parseFile(seenSchema, 'its seen.json', text);
  if (pending.length > mostPending)
    refuse(`it has ${pending.length} pushes pending, and may have ${mostPending}`);
}

/** The content of a commit's one file. */
async function only(
  objects: PushedObjects,
  commit: Commit,
  name: string,
  bytes: number = most.small,
): Promise<Buffer> {
  checkNoParents(commit);
  const entries = await entriesOf(objects, commit, { needs: [name] });
  return objects.blob(entries.get(name)?.id as string, bytes, `its ${name}`);
}
