import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Why there can be no disk with reflinks here; null: there can be one. */
export const missing =
  process.getuid?.() !== 0
    ? 'mounting a disk needs root'
    : spawnSync('mkfs.btrfs', ['--version']).error
      ? 'btrfs-progs is not installed'
      : null;

/**
 * Mounts a disk of that many MiB that has reflinks, Btrfs in a file below `folder`.
 * @returns where it is, and what removes it; null, and says so, on a machine that can't mount any
 */
export function reflinkDisk(folder: string, mebibytes: number): { path: string; remove(): void } | null {
  const [image, path] = [join(folder, 'disk.img'), join(folder, 'disk')];
  writeFileSync(image, '');
  truncateSync(image, mebibytes << 20);
  mkdirSync(path);
  execFileSync('mkfs.btrfs', ['--quiet', '--mixed', image], { stdio: ['ignore', 'ignore', 'inherit'] });
  const mounted = spawnSync('mount', ['-o', 'loop', image, path], { encoding: 'utf8' });
  if (mounted.status !== 0) {
    console.log(`not tested, since this system has no Btrfs, or no loop devices: ${mounted.stderr.trim()}`);
    return null;
  }
  return { path, remove: () => execFileSync('umount', [path]) };
}
