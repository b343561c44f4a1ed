import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** What a disk, or a power cut, can do to a bare repository. */
export type Damage = (gitDir: string) => void;

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(folder, name))
    .filter((file) => /objects\/([0-9a-f]{2}\/[0-9a-f]{38}|pack\/.*\.pack)$/.test(file));
}

/** Does something to the file of every object that is loose, or to every pack. */
function toObjects(kind: 'loose' | 'pack', act: (file: string) => void): Damage {
  return (gitDir) => {
    if (kind === 'pack') execFileSync('git', ['repack', '-adq'], { cwd: gitDir });
    const files = filesBelow(gitDir).filter((file) => file.endsWith('.pack') === (kind === 'pack'));
    if (files.length === 0) throw new Error(`nothing ${kind} to damage in ${gitDir}`);
    for (const file of files) {
      chmodSync(file, 0o644);
      act(file);
    }
  };
}

const zeroed = (file: string) => writeFileSync(file, Buffer.alloc(readFileSync(file).length));
const cut = (file: string) => truncateSync(file, Math.floor(readFileSync(file).length / 2));
const flipped = (file: string) => {
  const bytes = readFileSync(file);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] as number) ^ 0xff;
  writeFileSync(file, bytes);
};

/** To objects only: found when they are read. */
export const damagedObjects: Readonly<Record<string, Damage>> = {
  'loose objects cut off': toObjects('loose', cut),
  'loose objects zeroed': toObjects('loose', zeroed),
  'loose objects gone': toObjects('loose', (file) => rmSync(file)),
  'a pack cut off': toObjects('pack', cut),
  'a pack with another byte': toObjects('pack', flipped),
  'a pack gone': toObjects('pack', (file) => rmSync(file)),
};

/** To what makes it a repository, and to a ref of it. */
export const damagedRepository: Readonly<Record<string, Damage>> = {
  'no config': (gitDir) => rmSync(path.join(gitDir, 'config')),
  'HEAD empty': (gitDir) => writeFileSync(path.join(gitDir, 'HEAD'), ''),
  'HEAD gone': (gitDir) => rmSync(path.join(gitDir, 'HEAD')),
  'refs gone': (gitDir) => rmSync(path.join(gitDir, 'refs'), { recursive: true }),
  'packed-refs cut off': (gitDir) => writeFileSync(path.join(gitDir, 'packed-refs'), 'f00'),
  'shallow is garbage': (gitDir) => writeFileSync(path.join(gitDir, 'shallow'), 'garbage\n'),
};

/** Makes every loose ref below a prefix an empty file, as a power cut does. */
export function emptyRefs(gitDir: string, prefix: string): void {
  const folder = path.join(gitDir, prefix);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) writeFileSync(path.join(entry.parentPath, entry.name), '');
  }
}
