import { join } from 'node:path';
import { writeConfig } from '../config/write-config.ts';
import { DstackError } from '../errors.ts';
import { resolveRemote, withoutPassword } from '../ledger/shared-repository.ts';
import { plainText } from '../terminal-text.ts';
import { type Project, remoteOf } from './project.ts';
import { ask, canAsk, say } from './terminal.ts';

/**
 * A snapshot carries uncommitted files: nobody should send them to another machine without having said so once.
 * @throws DstackError `remote-not-configured` where nobody can be asked, `declined`
 */
export async function confirmFirstPush(project: Project): Promise<void> {
  const found = await remoteOf(project);
  if (!found || found.configured) return;
  const { address, path } = await resolveRemote(found.remote, project.folder);
  if (path !== null) return;
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
