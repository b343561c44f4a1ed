import { resolve, sep } from 'node:path';
import { checkOut } from '../git/checkout.ts';
import { locateRun } from './open-state.ts';
import { openProject } from './project.ts';
import { say, warn } from './terminal.ts';

/** The very code of a run, in a folder of its own. */
export async function checkout(name: string, options: { output?: string }): Promise<void> {
  const project = await openProject();
  const { ledger, run } = await locateRun(project, name);
  const folder = resolve(options.output ?? run.name);
  await ledger.shared.obtain([run.commit]);
  await checkOut(ledger.shared.local, { tree: run.commit, into: folder });
  say(`the code of ${run.name} is in ${folder}`);
  if (folder.startsWith(`${project.folder}${sep}`)) {
    warn('that is inside the project: the next snapshot takes it in, unless it is ignored or moved away');
  }
}
