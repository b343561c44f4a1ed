import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test as uvuTest } from 'uvu';
import * as assert from 'uvu/assert';
import { linesOf, type TestProject, until, withProject } from '../e2e/project.ts';

/** libfaketime, by which a process can be given a clock of its own. */
const library = (() => {
  try {
    const found = execFileSync('sh', ['-c', 'ls /usr/lib/*/faketime/libfaketime.so.1'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return found.split('\n')[0] ?? null;
  } catch {
    return null;
  }
})();
if (library === null) console.log('SKIP clocks that differ and jump: libfaketime is not installed');
const test = library === null ? uvuTest.skip : uvuTest;

const hour = 3_600;
const year = 365 * 24 * hour;

/** The clock of some processes: so many seconds off, which can be changed while they run. */
function clockOf(project: TestProject, name: string, offset: number) {
  const file = path.join(project.root, `clock-${name}`);
  const set = (seconds: number) => writeFileSync(file, `${seconds < 0 ? '' : '+'}${seconds}`);
  set(offset);
  const env = {
    LD_PRELOAD: library ?? '',
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    // As on a real machine: whoever sets the clock doesn't touch the monotonic one.
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
  return { set, env };
}

const counting = (root: string) => `
workflows:
  - name: count
    commands:
      - |
        i=0
        while [ ! -e ${root}/open ]; do i=$((i + 1)); echo "line $i"; echo "$i" > ${root}/count; sleep 0.05; done
`;
const count = (project: TestProject) => Number(linesOf(path.join(project.root, 'count'))[0] ?? 0);

/** Until the job has written so many lines more. */
async function goOn(project: TestProject, lines: number): Promise<void> {
  const before = count(project);
  await until('more lines', () => count(project) >= before + lines);
}

test(
  'clocks that are hours and years apart, and jump: nothing is taken over, the log is whole, no time is negative',
  withProject(counting, async (project) => {
    const submitter = clockOf(project, 'submitter', -7 * hour);
    const clock = clockOf(project, 'runner', 3 * hour);
    const otherClock = clockOf(project, 'other', -year);
    const lease = { DSTACK_RUNNER_LEASE: '8s' };
    const run = await project.submit(['count'], { env: submitter.env });
    const runner = project.startRunner('one', ['--poll', '300ms'], { ...clock.env, ...lease });
    await until('the job', () => count(project) > 0);
    const other = project.startRunner('other', ['--poll', '300ms'], { ...otherClock.env, ...lease });
    for (const jump of [-hour, hour, -year, year, 0]) {
      clock.set(jump);
      otherClock.set(-jump);
      await goOn(project, 30);
      const { stdout } = await project.dstack(['status', '--json'], { env: submitter.env });
      const [view] = JSON.parse(stdout).runs as {
        jobs: { state: string; attempt: number; runner: string }[];
      }[];
      const job = view?.jobs[0];
      assert.equal([job?.state, job?.attempt, job?.runner], ['running', 1, 'one']);
      const table = await project.dstack(['status'], { env: submitter.env });
      assert.not.match(table.stdout, /\s-\d/);
    }
    // It ends long before it began.
    clock.set(-year);
    writeFileSync(path.join(project.root, 'open'), '');
    const record = await project.record(run, 'count');
    assert.equal([record.state, record.attempt, record.runner], ['done', 1, 'one']);
    assert.ok(String(record.finishedAt) < String(record.startedAt));
    const lines = (await project.log(run, 'count')).split('\n');
    assert.equal(
      lines,
      lines.map((_, index) => `line ${index + 1}`),
    );
    assert.is(lines.length, count(project));
    for (const env of [{}, submitter.env, otherClock.env]) {
      const table = await project.dstack(['status'], { env });
      assert.match(table.stdout, run);
      assert.not.match(table.stdout, /(?<!\w)-\d+ ?[smhd]\b|\bNaN\b|\bInfinity\b/);
      const since = await project.dstack(['logs', run, '--since', '1h'], { env });
      assert.is(since.exitCode, 0, since.stderr);
      // What it shows is a part of the log, in order.
      const shown = since.stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => lines.indexOf(line));
      assert.not(shown.includes(-1));
      assert.equal(
        shown,
        [...shown].sort((a, b) => a - b),
      );
    }
    // In the order of submission by each one's own clock; one that is a year ahead is not the end of it.
    const later = await project.submit(['count', '--no-cache']);
    assert.is((await project.record(later, 'count')).state, 'done');
    for (const process of [runner, other]) {
      process.kill('SIGTERM');
      assert.is(await process.exited, 0, process.output());
    }
  }),
);

test(
  'a runner whose machine sets its clock forward by a year is not silent, one that is killed is: by whoever watches',
  withProject(counting, async (project) => {
    const clock = clockOf(project, 'runner', 0);
    const lease = { DSTACK_RUNNER_LEASE: '4s' };
    const run = await project.submit(['count']);
    const first = project.startRunner('one', ['--poll', '300ms'], { ...clock.env, ...lease });
    await until('the job', () => count(project) > 0);
    clock.set(year);
    await goOn(project, 20);
    const second = project.startRunner('two', ['--poll', '300ms', '--drain'], lease);
    first.kill('SIGKILL');
    await until('the takeover', () => second.output().includes('"attempt":2'));
    writeFileSync(path.join(project.root, 'open'), '');
    assert.is(await second.exited, 0, second.output());
    const record = await project.record(run, 'count');
    assert.equal([record.state, record.attempt, record.runner], ['done', 2, 'two']);
  }),
);

uvuTest.run();
