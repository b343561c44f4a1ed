import { execFileSync } from 'node:child_process';
import { closeSync, cpSync, existsSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';

/** A folder on a disk of its own, which is small. */
export interface SmallDisk {
  /** Takes all the room there is. */
  fill(): void;
  /** Gives it back. */
  empty(): void;
  /** Puts what lies there back on the large disk. */
  remove(): void;
}

/** Only root may mount. */
export const mayMount = process.getuid?.() === 0;

/** Moves a folder, which may exist already, to a disk of that size (as `mount` takes it: `2m`). */
export function smallDisk(folder: string, size: string): SmallDisk {
  const aside = `${folder}.large`;
  const there = existsSync(folder);
  if (there) renameSync(folder, aside);
  execFileSync('mkdir', ['-p', folder]);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder]);
  if (there) cpSync(aside, folder, { recursive: true, preserveTimestamps: true });
  rmSync(aside, { recursive: true, force: true });
  const ballast = path.join(folder, 'ballast');
  let mounted = true;
  return {
    fill() {
      const file = openSync(ballast, 'a');
      try {
        for (const size of [1 << 16, 1 << 12, 1]) {
          const piece = Buffer.alloc(size);
          try {
            while (writeSync(file, piece) > 0);
          } catch (error) {
            if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
          }
        }
      } finally {
        closeSync(file);
      }
    },
    empty: () => rmSync(ballast, { force: true }),
    remove() {
      if (mounted) execFileSync('umount', ['-l', folder]);
      mounted = false;
    },
  };
}
