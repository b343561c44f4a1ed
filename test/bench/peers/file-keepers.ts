import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { type CommandPlace, timed } from '../bench-project.ts';

/** Something that keeps the files of the folder `data`, as people use it. All times are milliseconds. */
export interface FileKeeper {
  readonly name: string;
  /** Why it can't be had here; null: it can. */
  readonly absent: string | null;
  /** More files than this would take it longer than anybody waits for a figure. */
  readonly mostFiles: number;
  /** Puts things in order for a first time; not timed. */
  prepare(): void;
  /** Where its own copy of the data is changed. */
  readonly data: string;
  /** Takes in what is there, the first time or again. */
  keep(): Promise<number>;
  /** Gives all back into an empty folder. */
  giveBack(): Promise<number>;
}

/**
 * @param original the folder with the data
 * @param root an empty folder for what they need
 */
export function fileKeepers(original: string, root: string, env: NodeJS.ProcessEnv): FileKeeper[] {
  const sh = (cwd: string, script: string) =>
    timed(['sh', '-ec', script], { cwd, env } satisfies CommandPlace);
  const inRepository = (name: string, begin: string, keep: string, giveBack: string): FileKeeper => {
    const own = path.join(root, name);
    const repository = path.join(own, 'repository');
    return {
      name,
      absent: missing(name),
      // It starts programs for each, some 20 ms a file.
      mostFiles: name === 'git-annex' ? 1_000 : Number.POSITIVE_INFINITY,
      data: path.join(repository, 'data'),
      prepare() {
        rmSync(own, { recursive: true, force: true });
        mkdirSync(repository, { recursive: true });
        spawnSync('sh', ['-ec', `git init -q .; ${begin}`], { cwd: repository, env });
        cpSync(original, path.join(repository, 'data'), { recursive: true, preserveTimestamps: true });
      },
      keep: () => sh(repository, keep),
      async giveBack() {
        spawnSync('git', ['commit', '-qm', 'data'], { cwd: repository, env });
        rmSync(path.join(own, 'clone'), { recursive: true, force: true });
        return sh(own, giveBack);
      },
    };
  };
  const copy = path.join(root, 'rclone');
  return [
    inRepository(
      'git-annex',
      'git annex init -q bench; git config annex.addunlocked true',
      'git annex add --quiet data',
      'git clone -q repository clone; cd clone; git annex init -q clone; git annex get --quiet data',
    ),
    inRepository(
      'git-lfs',
      "git lfs install --local; git lfs track 'data/**'",
      'git add .gitattributes data',
      // In a clone that knows nothing of it there would be only the pointers.
      'git clone -q repository clone; cd clone; git lfs install --local; git lfs pull',
    ),
    {
      name: 'rclone',
      absent: missing('rclone'),
      mostFiles: Number.POSITIVE_INFINITY,
      data: original,
      prepare: () => rmSync(copy, { recursive: true, force: true }),
      keep: () => sh(root, `rclone copy --checksum '${original}' '${copy}'`),
      async giveBack() {
        rmSync(path.join(root, 'back'), { recursive: true, force: true });
        return sh(root, `rclone copy '${copy}' back`);
      },
    },
  ];
}

function missing(program: string): string | null {
  const found = spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
  return found ? null : `there is no ${program} here`;
}
