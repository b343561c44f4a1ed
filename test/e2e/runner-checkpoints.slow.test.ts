import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { linesOf, type TestProject, until, withProject } from './project.ts';

const options = ['--poll', '200ms', '--executor', 'process'];
const shortLease = { DSTACK_RUNNER_LEASE: '3s' };

interface Job {
  readonly state: string;
  readonly reason: string | null;
  readonly runner: string | null;
  readonly attempt: number;
  readonly saved?: { files: number; bytes: number; at: string | null };
}

async function statusOf(project: TestProject, run: string): Promise<Job> {
  const { stdout } = await project.dstack(['status', run, '--json']);
  return JSON.parse(stdout).jobs[0];
}

const file = (project: TestProject, name: string) => path.join(project.root, name);
const open = (project: TestProject) => writeFileSync(file(project, 'open'), '');

/**
 * Finds what was saved, writes a state of its own in two files that belong together, as programs should, and ends once
 * `open` is there.
 */
const training = (root: string) => `
workflows:
  - name: train
    artifacts: [out]
    checkpoint: 1s
    resources: {interruptible: true}
    retry: {limit: 1, on: [runner-lost]}
    commands:
      - echo "attempt $DSTACK_ATTEMPT finds $(cat out/last/model out/last/optimizer 2>/dev/null | tr '\\n' ' ')"
      - |
        save() {
          mkdir -p out/part; echo $1 > out/part/model; echo $1 > out/part/optimizer
          rm -rf out/last; mv out/part out/last
        }
        trap 'save "at the end of $DSTACK_ATTEMPT"; exit 143' TERM
        save "state of $DSTACK_ATTEMPT"
        echo $DSTACK_ATTEMPT >> ${root}/begun
        while [ ! -e ${root}/open ]; do sleep 0.1; done
  - name: firm
    commands: [echo firm]
`;

test(
  'SIGKILL of a runner: the next attempt has what the last checkpoint saved',
  withProject(training, async (project) => {
    const run = await project.submit(['train']);
    const first = project.startRunner('first', options, shortLease);
    const job = await until('a checkpoint', async () => {
      const status = await statusOf(project, run);
      return status.saved?.at ? status : null;
    });
    assert.equal([job.state, job.saved?.files], ['running', 2]);
    const table = await project.dstack(['status', run]);
    assert.match(table.stdout, / 2 \(\d+B, saved (now|\d+s ago)\)/);
    await until('the line in its log', async () =>
      (await project.dstack(['logs', run])).stdout.includes('dstack: checkpoint: 2 files ('),
    );
    first.kill('SIGKILL');
    await first.exited;
    const second = project.startRunner('second', [...options, '--drain'], shortLease);
    await until('the takeover', () => linesOf(file(project, 'begun')).length === 2);
    open(project);
    assert.is(await second.exited, 0, second.output());
    const record = await project.record(run, 'train');
    assert.equal([record.state, record.attempt, record.runner], ['done', 2, 'second']);
    const log = await project.log(run, 'train');
    assert.match(log, /^dstack: first fell silent; attempt 2 begins on second$/m);
    assert.match(log, /^dstack: 2 files of what earlier attempts saved back in place$/m);
    assert.match(log, /^attempt 2 finds state of 1 state of 1 $/m);
  }),
);

test(
  'SIGTERM of an interruptible runner: what the job saves then is there for the next attempt, which need not wait',
  withProject(training, async (project) => {
    // Nobody can wait for that.
    const lease = { DSTACK_RUNNER_LEASE: '1h' };
    const spot = project.startRunner('spot', [...options, '--interruptible'], lease);
    const firm = await project.submit(['firm']);
    await until('that it is left alone', async () =>
      (await statusOf(project, firm)).reason?.includes('needs a machine that stays'),
    );
    const { stdout } = await project.dstack(['runners']);
    assert.match(stdout, /^spot .*process, interruptible/m);

    const run = await project.submit(['train']);
    for (const attempt of [1, 2, 3]) {
      const runner =
        attempt === 1 ? spot : project.startRunner('spot', [...options, '--interruptible'], lease);
      await until(`attempt ${attempt}`, () => linesOf(file(project, 'begun')).length === attempt);
      runner.kill('SIGTERM');
      assert.is(await runner.exited, 0, runner.output());
      const job = await statusOf(project, run);
      assert.equal([job.state, job.runner, job.saved?.files], ['submitted', null, 2]);
      assert.match(job.reason ?? '', /^given back by spot on \S+; waits for attempt \d$/);
    }
    open(project);
    const last = project.startRunner('last', [...options, '--drain'], lease);
    assert.is(await last.exited, 0, last.output());
    const record = await project.record(run, 'train');
    assert.equal([record.state, record.attempt, record.runner], ['done', 4, 'last']);
    const log = await project.log(run, 'train');
    for (const attempt of [2, 3, 4]) {
      const found = `at the end of ${attempt - 1}`;
      assert.match(log, new RegExp(`^attempt ${attempt} finds ${found} ${found} $`, 'm'));
      assert.match(log, new RegExp(`^dstack: given back by spot on \\S+; attempt ${attempt} begins on`, 'm'));
    }
    assert.is((await project.record(firm, 'firm')).runner, 'last');
  }),
);

test(
  "a checkpoint that can't be saved is said, ends nothing, and is tried again; one that would be torn is none",
  withProject(
    (root) => `
workflows:
  - name: train
    artifacts: [out]
    checkpoint: 1s
    commands:
      - mkdir out
      - echo first > out/model; pwd > ${root}/workspace
      - until [ -e ${root}/open ]; do sleep 0.1; done
`,
    async (project) => {
      const logs = async (run: string) => (await project.dstack(['logs', run])).stdout;
      // A file where the store should be: it can't be written to.
      writeFileSync(project.store, '');
      const run = await project.submit(['train']);
      const runner = project.startRunner('one', [...options, '--drain'], shortLease);
      await until('the complaint', async () =>
        (await logs(run)).includes('dstack: a checkpoint could not be saved: '),
      );
      rmSync(project.store);
      const savedAt = async () => (await statusOf(project, run)).saved?.at;
      const first = await until('the checkpoint', savedAt);
      // As a job would that is slow to write it; many processes, on a busy machine, could pause for too long.
      const model = path.join(readFileSync(file(project, 'workspace'), 'utf8').trim(), 'out/model');
      let count = 0;
      const writing = setInterval(() => {
        count += 1;
        writeFileSync(model, `part ${count}\n`);
      }, 50);
      try {
        await until('the second complaint', async () =>
          (await logs(run)).includes(
            'dstack: a checkpoint could not be saved, the one before it stays: out/model would not keep still',
          ),
        );
      } finally {
        clearInterval(writing);
      }
      assert.is(await savedAt(), first);
      const kept = await project.git(['show', `refs/dstack/claims/${run}/train:artifacts.json`]);
      assert.match(kept, /"size":6/);
      writeFileSync(model, 'second\n');
      await until('the next checkpoint', async () => (await savedAt()) !== first);
      open(project);
      assert.is(await runner.exited, 0, runner.output());
      const record = await project.record(run, 'train');
      assert.equal([record.state, record.attempt], ['done', 1]);
      const to = file(project, 'downloaded');
      await project.dstack(['artifacts', 'download', run, '-o', to]);
      assert.is(readFileSync(path.join(to, 'out/model'), 'utf8'), 'second\n');
    },
  ),
);

test(
  'a third signal does not wait for a job that takes its time, nor for what it leaves',
  withProject(
    (root) => `
workflows:
  - name: train
    artifacts: [out]
    checkpoint: 1s
    commands:
      - echo "attempt $DSTACK_ATTEMPT finds $(cat out/model 2>/dev/null)"
      - trap 'echo later > out/model; touch ${root}/told' TERM
      - mkdir -p out; echo early > out/model
      - until [ -e ${root}/open ]; do sleep 0.1 || true; done
`,
    async (project) => {
      const run = await project.submit(['train']);
      const runner = project.startRunner('one', options, { DSTACK_RUNNER_GRACE: '1h' });
      await until('a checkpoint', async () => (await statusOf(project, run)).saved);
      runner.kill('SIGTERM');
      await until('its answer', () => runner.output().includes('taking no more'));
      runner.kill('SIGTERM');
      await until('that its job is told', () => existsSync(file(project, 'told')));
      runner.kill('SIGTERM');
      assert.is(await runner.exited, 0, runner.output());
      assert.is((await statusOf(project, run)).saved?.files, 1);
      open(project);
      const last = project.startRunner('last', [...options, '--drain']);
      assert.is(await last.exited, 0, last.output());
      assert.match(await project.log(run, 'train'), /^attempt 2 finds early$/m);
    },
  ),
);

test(
  'a job that is frozen saves no checkpoint; it does once it is thawed',
  withProject(training, async (project) => {
    const run = await project.submit(['train']);
    const runner = project.startRunner('one', [...options, '--drain'], shortLease);
    await until('a checkpoint', async () => (await statusOf(project, run)).saved);
    const saved = () => runner.output().split('checkpoint saved').length - 1;
    const away = `${project.shared}.away`;
    renameSync(project.shared, away);
    await until('the freeze', () => runner.output().includes('is frozen'));
    const before = saved();
    await sleep(2_500);
    assert.is(saved(), before);
    renameSync(away, project.shared);
    await until('the thaw', () => runner.output().includes('goes on'));
    open(project);
    assert.is(await runner.exited, 0, runner.output());
    assert.is((await project.record(run, 'train')).state, 'done');
    assert.not(existsSync(away));
  }),
);

test.run();
