import { join } from 'node:path';
import { writeConfig } from '../config/write-config.ts';
import { DstackError } from '../errors.ts';
import { openRepository } from '../git/repository.ts';
import { runGit } from '../git/run-git.ts';
import { resolveRemote, withoutPassword } from '../ledger/shared-repository.ts';
import { plainText } from '../terminal-text.ts';
import { type Project, remoteOf } from './project.ts';
import { ask, canAsk, say } from './terminal.ts';

/**
 * A snapshot carries uncommitted files: nobody should send them to another machine without having said so once; nor into
 * the clone that this one was cloned from, where no runner would look for them.
 * @throws DstackError `remote-not-configured` where nobody can be asked, `remote-is-a-clone`, `declined`
 */
export async function confirmFirstPush(project: Project): Promise<void> {
  const found = await remoteOf(project);
  if (!found || found.configured) return;
  const { address, path } = await resolveRemote(found.remote, project.folder);
  if (path !== null) return refuseClone(path);
  const where = plainText(withoutPassword(address));
  if (!canAsk()) {
    throw new DstackError('remote-not-configured', `nobody has said yet that snapshots may go to ${where}`, {
      hint: `say so: \`dstack init --remote ${found.remote}\`, or DSTACK_REMOTE=${found.remote}`,
    });
  }
  const answer = await ask(
    `A snapshot holds uncommitted and untracked files, too. Push snapshots of this project to ${where}? [y/N] `,
  );
  if (answer === null || !/^y(es)?$/i.test(answer))
    throw new DstackError('declined', 'nothing was pushed', { exitCode: 130 });
  writeConfig(join(project.folder, '.dstackrc'), { remote: found.remote });
  say('remembered in .dstackrc');
}

async function refuseClone(path: string): Promise<void> {
  const { workTree, gitDir } = await openRepository(path);
  if (workTree === null) return;
  const origin = await runGit(['config', '--get', 'remote.origin.url'], { gitDir });
  const theirs = withoutPassword(origin.stdout.toString('utf8').trim());
  throw new DstackError('remote-is-a-clone', `${plainText(path)}, the origin here, is somebody's clone`, {
    hint: `name the shared repository: \`dstack init --remote ${plainText(theirs) || 'URL'}\`; or, if it is to be that clone: \`dstack init --remote origin\``,
  });
}
