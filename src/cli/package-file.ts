import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const files = {
  /** The bundle of the watchdog process, or its source when dstack itself runs from source. */
  watchdog: ['dist/watchdog.mjs', 'src/executor/watchdog-process.ts'],
  /** Likewise, of the process that starts many short jobs. */
  spawner: ['dist/spawner.mjs', 'src/executor/spawner-process.ts'],
  /** What `dstack ui` shows; its style lies beside it. */
  page: ['dist/page.js'],
  hook: ['hooks/post-receive'],
  guard: ['hooks/pre-receive'],
  /** What a hook can run. */
  executable: ['dist/dstack.js'],
} as const;

/** The path of a file that belongs to dstack's own package. */
export function packageFile(which: keyof typeof files): string {
  const here = fileURLToPath(import.meta.url);
  const root = packageRoot(dirname(here));
  const fromSource = here.endsWith('.ts');
  const candidates = [...files[which]].sort(
    (a, b) => Number(b.endsWith('.ts') === fromSource) - Number(a.endsWith('.ts') === fromSource),
  );
  const found = candidates.map((name) => join(root, name)).find((path) => existsSync(path));
  if (found) return found;
  throw new Error(
    `this installation of dstack is incomplete: ${candidates.join(' or ')} is missing in ${root}`,
  );
}

function packageRoot(folder: string): string {
  const file = join(folder, 'package.json');
  if (existsSync(file) && (JSON.parse(readFileSync(file, 'utf8')) as { name?: string }).name === 'dstack')
    return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error('this installation of dstack has no package.json');
  return packageRoot(parent);
}
