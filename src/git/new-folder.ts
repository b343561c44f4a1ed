import { diskFull } from '../disk-full.ts';
import { DstackError } from '../errors.ts';
import { makeFolder } from '../make-folder.ts';
import { plainText } from '../terminal-text.ts';

/**
 * Makes a folder that a person, or a setting, has named, and those above it.
 * @throws DstackError `disk-full`, `no-folder`
 */
export async function makeNamedFolder(path: string): Promise<void> {
  try {
    await makeFolder(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT') throw diskFull(path, error);
    throw new DstackError(
      'no-folder',
      `the folder ${plainText(path)} can't be made: ${reasons[code ?? ''] ?? code}`,
      {
        hint: 'choose another place, or make it yourself',
        cause: error,
      },
    );
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'no permission',
  EPERM: 'no permission',
  EROFS: 'its file system can only be read',
  ENOTDIR: 'a file is in the way',
  ENOENT: 'its file system takes no new folders',
  ENAMETOOLONG: 'the name is too long',
};
