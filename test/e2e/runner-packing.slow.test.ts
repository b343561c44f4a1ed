// Several runners of different sizes on one machine: each is told what it has.
import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { linesOf, type TestProject, until, withProject } from './project.ts';

const quick = ['--executor', 'process', '--poll', '200ms'];

/** A runner on a machine with these GPUs, or none. A program says that there are some, as a real one does. */
function startRunner(project: TestProject, name: string, gpus: readonly string[], more: string[] = []) {
  const bin = path.join(project.root, `bin-${name}`);
  const lines = gpus.map((gpu, index) => `echo '${index}, GPU-${name}-${index}, ${gpu}'`);
  project.write({ [`../bin-${name}/nvidia-smi`]: `#!/bin/sh\n${lines.join('\n')}\n` });
  chmodSync(path.join(bin, 'nvidia-smi'), 0o755);
  return project.startRunner(name, [...quick, ...more], {
    PATH: `${bin}:${process.env.PATH}`,
    DSTACK_RUNNER_LEASE: '4s',
  });
}

const reasonOf = async (project: TestProject, run: string): Promise<string | null> => {
  const { stdout } = await project.dstack(['status', run, '--json']);
  return JSON.parse(stdout).jobs[0].reason;
};

test(
  'jobs go to the smallest machine that will do; what fits nobody says so',
  withProject(
    (root) => `
workflows:
  - {name: plain, commands: &wait ['until [ -e ${root}/open ]; do sleep 0.05; done']}
  - {name: any-gpu, resources: {gpu: 1}, commands: *wait}
  - {name: good-gpu, resources: {gpu: {name: A100, memory: 40GB}}, commands: *wait}
  - {name: three, resources: {gpu: {name: A100, count: 3}}, commands: *wait}
  - {name: both, resources: {gpu: {name: A100, count: 2}}, commands: *wait}
`,
    async (project) => {
      const fleet = [
        startRunner(project, 'cpu', []),
        startRunner(project, 't4', ['Tesla T4, 15360'], ['--concurrency', '4']),
        startRunner(
          project,
          'a100',
          ['NVIDIA A100-SXM4-40GB, 40960', 'NVIDIA A100-SXM4-40GB, 40960'],
          ['--concurrency', '4'],
        ),
      ];
      await until('the runners', async () => (await project.refs('runners')).length === 3);
      const takenBy = (run: string) =>
        until(`a claim of ${run}`, async () => {
          const { stdout } = await project.dstack(['status', run, '--json']);
          return JSON.parse(stdout).jobs[0].runner as string | null;
        });
      const submit = (workflow: string) => project.submit([workflow, '--no-cache']);
      assert.is(await takenBy(await submit('plain')), 'cpu');
      assert.is(await takenBy(await submit('any-gpu')), 't4');
      assert.is(await takenBy(await submit('any-gpu')), 'a100', "the T4 is another's");
      assert.is(await takenBy(await submit('good-gpu')), 'a100');
      const both = await submit('both');
      const three = await submit('three');
      await until('time to wonder', async () => {
        const reasons = [await reasonOf(project, three), await reasonOf(project, both)];
        return (
          reasons[0] === 'waits for a runner: it needs 3 GPUs (A100); nearest: a100 has 2 of them' &&
          reasons[1] === 'waits for a runner: a100 is busy: it needs 2 GPUs (A100), of which 0 are free'
        );
      });
      await project.dstack(['stop', three, '--yes']);
      writeFileSync(path.join(project.root, 'open'), '');
      assert.is((await project.record(both, 'both')).runner, 'a100');
      for (const runner of fleet) runner.kill('SIGTERM');
      for (const runner of fleet) assert.is(await runner.exited, 0, runner.output());
    },
  ),
);

test(
  'higher priorities first, then the older; reruns have a priority of their own',
  withProject(
    (root) => `
workflows:
  - {name: job, commands: ['echo "$RUN_NAME" >> ${root}/order']}
`,
    async (project) => {
      const submit = (name: string, ...more: string[]) =>
        project.submit(['job', '--no-cache', '--name', name, ...more]);
      await submit('first');
      await submit('later', '--priority', '-5');
      await submit('urgent', '--priority=7');
      const wrong = await project.dstack(['run', 'job', '--priority', '1001']);
      assert.is(wrong.exitCode, 2);
      assert.match(wrong.stderr, /from -1000 to 1000/);
      const again = await project.dstack([
        ...['rerun', 'first', '--detach', '--no-cache', '--name', 'again', '--priority', '8'],
      ]);
      assert.is(again.exitCode, 0, again.stderr);
      const { stdout } = await project.dstack(['status', 'urgent', '--json']);
      assert.is(JSON.parse(stdout).jobs[0].priority, 7);
      assert.match((await project.dstack(['status', 'urgent'])).stdout, /Priority: +7/);
      const runner = startRunner(project, 'one', [], ['--drain']);
      assert.is(await runner.exited, 0, runner.output());
      assert.equal(linesOf(path.join(project.root, 'order')), ['again', 'urgent', 'first', 'later']);
    },
  ),
);

test(
  'a job that needs all of a machine has its turn among small ones that keep coming',
  withProject(
    (root) => `
workflows:
  - {name: small, resources: {gpu: 1}, commands: [sleep 1.5]}
  - {name: big, resources: {gpu: 2}, commands: ['touch ${root}/begun']}
`,
    async (project) => {
      const gpus = ['Tesla T4, 15360', 'Tesla T4, 15360'];
      const runner = startRunner(project, 'one', gpus, ['--concurrency', '3']);
      let coming = true;
      let submitted = 0;
      const stream = (async () => {
        for (; coming && submitted < 60; submitted += 1) {
          await project.submit(['small', '--no-cache']);
          // Never is there nothing that waits.
          await until('some that have begun', async () => {
            const [queue, claims] = [await project.refs('queue'), await project.refs('claims')];
            return !coming || queue.length - claims.length < 4;
          });
        }
      })();
      await until('small ones', async () => (await project.refs('claims')).length === 2);
      const big = await project.submit(['big', '--no-cache']);
      assert.is((await project.record(big, 'big')).state, 'done');
      assert.ok(submitted < 60, 'only once no more came');
      coming = false;
      await stream;
      runner.kill('SIGTERM');
      assert.is(await runner.exited, 0, runner.output());
    },
  ),
);

test.run();
