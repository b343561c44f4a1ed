import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { DstackError } from '../errors.ts';
import { openRepository } from '../git/repository.ts';
import { heartbeat, hookLines } from '../ledger/hook-lines.ts';
import { openWake } from '../ledger/wake.ts';
import { hasHook } from './hook.ts';

/** Who reads nothing any more is not written to for ever; bytes. */
const mostUnread = 64 << 10;

/**
 * Says, line by line, whenever the hook of a bare repository wakes who waits for it, until its input ends: so it ends
 * with the connection that it was called over.
 * @param path as ssh hands it over: it may begin with `~/`, be relative to the home folder, and lack its `.git`
 * @throws DstackError `not-a-repository`, `no-hook`
 */
export async function listenToHook(path: string): Promise<void> {
  const repository = await openRepository(locate(path));
  if (repository.workTree !== null || !(await hasHook(repository))) {
    throw new DstackError('no-hook', `${path} has no hook to listen to`, {
      hint: `install it there: dstack hook install ${path}`,
    });
  }
  const wake = openWake({ path: repository.commonDir });
  let ended = false;
  const end = () => {
    ended = true;
    wake.notify();
  };
  const say = (line: string) => {
    if (process.stdout.writableLength > mostUnread) return end();
    process.stdout.write(`${line}\n`);
  };
  for (const event of ['end', 'close', 'error']) process.stdin.once(event, end);
  process.stdin.resume();
  say(hookLines.greeting);
  const beat = setInterval(() => say(hookLines.alive), heartbeat);
  while (!ended) {
    const isSign = await wake.wait(heartbeat);
    if (isSign && !ended) say(hookLines.wake);
  }
  clearInterval(beat);
  wake.close();
  process.stdin.destroy();
}

/** As Git's own programs look for what a client names. */
function locate(path: string): string {
  const absolute = path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
  return !existsSync(absolute) && existsSync(`${absolute}.git`) ? `${absolute}.git` : absolute;
}
