import { DstackError } from '../errors.ts';
import { git } from './run-git.ts';

/** The oldest Git that has all that is used here. */
const oldestGit = '2.34';

/** @returns Git's version, e.g. `2.39.5`. @throws DstackError `git-missing`, `git-too-old` */
export async function requireGit(): Promise<string> {
  const version = /(\d+)\.(\d+)(?:\.\d+)*/.exec(await git(['version']));
  if (!version) return 'unknown';
  const [needed, neededMinor] = oldestGit.split('.').map(Number) as [number, number];
  const [major, minor] = [Number(version[1]), Number(version[2])];
  if (major > needed || (major === needed && minor >= neededMinor)) return version[0];
  throw new DstackError('git-too-old', `dstack needs Git ${oldestGit} or newer; this is ${version[0]}`, {
    hint: 'install a newer Git and try again',
  });
}
