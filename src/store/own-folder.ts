import type { Manifest } from './manifest.ts';

/**
 * A job's artifacts as one gets them who also gets those of the other cells of its matrix: each in a folder of its own
 * within the path that was declared, `out/model.bin` at `out/train-2/model.bin`.
 * @param artifacts the declared paths, none inside of another
 */
export function inOwnFolder(manifest: Manifest, artifacts: readonly string[], job: string): Manifest {
  const declared = new Set(artifacts);
  return {
    ...manifest,
    entries: manifest.entries.map((entry) => ({ ...entry, path: moved(entry.path, declared, job) })),
  };
}

function moved(path: string, declared: ReadonlySet<string>, job: string): string {
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    if (declared.has(path.slice(0, end))) return `${path.slice(0, end)}/${job}${path.slice(end)}`;
  }
  return path;
}
