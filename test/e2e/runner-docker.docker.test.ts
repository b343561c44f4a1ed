import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type TestProject, until, withProject } from './project.ts';

const images = fileURLToPath(new URL('../../fixtures/images/build.sh', import.meta.url));
const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8' }).trim();

/** Containers of a run's jobs, running or not. */
const containersOf = (run: string) => {
  const all = docker('ps', '--all', '--no-trunc', '--format', '{{.ID}} {{.Labels}}');
  return all.split('\n').filter((line) => line.includes(run));
};

test.before(() => {
  execFileSync(images, { stdio: ['ignore', 'ignore', 'inherit'] });
});

async function drained(project: TestProject, args: string[]): Promise<void> {
  const runner = project.startRunner('one', [...args, '--drain']);
  assert.is(await runner.exited, 0, runner.output());
}

test(
  'jobs in images, end to end: inputs, artifacts, log; their containers are gone afterwards',
  withProject(
    `
workflows:
  - {name: prepare, image: dstack-test/busybox, artifacts: [data], commands: [mkdir data, echo 3 > data/rows]}
  - name: train
    image: dstack-test/node
    depends-on: {workflows: [prepare]}
    artifacts: [model]
    commands:
      - node -e 'console.log("rows:", require("fs").readFileSync("data/rows", "utf8").trim())'
      - pwd
      - echo trained > model
`,
    async (project) => {
      const run = await project.submit(['train']);
      await drained(project, ['--executor', 'docker']);
      const record = await project.record(run, 'train');
      assert.equal([record.state, record.executor, record.image], ['done', 'docker', 'dstack-test/node']);
      assert.is(await project.log(run, 'train'), 'rows: 3\n/workflow');
      assert.is((record.artifacts as { files: number }).files, 1);
      assert.equal(containersOf(run), []);
    },
  ),
);

test(
  'an image that is not there fails the job with the reason; a failed command leaves no container either',
  withProject(
    `
workflows:
  - {name: nowhere, image: 'localhost:1/no-such-image:1', commands: [echo never]}
  - {name: wrong, image: dstack-test/busybox, commands: [exit 4]}
`,
    async (project) => {
      const nowhere = await project.submit(['nowhere']);
      const wrong = await project.submit(['wrong']);
      await drained(project, []);
      const record = await project.record(nowhere, 'nowhere');
      assert.is(record.state, 'failed');
      assert.match(record.reason as string, 'localhost:1/no-such-image:1');
      assert.is((await project.record(wrong, 'wrong')).reason, 'exit code 4');
      assert.equal([...containersOf(nowhere), ...containersOf(wrong)], []);
    },
  ),
);

test(
  '--executor docker leaves jobs without an image to others',
  withProject('workflows: [{name: plain, commands: [echo plain]}]\n', async (project) => {
    const run = await project.submit(['plain']);
    await drained(project, ['--executor', 'docker']);
    assert.equal(await project.refs('queue'), [`${run}/plain`]);
    await drained(project, ['--executor', 'process']);
    assert.is((await project.record(run, 'plain')).state, 'done');
  }),
);

test(
  'SIGKILL of a runner: its container is ended by the watchdog, and another attempt begins after the lease',
  withProject(
    `
workflows:
  - {name: long, image: dstack-test/busybox, commands: ['if [ "$DSTACK_ATTEMPT" = 1 ]; then sleep 1000; fi', echo done]}
`,
    async (project) => {
      const run = await project.submit(['long']);
      const lease = { DSTACK_RUNNER_LEASE: '3s' };
      const first = project.startRunner('first', [], lease);
      await until('the container', () => containersOf(run).length === 1);
      first.kill('SIGKILL');
      await until('its end', () => containersOf(run).length === 0);
      const second = project.startRunner('second', ['--drain', '--poll', '200ms'], lease);
      assert.is(await second.exited, 0, second.output());
      const record = await project.record(run, 'long');
      assert.equal([record.state, record.attempt], ['done', 2]);
      assert.equal(containersOf(run), []);
    },
  ),
);

test(
  'a stop ends the container and keeps what there is',
  withProject(
    `
workflows:
  - name: long
    image: dstack-test/busybox
    artifacts: [model]
    commands: [echo half > model, echo ready, sleep 1000]
`,
    async (project) => {
      const run = await project.submit(['long']);
      const runner = project.startRunner('one');
      await until('the container', () => containersOf(run).length === 1);
      const ready = async () => (await project.dstack(['logs', run])).stdout.includes('ready');
      await until('its output', ready);
      const stopped = await project.dstack(['stop', run, '--yes']);
      assert.is(stopped.exitCode, 0, stopped.stderr);
      const record = await project.record(run, 'long');
      assert.is(record.state, 'stopped');
      assert.is((record.artifacts as { files: number }).files, 1);
      assert.equal(containersOf(run), []);
      runner.kill('SIGTERM');
      assert.is(await runner.exited, 0);
    },
  ),
);

test(
  'a job that runs out of its memory is tried again, then failed with that reason; its ports are in the log',
  withProject(
    `
workflows:
  - name: hungry
    image: dstack-test/busybox
    resources: {memory: 16MB}
    ports: [8080]
    retry: {limit: 1, on: [out-of-memory]}
    commands: ['dd if=/dev/zero of=/dev/null bs=200M; echo never']
`,
    async (project) => {
      const run = await project.submit(['hungry']);
      await drained(project, ['--executor', 'docker']);
      const record = await project.record(run, 'hungry');
      assert.equal(
        [record.state, record.reason, record.exitCode, record.attempt],
        ['failed', 'out of memory: it may have 16MB', 137, 2],
      );
      const log = await project.log(run, 'hungry');
      assert.match(log, /dstack: attempt 1 failed: out of memory: it may have 16MB; attempt 2 begins on one/);
      assert.match(log, /dstack: port 8080 is at 127\.0\.0\.1:\d+ on /);
      assert.not.match(log, /never/);
      const { stdout } = await project.dstack(['status', run]);
      assert.match(stdout, /out of memory: it may have 16MB/);
      assert.equal(containersOf(run), []);
    },
  ),
);

test.run();
