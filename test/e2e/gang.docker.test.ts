// Jobs on several nodes in containers with networks of their own: they meet at the address of the machine.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { meet } from './meeting.ts';
import { withProject } from './project.ts';

test.before(() => {
  const images = fileURLToPath(new URL('../../fixtures/images/build.sh', import.meta.url));
  execFileSync(images, { stdio: ['ignore', 'ignore', 'inherit'] });
});

test(
  'three containers meet at the port of that of rank 0, which is published',
  withProject(
    `
workflows:
  - {name: train, nodes: 3, image: dstack-test/node, artifacts: [out], commands: [node meet.mjs]}
`,
    async (project) => {
      project.write({ 'meet.mjs': meet });
      const run = await project.submit(['train']);
      const runners = ['a', 'b', 'c'].map((name) =>
        project.startRunner(name, ['--poll', '200ms', '--executor', 'docker']),
      );
      const record = await project.record(run, 'train');
      assert.equal([record.state, record.executor], ['done', 'docker'], record.reason ?? '');
      const log = await project.log(run, 'train');
      for (const rank of [0, 1, 2]) assert.match(log, new RegExp(`^\\[${rank}\\] met 0,1,2$`, 'm'));
      for (const runner of runners) runner.kill('SIGTERM');
      for (const runner of runners) assert.is(await runner.exited, 0, runner.output());
      assert.is(
        execFileSync('docker', ['ps', '--all', '--quiet', '--filter', `label=dstack.run=${run}`]).length,
        0,
      );
    },
  ),
);

test.run();
