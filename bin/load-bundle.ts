import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import vm from 'node:vm';
import { codeCacheFile, readCodeCache, writeCodeCache } from './code-cache.ts';

// The build puts these here: a hash of all that it made, and which of its files is the beginning.
declare const buildId: string;
declare const entryName: string;

/**
 * Runs the command line as the build has made it: scripts that `require` each other. V8's code for those that an earlier
 * start of the same command has used is taken from a file, since compiling is a third of what a short command takes.
 */
export async function main(argv: readonly string[]): Promise<void> {
  const cacheFile = codeCacheFile(buildId, argv);
  const kept = cacheFile === null ? new Map<string, Buffer>() : readCodeCache(cacheFile);
  const compiled = new Map<string, vm.Script>();
  const commandLine = loader(__dirname, kept, compiled)(entryName);
  process.once('exit', () => {
    if (cacheFile === null || compiled.size === 0) return;
    // Only now the functions that the command needs have been compiled.
    const added = [...compiled].map(([name, script]): [string, Buffer] => [name, script.createCachedData()]);
    writeCodeCache(cacheFile, new Map([...kept, ...added]));
  });
  return (commandLine as { main: typeof main }).main(argv);
}

/**
 * @param kept V8's code by the names of files
 * @param compiled takes in the scripts for which there was none
 */
function loader(
  folder: string,
  kept: ReadonlyMap<string, Buffer>,
  compiled: Map<string, vm.Script>,
): (name: string) => unknown {
  const loaded = new Map<string, { exports: unknown }>();
  const requireOther = createRequire(path.join(folder, entryName));
  const importModule = (name: string) => import(name);
  const requireOne = (name: string): unknown => {
    if (!name.startsWith('./chunk-')) return requireOther(name);
    const known = loaded.get(name);
    if (known) return known.exports;
    const module = { exports: {} };
    loaded.set(name, module);
    const file = path.join(folder, name);
    const cachedData = kept.get(name);
    // The build has made sure that it is ASCII, so reading it is no more than a copy.
    const script = new vm.Script(readFileSync(file, 'latin1'), {
      filename: file,
      ...(cachedData ? { cachedData } : {}),
    });
    if (script.cachedDataRejected !== false) compiled.set(name, script);
    const run = script.runInThisContext() as (...args: unknown[]) => void;
    run(module.exports, requireAny, module, file, folder, () => pathToFileURL(file).href, importModule);
    return module.exports;
  };
  const requireAny = Object.assign(requireOne, { resolve: requireOther.resolve });
  return requireOne;
}
