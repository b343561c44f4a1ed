import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import esbuild from 'esbuild';

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));

/** One change of the sources: a text that occurs once in a file, and what takes its place. */
export interface Change {
  /** Relative to the root. */
  readonly file: string;
  readonly text: string;
  readonly by: string;
}

/** What a hunting program prints. */
export interface Finding {
  readonly played: number;
  readonly seed: number | null;
  readonly violations: readonly string[];
  readonly struck: number;
  readonly shrunk: {
    readonly misfortunes: readonly string[];
    readonly violations: readonly string[];
    readonly log: readonly string[];
  } | null;
}

/** The file's source with the change. @throws Error unless its text occurs exactly once */
export function changed({ file, text, by }: Change): string {
  const pieces = readFileSync(path.join(root, file), 'utf8').split(text);
  if (pieces.length !== 2)
    throw new Error(`in ${file} the text to be replaced occurs ${pieces.length - 1} times: ${text}`);
  return pieces.join(by);
}

/**
 * Bundles a simulation and the sources with one change in them into a file that Node can run.
 * @param program what hunts in it, relative to the root
 */
export async function plant(
  change: Change,
  outfile: string,
  program = 'test/faults/simulation/hunt-program.ts',
): Promise<void> {
  const contents = changed(change);
  const target = path.join(root, change.file);
  await esbuild.build({
    absWorkingDir: root,
    entryPoints: [program],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
    // Some dependencies are CommonJS and require Node's own modules.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    plugins: [
      {
        name: 'plant',
        setup(build) {
          build.onLoad({ filter: /\.ts$/ }, ({ path: file }) =>
            file === target ? { contents, loader: 'ts' } : undefined,
          );
        },
      },
    ],
  });
}

/** Runs such a file: plays histories until one violates what `kind` (a regular expression) describes. */
export async function huntWith(
  program: string,
  options: { base: number; limit: number; kind: RegExp; shrink?: boolean },
): Promise<Finding> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      program,
      String(options.base),
      String(options.limit),
      options.kind.source,
      ...(options.shrink ? ['shrink'] : []),
    ],
    { timeout: 4 * 60_000, maxBuffer: 1 << 26 },
  );
  return JSON.parse(stdout) as Finding;
}
