import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type TestProject, until, withProject } from './project.ts';

const images = fileURLToPath(new URL('../../fixtures/images/build.sh', import.meta.url));
test.before(() => {
  execFileSync(images, { stdio: ['ignore', 'ignore', 'inherit'] });
});

const workflows = (root: string) => `
workflows:
  - name: train
    image: dstack-test/busybox
    mounts: ['${root}/data/set-1:/data']
    commands: [cat /data/rows, touch /data/x || echo read-only]
`;

function makeData({ root }: TestProject): NodeJS.ProcessEnv {
  mkdirSync(path.join(root, 'data/set-1'), { recursive: true });
  writeFileSync(path.join(root, 'data/set-1/rows'), '3 rows\n');
  return { DSTACK_RUNNER_ALLOW: JSON.stringify({ mounts: [path.join(root, 'data')] }) };
}

test(
  'a job that asks for a folder waits for a runner that allows it, and says so meanwhile',
  withProject(workflows, async (project) => {
    const allowing = makeData(project);
    const run = await project.submit(['train']);
    const strict = project.startRunner('strict', ['--executor', 'docker', '--poll', '200ms']);
    const status = async () => (await project.dstack(['status', run])).stdout;
    await until('a status', async () => (await status()).includes('data/set-1 of the machine'));
    assert.match(await status(), /waits for a runner: it needs \S+\/data\/set-1 of the machine/);
    const waiting = async () => (await project.dstack(['runners'])).stdout.includes('does not allow');
    await until('the word of the runner', waiting);
    const runner = project.startRunner('generous', ['--executor', 'docker', '--drain'], allowing);
    assert.is(await runner.exited, 0, runner.output());
    const record = await project.record(run, 'train');
    assert.equal([record.state, record.runner], ['done', 'generous']);
    assert.match(await project.log(run, 'train'), /^3 rows\n(.*\n)?read-only$/);
    strict.kill('SIGTERM');
    await strict.exited;
  }),
);

test(
  "on one's own machine it fails with what would allow it, and runs once that is there",
  withProject(workflows, async (project) => {
    const allowing = makeData(project);
    const refused = await project.dstack(['run', 'train', '--local']);
    assert.is(refused.exitCode, 1);
    assert.match(
      refused.stderr + refused.stdout,
      /data\/set-1 of the machine, which this runner does not allow/,
    );
    const allowed = await project.dstack(['run', 'train', '--local'], { env: allowing });
    assert.is(allowed.exitCode, 0, allowed.stderr);
    assert.match(allowed.stdout, /3 rows/);
  }),
);

test.run();
