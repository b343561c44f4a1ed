import { resolve } from 'node:path';
import { checkOut } from '../git/checkout.ts';
import { locateRun } from './open-state.ts';
import { openProject } from './project.ts';
import { say } from './terminal.ts';

/** The very code of a run, in a folder of its own. */
export async function checkout(name: string, options: { output?: string }): Promise<void> {
  const { ledger, run } = await locateRun(await openProject(), name);
  const folder = resolve(options.output ?? run.name);
  await ledger.shared.obtain([run.commit]);
  await checkOut(ledger.shared.local, { tree: run.commit, into: folder });
  say(`the code of ${run.name} is in ${folder}`);
}
