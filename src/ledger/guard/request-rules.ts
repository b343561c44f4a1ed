import { parseFile, runnerSchema, seenSchema, stopSchema } from '../formats.ts';
import { type JobId, jobName } from '../refs.ts';
import { type Change, checkNoParents } from './change.ts';
import { most, mostPending } from './limits.ts';
import { type Commit, entriesOf, type PushedObjects, refuse } from './objects.ts';

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

/** Up to where pushes have been dealt with, by whoever deals with them. Without it, they would start nothing again. */
export async function checkSeen({ push, next }: Change, name: string): Promise<void> {
  push.needs('submitter', 'runner');
  if (!next) refuse('only an admin makes triggers begin anew');
  if (name !== 'seen') refuse('no ref of dstack’s is called so');
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
