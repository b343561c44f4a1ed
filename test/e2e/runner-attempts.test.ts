import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { linesOf, type TestProject, until, withProject } from './project.ts';

const quick = ['--poll', '200ms', '--executor', 'process'];

/** What `dstack status --json` says of a run's job. */
async function statusOf(project: TestProject, run: string, job: string) {
  const { stdout } = await project.dstack(['status', run, '--json']);
  const { jobs } = JSON.parse(stdout) as {
    jobs: { name: string; state: string; reason: string | null }[];
  };
  return jobs.find(({ name }) => name === job);
}

test(
  'a job that fails is tried again, with what it had saved, as often as it says',
  withProject(
    `
workflows:
  - name: train
    artifacts: [out]
    retry: {limit: 2, on: [exit]}
    commands:
      - mkdir -p out
      - echo "attempt $DSTACK_ATTEMPT finds $(cat out/steps 2>/dev/null | tr '\\n' ' ')"
      - echo $DSTACK_ATTEMPT >> out/steps
      - '[ $DSTACK_ATTEMPT = 3 ] || exit 3'
  - name: hopeless
    retry: 1
    commands: [echo again, exit 5]
  - name: needs
    depends-on: [hopeless]
    commands: [echo never]
  - name: stubborn
    retry: {limit: 1, on: [exit]}
    commands: [exit 5]
`,
    async (project) => {
      const runner = project.startRunner('one', quick);
      const run = await project.submit(['train']);
      const record = await project.record(run, 'train');
      assert.equal([record.state, record.reason, record.attempt], ['done', null, 3]);
      assert.is(
        await project.log(run, 'train'),
        [
          'attempt 1 finds ',
          '',
          'dstack: attempt 1 failed: exit code 3; attempt 2 begins on one',
          'dstack: 1 file of what earlier attempts saved back in place',
          'attempt 2 finds 1 ',
          '',
          'dstack: attempt 2 failed: exit code 3; attempt 3 begins on one',
          'dstack: 1 file of what earlier attempts saved back in place',
          'attempt 3 finds 1 2 ',
        ].join('\n'),
      );
      await until('the end of its claim', async () => (await project.refs('claims')).length === 0);

      const stubborn = await project.submit(['stubborn']);
      const ended = await project.record(stubborn, 'stubborn');
      assert.equal([ended.state, ended.reason, ended.attempt], ['failed', 'exit code 5', 2]);

      // `retry: 1` is about lost runners, like what a workflow has that says nothing.
      const needs = await project.submit(['needs']);
      const hopeless = await project.record(needs, 'hopeless');
      assert.equal([hopeless.state, hopeless.reason, hopeless.attempt], ['failed', 'exit code 5', 1]);
      const skipped = await project.record(needs, 'needs');
      assert.equal([skipped.state, skipped.reason], ['skipped', 'hopeless failed: exit code 5']);
      await project.dstack(['sync']);
      const history = await project.git(['log', '--format=%B', 'refs/dstack/runs'], { cwd: project.folder });
      assert.match(history, /needs {2}skipped.*\(hopeless failed: exit code 5\)/);
      runner.kill('SIGTERM');
      assert.is(await runner.exited, 0, runner.output());
    },
  ),
);

test(
  'a job that runs for too long is told to end, then ended; what it has saved stays',
  withProject(
    `
workflows:
  - name: obeys
    artifacts: [out]
    timeout: 1s
    commands:
      - mkdir out; trap 'echo saved > out/state; exit 0' TERM
      - sleep 1000 & wait
  - name: resists
    artifacts: [out]
    timeout: 1s
    retry: {limit: 1, on: [timeout]}
    commands: [trap '' TERM; mkdir -p out; echo $DSTACK_ATTEMPT >> out/state; while true; do sleep 0.2; done]
  - name: quick
    timeout: 50s
    commands: [echo quick]
`,
    async (project) => {
      const runner = project.startRunner('one', quick, { DSTACK_RUNNER_GRACE: '1s' });
      const obeys = await project.submit(['obeys']);
      const resists = await project.submit(['resists']);
      const first = await project.record(obeys, 'obeys');
      assert.equal([first.state, first.reason, first.attempt], ['failed', 'timeout after 1s', 1]);
      const second = await project.record(resists, 'resists');
      assert.equal([second.state, second.reason, second.attempt], ['failed', 'timeout after 1s', 2]);
      for (const [run, content] of [
        [obeys, ['saved']],
        [resists, ['1', '2']],
      ] as const) {
        const to = path.join(project.root, run);
        const got = await project.dstack(['artifacts', 'download', run, '-o', to]);
        assert.is(got.exitCode, 0, got.stderr);
        assert.equal(readFileSync(path.join(to, 'out/state'), 'utf8').trim().split('\n'), content);
      }
      const quickOne = await project.submit(['quick']);
      assert.is((await project.record(quickOne, 'quick')).state, 'done');
      assert.is((await statusOf(project, obeys, 'obeys'))?.reason, 'timeout after 1s');
      runner.kill('SIGTERM');
      assert.is(await runner.exited, 0, runner.output());
    },
  ),
);

test(
  'a runner leaves alone what it has no labels or no room for, and the status says so',
  withProject(
    (root) => `
workflows:
  - {name: labelled, labels: {zone: lab}, commands: [echo there]}
  - {name: huge, resources: {cpu: 9999}, commands: [echo never]}
  - name: half
    resources: {memory: ${Math.floor((0.6 * totalmem()) / 2 ** 20)}MB}
    commands:
      - mkdir ${root}/busy
      - sleep 0.5
      - rmdir ${root}/busy
`,
    async (project) => {
      const plain = project.startRunner('plain', [...quick, '--concurrency', '2']);
      const labelled = await project.submit(['labelled']);
      const huge = await project.submit(['huge']);
      // Two at a time would be more than there is: each finds that the other's folder is gone.
      const halves = [
        await project.submit(['half', '--no-cache']),
        await project.submit(['half', '--no-cache']),
      ];
      for (const run of halves) assert.is((await project.record(run, 'half')).state, 'done');
      assert.equal((await project.refs('queue')).sort(), [`${huge}/huge`, `${labelled}/labelled`].sort());
      const waits = await statusOf(project, labelled, 'labelled');
      assert.equal(
        [waits?.state, waits?.reason],
        ['submitted', 'waits for a runner: it needs the label zone=lab; plain has no such label'],
      );
      assert.match(
        (await statusOf(project, huge, 'huge'))?.reason ?? '',
        /^waits for a runner: it needs 9999 CPUs; plain has \d+ CPUs$/,
      );
      const lab = project.startRunner('lab', [...quick, '--label', 'zone=lab']);
      const record = await project.record(labelled, 'labelled');
      assert.equal([record.state, record.runner], ['done', 'lab']);
      for (const runner of [plain, lab]) runner.kill('SIGTERM');
      for (const runner of [plain, lab]) assert.is(await runner.exited, 0, runner.output());
    },
  ),
);

test(
  "a run on one's own machine needs no labels, and fails at once for what the machine has not",
  withProject(
    `
workflows:
  - {name: labelled, labels: {zone: lab}, commands: [echo here]}
  - {name: huge, resources: {cpu: 9999}, commands: [echo never]}
`,
    async (project) => {
      const here = await project.dstack(['run', '--local', 'labelled']);
      assert.is(here.exitCode, 0, here.stderr);
      const huge = await project.dstack(['run', '--local', 'huge']);
      assert.is(huge.exitCode, 1);
      assert.match(`${huge.stdout}${huge.stderr}`, /it needs 9999 CPUs, which this machine does not have/);
    },
  ),
);

test(
  "each GPU is one job's at a time, and ports are said in the log",
  withProject(
    (root) => `
workflows:
  - name: train
    resources: {gpu: 1}
    ports: [8080]
    commands:
      - echo "$CUDA_VISIBLE_DEVICES" >> ${root}/seen
      - until [ -e ${root}/open ]; do sleep 0.05; done
`,
    async (project) => {
      // There is no GPU where this is tested: a program says that there are two.
      const bin = path.join(project.root, 'bin');
      project.write({
        '../bin/nvidia-smi': '#!/bin/sh\necho 0, GPU-aaaa, Some, 100\necho 1, GPU-bbbb, Some, 100\n',
      });
      chmodSync(path.join(bin, 'nvidia-smi'), 0o755);
      const seen = () => linesOf(path.join(project.root, 'seen'));
      const runs = [];
      for (let n = 1; n <= 3; n += 1) runs.push(await project.submit(['train', '--no-cache']));
      const runner = project.startRunner('one', [...quick, '--concurrency', '4', '--drain'], {
        PATH: `${bin}:${process.env.PATH}`,
      });
      await until('two jobs', () => seen().length === 2);
      assert.equal(seen().sort(), ['GPU-aaaa', 'GPU-bbbb']);
      assert.is((await project.refs('claims')).length, 2);
      writeFileSync(path.join(project.root, 'open'), '');
      for (const run of runs) {
        assert.is((await project.record(run, 'train')).state, 'done');
        assert.match(await project.log(run, 'train'), /^dstack: port 8080 is at 127\.0\.0\.1:8080 on \S+$/m);
      }
      assert.is(seen().length, 3);
      assert.is(await runner.exited, 0, runner.output());
    },
  ),
);

test.run();
