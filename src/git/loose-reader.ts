import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { type GitObject, parseCommit, parseTree } from './parse-object.ts';
import { readStoredStream } from './stored-stream.ts';

/** Larger ones are left to Git, which reads them aside; bytes, as they are stored and as they are. */
const small = { stored: 64 << 10, whole: 1 << 20 };

/**
 * Reads a small object that is a file of its own, as one is that was written a moment ago, without another process.
 * @param name an id, or `<id>:<path>`
 * @returns null: there is no such path; undefined: only Git can tell
 */
export function readLoose(objectDir: string, name: string): GitObject | null | undefined {
  const [, id, path] =
    /^([0-9a-f]{40}|[0-9a-f]{64})(?::([\w-][\w.-]*(?:\/[\w-][\w.-]*)*))?$/.exec(name) ?? [];
  const named = id === undefined ? undefined : readFile(objectDir, id);
  if (named === undefined || path === undefined) return named;
  if (named.type === 'tag') return undefined;
  const tree = named.type === 'commit' ? readFile(objectDir, parseCommit(named.content).tree) : named;
  let found: GitObject | undefined = tree;
  for (const part of path.split('/')) {
    if (found === undefined) return undefined;
    if (found.type !== 'tree') return null;
    const entry = parseTree(found.content, found.id.length / 2).find((one) => one.name === part);
    if (entry === undefined) return null;
    found = readFile(objectDir, entry.id);
  }
  return found;
}

function readFile(objectDir: string, id: string): GitObject | undefined {
  try {
    const file = join(objectDir, id.slice(0, 2), id.slice(2));
    const stats = statSync(file, { throwIfNoEntry: false });
    if (!stats || stats.size > small.stored) return undefined;
    const stored = readFileSync(file);
    const whole = readStoredStream(stored) ?? inflateSync(stored, { maxOutputLength: small.whole });
    const end = whole.indexOf(0);
    const [, type, size] = /^(blob|tree|commit|tag) (\d+)$/.exec(whole.toString('latin1', 0, end)) ?? [];
    const content = whole.subarray(end + 1);
    return content.length === Number(size) ? { id, type: type as GitObject['type'], content } : undefined;
  } catch {
    // Git says what is wrong with it.
    return undefined;
  }
}
