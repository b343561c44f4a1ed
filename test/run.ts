// Runs the tests: `tsx test/run.ts [--fast] [--coverage] [PART OF A PATH …]`. The last line is `N passed, N failed`.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import pLimit from 'p-limit';
import { findTests } from './harness/find-tests.ts';
import { containersSince, dstackContainers, leftoversOf } from './harness/leftovers.ts';
import { judge, type Outcome } from './harness/outcome.ts';
import { detailsOf, lineOf, summaryOf } from './harness/report.ts';
import { killRunning, runFile } from './harness/run-file.ts';

const PARALLEL = 2;
const LIMIT_MS = 5 * 60_000;

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const { values, positionals } = parseArgs({
  options: { fast: { type: 'boolean', default: false }, coverage: { type: 'boolean', default: false } },
  allowPositionals: true,
});

/** Runs one file in a folder of its own; what it leaves behind is a failure of that file. */
async function outcomeOf(file: string, folder: string, coverage: string | undefined): Promise<Outcome> {
  mkdirSync(folder);
  const outcome = judge(file, await runFile(root, file, { folder, limitMs: LIMIT_MS, coverage }));
  outcome.problems.push(...(await leftoversOf(path.join(folder, 'tmp'))));
  rmSync(folder, { recursive: true, force: true });
  console.log(lineOf(outcome));
  if (outcome.failed > 0 || outcome.problems.length > 0) console.log(detailsOf(outcome));
  return outcome;
}

async function main(scratch: string): Promise<boolean> {
  const files = await findTests(root, { fast: values.fast, filters: positionals });
  // End-to-end tests drive what was built.
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });

  const containers = await dstackContainers();
  const coverage = values.coverage ? path.join(scratch, 'coverage') : undefined;
  const limit = pLimit(PARALLEL);
  const outcomes = await Promise.all(
    files.map((file, index) => limit(() => outcomeOf(file, path.join(scratch, String(index)), coverage))),
  );
  const problems = (await containersSince(containers)).map(
    (container) => `left a container behind: ${container}`,
  );
  for (const problem of problems) console.log(problem);
  outcomes.push({ file: 'all', passed: 0, failed: 0, skips: [], problems, output: '', seconds: 0 });

  if (coverage !== undefined) {
    execFileSync('npx', ['c8', 'report', '--temp-directory', coverage], { cwd: root, stdio: 'inherit' });
  }
  const { lines, ok } = summaryOf(outcomes, { strict: process.env.CI === 'true' });
  console.log(lines.join('\n'));
  return ok;
}

// Short, since Unix sockets in it may have no longer path than about 100 characters.
const scratch = mkdtempSync(path.join(os.tmpdir(), 'dt-'));
// Tests as root act as another user, too, who must get to what is his in there.
chmodSync(scratch, 0o711);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    killRunning();
    rmSync(scratch, { recursive: true, force: true });
    process.exit(130);
  });
}
try {
  process.exitCode = (await main(scratch)) ? 0 : 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
