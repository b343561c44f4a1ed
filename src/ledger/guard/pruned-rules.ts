import { parseFile } from '../formats.ts';
import { prunedFolder, prunedPath, prunedSchema } from '../prune/pruned-jobs.ts';
import type { Change } from './change.ts';
import { changesIn } from './folder-changes.ts';
import { most } from './limits.ts';
import { entriesOf, refuse } from './objects.ts';

/** What jobs have left is given up by an admin alone, of runs that are there; no run is taken out again. */
export async function checkPruned({ push, old, next }: Change, name: string): Promise<void> {
  if (!next) refuse('only an admin forgets what was pruned');
  push.needs('admin');
  if (name !== 'artifacts') refuse("no ref of dstack's is called so");
  if (next.parents.join() !== (old?.id ?? '')) refuse('it is not built on what is there, alone');
  const { objects } = push;
  const folderOf = async (commit: typeof next) =>
    (await entriesOf(objects, commit, { needs: [prunedFolder], folders: [prunedFolder] })).get(prunedFolder)
      ?.id;
  const files = await changesIn(
    objects,
    `its ${prunedFolder}`,
    old ? await folderOf(old) : undefined,
    await folderOf(next),
  );
  for (const { path, id } of files) {
    const file = parseFile(prunedSchema, `its ${path}`, await objects.blob(id, most.record, `its ${path}`));
    if (prunedPath(file.run) !== `${prunedFolder}/${path}`) refuse(`its ${path} is of the run ${file.run}`);
    const run = (await push.run(file.run)) ?? (await push.archived(file.run));
    if (!run) refuse(`there is no run ${file.run}`);
  }
}
