import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { diskFull, lacksRoom, saysDiskFull } from '../disk-full.ts';
import { DstackError } from '../errors.ts';
import { isObjectId, type Repository } from './repository.ts';
import { runGit } from './run-git.ts';
import { scratchFolder } from './scratch-folder.ts';

/** Who made a commit, and when (milliseconds since 1970). */
export interface Signature {
  readonly name: string;
  readonly email: string;
  readonly time: number;
}

export interface CommitInput {
  readonly parents: readonly string[];
  /** Start from this tree; otherwise from an empty one. */
  readonly baseTree?: string | null;
  /** Added or replaced. `content` writes a blob, `id` names an existing object (mode `040000` for a tree). */
  readonly files: readonly ({ path: string } & (
    | { content: string | Uint8Array }
    | { id: string; mode?: string }
  ))[];
  readonly message: string;
  readonly author: Signature;
}

/**
 * Writes commits with their trees and blobs by a single `git fast-import`; no ref of the repository is touched.
 * A parent may be `:N`, the N-th (from 1) commit of the same call.
 * @returns the commits' ids, in order.
 * @throws DstackError `disk-full`, `git-failed`
 */
export async function writeCommits(
  repository: Repository,
  commits: readonly CommitInput[],
): Promise<string[]> {
  if (commits.length === 0) return [];
  let scratch = await scratchFolder(repository);
  // fast-import insists on a ref, so it gets a repository of its own for that: the objects go to the real one.
  const branch = `refs/heads/${randomUUID()}`;
  const input: Uint8Array[] = [];
  commits.forEach((commit, index) => {
    for (const part of importStream(commit, index + 1, branch)) input.push(part);
  });
  input.push(Buffer.from(commits.map((_, index) => `get-mark :${index + 1}\n`).join('')));
  const run = () =>
    runGit(['fast-import', '--quiet', '--force', '--date-format=raw'], {
      gitDir: scratch,
      env: { GIT_OBJECT_DIRECTORY: repository.objectDir },
      input: Buffer.concat(input),
    });
  let result = await run();
  if (/not a git repository/i.test(result.stderr)) {
    // The scratch repository is damaged; there is nothing in it that anybody would miss.
    await rm(scratch, { recursive: true, force: true });
    scratch = await scratchFolder(repository);
    result = await run();
  }
  await rm(join(scratch, branch), { force: true });
  const ids = result.stdout.toString('utf8').trim().split('\n');
  if (result.exitCode !== 0 || ids.length !== commits.length || !ids.every(isObjectId)) {
    const words =
      result.stderr
        .split('\n')
        .filter((line) => line.startsWith('fatal'))
        .join(' ') || result.stderr.trim();
    if (saysDiskFull(result.stderr) || (await lacksRoom(repository.objectDir))) {
      throw diskFull(repository.objectDir);
    }
    throw new DstackError('git-failed', `could not write objects to ${repository.objectDir}: ${words}`);
  }
  return ids;
}

function importStream(commit: CommitInput, mark: number, branch: string): Uint8Array[] {
  const { author } = commit;
  const who = `${cleanIdent(author.name)} <${cleanIdent(author.email)}> ${Math.floor(author.time / 1000)} +0000`;
  const message = Buffer.from(commit.message);
  const parts: Uint8Array[] = [];
  const line = (text: string) => parts.push(Buffer.from(`${text}\n`));
  // Without this, a second commit on the branch would silently get the first as its parent.
  line(`reset ${branch}\n`);
  line(`commit ${branch}`);
  line(`mark :${mark}`);
  line(`author ${who}\ncommitter ${who}`);
  line(`data ${message.length}`);
  parts.push(message);
  line('');
  commit.parents.forEach((parent, index) => {
    if (!/^:\d+$/.test(parent) && !isObjectId(parent)) throw new Error(`not a commit: ${parent}`);
    line(`${index === 0 ? 'from' : 'merge'} ${parent}`);
  });
  line('deleteall');
  if (commit.baseTree) line(`M 040000 ${commit.baseTree} `);
  for (const file of commit.files) {
    const path = quotePath(file.path);
    if ('id' in file) {
      line(`M ${file.mode ?? '100644'} ${file.id} ${path}`);
    } else {
      const content = Buffer.from(file.content);
      line(`M 100644 inline ${path}`);
      line(`data ${content.length}`);
      parts.push(content);
      line('');
    }
  }
  line('');
  return parts;
}

function cleanIdent(text: string): string {
  return text.replace(/[<>\n\0]/g, '').trim() || 'unknown';
}

function quotePath(path: string): string {
  return `"${path.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n')}"`;
}
