import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

/**
 * The file system that a folder lies on, as `ext4` or `tmpfs`; of an ext4 also whether it has no journal, since there
 * making a file takes longer the more were deleted lately. Empty where the system doesn't tell.
 */
export function fileSystemOf(folder: string): string {
  const { status, stdout } = spawnSync('df', ['--output=fstype,source', folder], { encoding: 'utf8' });
  const [type = '', source = ''] = status === 0 ? (stdout.trim().split('\n')[1] ?? '').split(/\s+/) : [];
  const isKnown = type === 'ext4' && existsSync(`/proc/fs/ext4/${path.basename(source)}`);
  return isKnown && !hasJournal(path.basename(source)) ? 'ext4 without a journal' : type;
}

/** Linux keeps figures of each journal in a folder that is called by its device and its inode. */
function hasJournal(device: string): boolean {
  const journals = '/proc/fs/jbd2';
  return existsSync(journals) && readdirSync(journals).some((name) => name.startsWith(`${device}-`));
}
