import { createHash } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Of a version of dstack that has not been started for the first time for so long, milliseconds. */
const staleAfter = 30 * 24 * 3_600_000;
const hashBytes = 32;

/**
 * Where V8's code for a command is kept: in the user's cache folder, for this build, this Node and this kind of machine.
 * Null if it can't be the name of a command, or nothing is to be kept, by the variable that Node has for that.
 */
export function codeCacheFile(build: string, [command = 'help']: readonly string[]): string | null {
  const name = command.replace(/^--/, '');
  if (process.env.NODE_DISABLE_COMPILE_CACHE || !/^[a-z]{1,20}$/.test(name)) return null;
  return path.join(cacheFolder(), `${build}-${process.version}-${process.arch}`, name);
}

function cacheFolder(): string {
  const xdg = process.env.XDG_CACHE_HOME;
  // The XDG specification says to ignore a relative path.
  const caches = xdg !== undefined && path.isAbsolute(xdg) ? xdg : path.join(os.homedir(), '.cache');
  return path.join(caches, 'dstack', 'code');
}

/** What was kept, by the names of files; what is not whole, or may be somebody else's, is as good as not there. */
export function readCodeCache(file: string): Map<string, Buffer> {
  try {
    const descriptor = openSync(file, 'r');
    try {
      const { uid, mode } = fstatSync(descriptor);
      // Whoever could write it could have anything run.
      if (uid !== process.getuid?.() || (mode & 0o022) !== 0) return new Map();
      return parse(readFileSync(descriptor));
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return new Map();
  }
}

/** Keeps it for the next start; that it can't is no matter. Removes what was kept for builds of long ago. */
export function writeCodeCache(file: string, codes: ReadonlyMap<string, Buffer>): void {
  const folder = path.dirname(file);
  const unfinished = `${file}.${process.pid}`;
  try {
    const isNew = makeFolder(folder);
    writeFileSync(unfinished, print(codes), { mode: 0o600, flag: 'wx' });
    renameSync(unfinished, file);
    if (isNew) removeStale(path.dirname(folder));
  } catch {
    try {
      rmSync(unfinished, { force: true });
    } catch {}
  }
}

/** False if it is there already. Node's own `recursive` tries for ever below /proc. */
function makeFolder(folder: string): boolean {
  try {
    mkdirSync(folder, { mode: 0o700 });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    const parent = path.dirname(folder);
    if (code !== 'ENOENT' || parent === folder) throw error;
    makeFolder(parent);
    mkdirSync(folder, { mode: 0o700 });
    return true;
  }
}

// A hash of all the rest; a line of JSON with names and lengths; the codes, one after the other.
function print(codes: ReadonlyMap<string, Buffer>): Buffer {
  const head = JSON.stringify([...codes].map(([name, code]) => [name, code.length]));
  const rest = Buffer.concat([Buffer.from(`${head}\n`), ...codes.values()]);
  return Buffer.concat([sha256(rest), rest]);
}

function parse(content: Buffer): Map<string, Buffer> {
  const rest = content.subarray(hashBytes);
  if (!sha256(rest).equals(content.subarray(0, hashBytes))) return new Map();
  const line = rest.indexOf(10);
  let at = line + 1;
  const head = JSON.parse(rest.toString('utf8', 0, line)) as [name: string, length: number][];
  return new Map(
    head.map(([name, length]) => {
      at += length;
      return [name, rest.subarray(at - length, at)];
    }),
  );
}

function removeStale(folder: string): void {
  for (const name of readdirSync(folder)) {
    const one = path.join(folder, name);
    if (statSync(one).mtimeMs < Date.now() - staleAfter) rmSync(one, { recursive: true, force: true });
  }
}

function sha256(data: Uint8Array): Buffer {
  return createHash('sha256').update(data).digest();
}
