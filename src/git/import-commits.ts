import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { diskFull, lacksRoom, saysDiskFull } from '../disk-full.ts';
import { DstackError } from '../errors.ts';
import type { CommitInput } from './commit-input.ts';
import { signatureLine } from './encode-object.ts';
import { isObjectId, type Repository } from './repository.ts';
import { runGit } from './run-git.ts';
import { scratchFolder } from './scratch-folder.ts';

/**
 * Writes commits with their trees and blobs by a single `git fast-import`, which makes a pack of many objects;
 * no ref of the repository is touched.
 * @returns the commits' ids, in order
 * @throws DstackError `disk-full`, `git-failed`
 */
export async function importCommits(
  repository: Repository,
  commits: readonly CommitInput[],
): Promise<string[]> {
  let scratch = await scratchFolder(repository);
  // fast-import insists on a ref, so it gets a repository of its own for that: the objects go to the real one.
  const branch = `refs/heads/${randomUUID()}`;
  const input: Uint8Array[] = [];
  const repeated = repeatedContents(commits);
  [...repeated].forEach((content, index) => {
    const bytes = Buffer.from(content);
    input.push(Buffer.from(`blob\nmark :${commits.length + index + 1}\ndata ${bytes.length}\n`), bytes);
    input.push(Buffer.from('\n'));
  });
  const markOf = new Map([...repeated].map((content, index) => [content, commits.length + index + 1]));
  commits.forEach((commit, index) => {
    for (const part of importStream(commit, index + 1, branch, markOf)) input.push(part);
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
    throw new DstackError('git-failed', `could not write objects to ${repository.objectDir}: ${words}`, {
      hint: 'check that this user may write there',
    });
  }
  return ids;
}

/** An archive has what it says of a run under each of its keys: a run of thousands of jobs thousands of times. */
function repeatedContents(commits: readonly CommitInput[]): Set<string | Uint8Array> {
  const seen = new Set<string | Uint8Array>();
  const repeated = new Set<string | Uint8Array>();
  for (const file of commits.flatMap(({ files }) => files)) {
    if (!('content' in file)) continue;
    if (seen.has(file.content)) repeated.add(file.content);
    seen.add(file.content);
  }
  return repeated;
}

/** @param markOf marks of blobs that are written already, by their content */
function importStream(
  commit: CommitInput,
  mark: number,
  branch: string,
  markOf: ReadonlyMap<string | Uint8Array, number>,
): Uint8Array[] {
  const who = signatureLine(commit.author);
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
    line(`${index === 0 ? 'from' : 'merge'} ${parent}`);
  });
  line('deleteall');
  if (commit.baseTree) line(`M 040000 ${commit.baseTree} `);
  for (const file of commit.files) {
    const path = quotePath(file.path);
    if ('id' in file) {
      line(`M ${file.mode ?? '100644'} ${file.id} ${path}`);
    } else if (markOf.has(file.content)) {
      line(`M 100644 :${markOf.get(file.content)} ${path}`);
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

function quotePath(path: string): string {
  return `"${path.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n')}"`;
}
