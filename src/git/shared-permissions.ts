import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What `core.sharedRepository` makes of the permissions of files: bits that are added (`set` false) or put in the place
 * of those that the umask has left. Null: nothing.
 */
export type SharedPermissions = { readonly bits: number; readonly set: boolean } | null;

/** Reads them from the repository's own configuration file, where `git init --shared` writes them. */
export function readSharedPermissions(commonDir: string): SharedPermissions {
  let text: string;
  try {
    text = readFileSync(join(commonDir, 'config'), 'utf8');
  } catch {
    return null;
  }
  let section = '';
  let value: string | null = null;
  for (const line of text.split('\n')) {
    const header = /^\s*\[\s*([^\]]*?)\s*\]/.exec(line);
    if (header) section = (header[1] as string).toLowerCase();
    const found = /^\s*sharedrepository\s*(?:=\s*"?([^"#;\s]*)|$)/i.exec(line.replace(/^\s*\[[^\]]*\]/, ''));
    if (section === 'core' && found) value = found[1] ?? 'true';
  }
  return value === null ? null : sharedPermissions(value);
}

/** What a value of `core.sharedRepository` means, as in `git help config`. */
export function sharedPermissions(value: string): SharedPermissions {
  const word = value.toLowerCase();
  if (['group', 'true', 'yes', 'on', '1'].includes(word)) return { bits: 0o660, set: false };
  if (['all', 'world', 'everybody', '2'].includes(word)) return { bits: 0o664, set: false };
  if (!/^0?[0-7]{3}$/.test(word)) return null;
  const bits = Number.parseInt(word, 8);
  return (bits & 0o600) === 0o600 ? { bits: bits & 0o666, set: true } : null;
}

/** The mode of a file or folder that would have `mode` by the umask alone. */
export function withSharedPermissions(mode: number, permissions: SharedPermissions): number {
  if (permissions === null) return mode;
  let bits = permissions.bits;
  if ((mode & 0o200) === 0) bits &= ~0o222;
  if ((mode & 0o100) !== 0) bits |= (bits & 0o444) >> 2;
  return permissions.set ? (mode & ~0o777) | bits : mode | bits;
}
