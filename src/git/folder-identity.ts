import { statSync } from 'node:fs';

/** Which folder it is: another one, even of the same number, can come to be in its place. Null: none that can be looked at. */
export function folderIdentity(folder: string): string | null {
  try {
    const stats = statSync(folder, { throwIfNoEntry: false });
    return stats ? `${stats.dev} ${stats.ino} ${stats.birthtimeMs}` : null;
  } catch {
    return null;
  }
}
