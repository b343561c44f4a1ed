// Measures dstack against floors and peers: `npm run bench [-- --scale FRACTION] [NAME …]`; docs/benchmarks.md says more.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { removeProjects } from './bench-project.ts';
import { benchmarks, chosen } from './benchmarks.ts';
import { mergeResults, printResults, type Result, replaceBlock } from './document.ts';
import { thisMachine } from './machine.ts';
import { descendantsOf } from './process-figures.ts';

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const files = {
  json: path.join(root, 'docs/benchmarks.json'),
  document: path.join(root, 'docs/benchmarks.md'),
};

/** Of what is smaller, the figures say little. */
const leastWritten = 0.1;

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { scale: { type: 'string', default: '1' } },
    allowPositionals: true,
  });
  const scale = Number(values.scale);
  if (!(scale > 0 && scale <= 1)) throw new Error('--scale is a number above 0 and up to 1');
  const fresh: Record<string, Result> = {};
  const order = benchmarks.map(({ name }) => name);
  const changed = git('status', '--porcelain', '--untracked-files=no', '--', 'src', 'bin', 'hooks') !== '';
  const commit = `${git('rev-parse', '--short', 'HEAD')}${changed ? '+' : ''}`;
  const day = new Date().toISOString().slice(0, 10);
  // With them Node reads certificates at each start, floor or not, which takes longer than the rest of that.
  const certificates = process.env.NODE_EXTRA_CA_CERTS;
  delete process.env.NODE_EXTRA_CA_CERTS;
  for (const { name, about, run } of chosen(positionals)) {
    console.log(`${name}: ${about}`);
    const rows = await run({ scale, certificates, say: (line) => console.log(`  ${line}`) });
    fresh[name] = { machine: thisMachine(), commit, day, rows };
    console.log(printResults(mergeResults(null, { [name]: fresh[name] }, order)));
    // Each is written once it is there: the next one may take long, or fail. Each row says on how much it was measured.
    if (scale >= leastWritten) write(fresh, order);
  }
}

function write(fresh: Readonly<Record<string, Result>>, order: readonly string[]): void {
  const old = existsSync(files.json) ? readFileSync(files.json, 'utf8') : null;
  const results = mergeResults(old, fresh, order);
  const document = replaceBlock(readFileSync(files.document, 'utf8'), results);
  writeFileSync(files.json, `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(files.document, document);
}

/** Runners are in process groups of their own: nothing but this ends them. */
async function leave(signal: 'SIGINT' | 'SIGTERM'): Promise<never> {
  console.error('ending what was begun');
  await removeProjects();
  for (const { pid } of descendantsOf(process.pid)) {
    try {
      process.kill(pid);
    } catch {
      // It has ended.
    }
  }
  process.exit(128 + os.constants.signals[signal]);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void leave(signal));

try {
  await main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
