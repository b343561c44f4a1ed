import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { withObjectsOf } from './objects-elsewhere.ts';
import type { Repository } from './repository.ts';
import { gitArguments, gitEnvironment } from './run-git.ts';

/** As many objects as Git, by default, takes out of a pack that is pushed; more stay in it. */
const unpackLimit = 100;

/** Of a pack: what it is, its version, and how many objects it has. */
const headerBytes = 12;

/**
 * Copies objects, and all that belongs to them, into another repository on this machine, as a push would.
 * @param ids of commits
 * @param tips what the other one has, with all that belongs to it
 * @returns whether they are all there; where not, some may be
 */
export async function sendObjects(
  from: Repository,
  to: Repository,
  ids: readonly string[],
  tips: readonly string[],
): Promise<boolean> {
  // What is cut off here may be cut off nowhere else.
  if (existsSync(join(from.commonDir, 'shallow')) || existsSync(join(from.commonDir, 'info', 'grafts')))
    return false;
  const packing = start(
    ['pack-objects', '--quiet', '--revs', '--thin', '--delta-base-offset', '--stdout'],
    from.gitDir,
    // With the objects of the other side at hand it need not be known which of the tips are here, too.
    gitEnvironment({ gitDir: from.gitDir, env: withObjectsOf(to.objectDir) }),
  );
  packing.stdin.end([...ids, '--not', ...tips, ''].join('\n'));
  // Given a whole path, Git makes folders anew that are not there.
  const startThere = (...args: string[]) => start(args, to.gitDir, gitEnvironment({ gitDir: '.' }));
  // They are few nearly always: its start is not waited for.
  let unpacking = startThere('unpack-objects', '-q');
  try {
    const header = await readHeader(packing.stdout);
    if (header === null) return false;
    if (header.readUInt32BE(headerBytes - 4) >= unpackLimit) {
      unpacking.stdin.destroy();
      unpacking = startThere('index-pack', '--stdin', '--fix-thin');
    }
    packing.stdout.pipe(unpacking.stdin);
    return (await unpacking.succeeds) && (await packing.succeeds);
  } finally {
    packing.stdout.destroy();
    unpacking.stdin.destroy();
  }
}

interface Started {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly succeeds: Promise<boolean>;
}

function start(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Started {
  const child = spawn('git', gitArguments(args), {
    cwd,
    env,
    stdio: ['pipe', 'pipe', 'ignore'],
    // A Ctrl+C in the terminal is not for it; it ends when its input or the reader of its output does.
    detached: true,
  });
  child.stdin.on('error', () => {});
  const succeeds = new Promise<boolean>((resolve) => {
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0));
  });
  return { stdin: child.stdin, stdout: child.stdout, succeeds };
}

/** A pack's first bytes, which stay in the stream; null if it ends before. */
function readHeader(pack: Readable): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const read = () => {
      const header = pack.read(headerBytes) as Buffer | null;
      if (header === null) return;
      pack.off('readable', read).unshift(header);
      resolve(header.length < headerBytes ? null : header);
    };
    pack.on('readable', read);
    pack.once('close', () => resolve(null));
  });
}
