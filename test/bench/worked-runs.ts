import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { encodeObject } from '../../src/git/encode-object.ts';
import { initBareRepository } from '../../src/git/repository.ts';
import { fold } from '../../src/ledger/archive/fold.ts';
import { formatVersion, printFile } from '../../src/ledger/formats.ts';
import { type Ledger, openLedger } from '../../src/ledger/ledger.ts';
import { printRunMessage } from '../../src/ledger/run-message.ts';
import { settle } from '../../src/ledger/settle.ts';
import type { TestProject } from '../e2e/project.ts';
import { chunk, claim, finish, jobSpec, queued } from '../ledger/support.ts';

const author = { name: 'Ann', email: 'ann@example.org' };
const job = 'train';
const atATime = 20;

/**
 * Submits runs to a project's shared repository, each with some files of `data/0` changed since the last commit of its branch, claims and ends
 * their jobs and archives them by dstack's own code, without a process for each: only nothing is executed.
 */
export async function workOffRuns(
  project: TestProject,
  { count, changed, say }: { count: number; changed: number; say(line: string): void },
): Promise<void> {
  const head = await project.git(['rev-parse', 'main']);
  const tree = await project.git(['rev-parse', 'main^{tree}']);
  const local = await initBareRepository(path.join(project.root, 'worker.git'));
  const ledger = await openLedger({ local, remote: project.shared, who: () => author });
  try {
    for (let done = 0; done < count; done += atATime) {
      const numbers = Array.from({ length: Math.min(atATime, count - done) }, (_, index) => done + index);
      await Promise.all(numbers.map((number) => workOff(ledger, { number, head, tree, changed })));
      await fold(ledger);
      if (done % 1_000 === 0 && done > 0) say(`${done} runs`);
    }
  } finally {
    ledger.close();
  }
}

async function workOff(
  ledger: Ledger,
  { number, head, tree, changed }: { number: number; head: string; tree: string; changed: number },
): Promise<void> {
  const { shared, names } = ledger;
  const run = `${randomBytes(1).toString('hex')}-run-${number}`;
  const spec = jobSpec(job, { env: { NUMBER: String(number) } });
  const content = printFile({ format: formatVersion, run, spec, useCache: false, cacheKey: null });
  const blob = encodeObject('blob', content, shared.local.objectFormat).id;
  const files = Array.from({ length: changed }, (_, file) => ({
    path: `data/0/${file}`,
    content: randomBytes(500).toString('hex'),
  }));
  const now = { ...author, time: Date.now() };
  const message = printRunMessage({
    run,
    workflow: job,
    variables: {},
    jobs: new Map([[job, blob]]),
    reason: null,
  });
  const [commit] = await shared.write([{ parents: [head], baseTree: tree, files, message, author: now }]);
  const about = `${run}/${job}\n\nDstack-Format: ${formatVersion}\nDstack-Run-Commit: ${commit}\n`;
  const [entry] = await shared.write([
    { parents: [], files: [{ path: 'job.json', content }], message: about, author: now },
  ]);
  const updates = [
    { ref: names.job('queue', { run, job }), from: null, to: entry as string },
    { ref: names.run(run), from: null, to: commit as string },
  ];
  const outcome = await shared.push(updates, { atomic: true });
  if (!outcome.ok) throw new Error(outcome.failure.words);
  const holder = await claim(ledger, await queued(ledger, run, job));
  await holder.renew({ state: 'running', startedAt: new Date().toISOString(), chunks: [chunk('trained\n')] });
  if (!(await settle(ledger, [await finish(holder)]))) throw new Error(`${run} is not settled`);
}
