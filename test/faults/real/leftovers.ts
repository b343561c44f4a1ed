import { readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Arena } from './arena.ts';
import { containersOf } from './faults.ts';
import { locksIn } from './janitor.ts';
import { processesWith } from './processes.ts';

/** What must be gone once all has ended: each is a name of what is still there. */
export async function leftoversOf(arena: Arena, runners: readonly string[]): Promise<string[]> {
  let found: string[] = [];
  // What is just ending is given a moment.
  for (let tries = 0; tries < 50; tries += 1) {
    found = await leftNow(arena, runners);
    if (found.length === 0) break;
    await sleep(200);
  }
  return found;
}

async function leftNow(arena: Arena, runners: readonly string[]): Promise<string[]> {
  const { project } = arena;
  const found: string[] = [];
  for (const area of ['claims', 'stops', 'runners'])
    for (const name of await project.refs(area)) found.push(`the ref ${area}/${name}`);
  for (const name of await unexplained(arena)) found.push(`the ref queue/${name}`);
  const home = String(project.env.HOME);
  for (const { pid, command } of processesWith(`HOME=${home}`))
    if (!/git-daemon|git daemon/.test(command)) found.push(`process ${pid}: ${command}`);
  if (arena.docker) for (const id of containersOf(runners)) found.push(`container ${id}`);
  for (const folder of workFolders(home)) found.push(`folder ${folder}`);
  for (const lock of [...locksIn(project.shared), ...locksIn(path.join(project.folder, '.git'))])
    found.push(`lock ${lock}`);
  return found;
}

/**
 * Queue refs that are there without a reason. There is one for a submission that was killed on its way and not
 * acknowledged: the run's ref is missing, or something that the job waits for is.
 */
async function unexplained(arena: Arena): Promise<string[]> {
  const runs = new Set(await arena.project.refs('runs'));
  const known = new Set([...(await arena.project.refs('queue')), ...(await arena.project.refs('jobs'))]);
  return (await arena.project.refs('queue')).filter((key) => {
    const [run = '', job] = key.split('/');
    return runs.has(run) && !(job === 'second' && !known.has(`${run}/first`));
  });
}

/** What lies in the work folders of all runners of a user. */
export function workFolders(home: string): string[] {
  const caches = path.join(home, 'cache', 'dstack');
  const below = (folder: string) => {
    try {
      return readdirSync(folder).map((name) => path.join(folder, name));
    } catch {
      return [];
    }
  };
  return below(caches)
    .flatMap(below)
    .flatMap((runner) => below(path.join(runner, 'work')));
}
