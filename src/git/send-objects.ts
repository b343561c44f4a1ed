import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { lacksRoom } from '../disk-full.ts';
import { withObjectsOf } from './objects-elsewhere.ts';
import type { Repository } from './repository.ts';
import { gitArguments, gitEnvironment } from './run-git.ts';

/** As many objects, less one, as Git, by default, takes out of a pack that is pushed; and bytes of it. */
const most = { objects: 100, bytes: 4 << 20 };

/** Of a pack: what it is, its version, and how many objects it has. */
const headerBytes = 12;

/**
 * Copies a few objects, and all that belongs to them, into another repository on this machine, as a push would. More are
 * left to a push: only that puts them where they harm nobody until all are there, and keeps others from packing them anew
 * before a ref leads to them.
 * @param ids of commits
 * @param tips what the other one has, with all that belongs to it
 * @returns whether they are all there; where not, some of their files may be
 */
export async function sendObjects(
  from: Repository,
  to: Repository,
  ids: readonly string[],
  tips: readonly string[],
): Promise<boolean> {
  // What is cut off here may be cut off nowhere else.
  if (['shallow', 'info/grafts'].some((name) => existsSync(join(from.commonDir, name)))) return false;
  const packing = start(
    ['pack-objects', '--quiet', '--revs', '--thin', '--delta-base-offset', '--stdout'],
    from.gitDir,
    // With the objects of the other side at hand it need not be known which of the tips are here, too.
    gitEnvironment({ gitDir: from.gitDir, env: withObjectsOf(to.objectDir) }),
  );
  if (packing === null) return false;
  packing.stdin.end([...ids, '--not', ...tips, ''].join('\n'));
  // They are few nearly always: its start is not waited for. It looks whether each object is what it is said to be, and
  // whether all that it names is there; what names others is written after them. Given a whole path, Git makes folders
  // anew that are not there.
  const unpacking = start(['unpack-objects', '-q', '--strict'], to.gitDir, gitEnvironment({ gitDir: '.' }));
  try {
    const pack = await readFew(packing.stdout);
    if (unpacking === null || pack === null || !(await packing.succeeds)) return false;
    if (await lacksRoom(to.objectDir, most.bytes)) return false;
    unpacking.stdin.end(pack);
    return await unpacking.succeeds;
  } finally {
    packing.stdout.destroy();
    unpacking?.stdin.destroy();
  }
}

interface Started {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly succeeds: Promise<boolean>;
}

/** Null: there is no room for another process, or no more files can be opened. */
function start(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Started | null {
  const child = spawn('git', gitArguments(args), {
    cwd,
    env,
    stdio: ['pipe', 'pipe', 'ignore'],
    // A Ctrl+C in the terminal is not for it; it ends when its input or the reader of its output does.
    detached: true,
  });
  const succeeds = new Promise<boolean>((resolve) => {
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0));
  });
  if (child.pid === undefined) return null;
  child.stdin.on('error', () => {});
  child.stdout.on('error', () => {});
  return { stdin: child.stdin, stdout: child.stdout, succeeds };
}

/** A whole pack; null if it has many objects or bytes. */
function readFew(pack: Readable): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    pack.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > most.bytes) resolve(null);
    });
    pack.once('close', () => {
      const whole = Buffer.concat(chunks);
      const isFew = bytes >= headerBytes && whole.readUInt32BE(headerBytes - 4) < most.objects;
      resolve(isFew ? whole : null);
    });
  });
}
