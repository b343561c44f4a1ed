import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until, withProject } from './project.ts';

const images = fileURLToPath(new URL('../../fixtures/images/build.sh', import.meta.url));

test.before(() => {
  execFileSync(images, { stdio: ['ignore', 'ignore', 'inherit'] });
});

test(
  'a container saves checkpoints, and what it writes on SIGTERM; the next one goes on with that',
  withProject(
    `
workflows:
  - name: train
    image: dstack-test/busybox
    artifacts: [out]
    checkpoint: 1s
    resources: {interruptible: true}
    commands:
      - echo "attempt $DSTACK_ATTEMPT finds $(cat out/state 2>/dev/null)"
      - mkdir -p out; umask 077; echo "begun by $DSTACK_ATTEMPT" > out/part; mv out/part out/state
      - trap 'echo "left by $DSTACK_ATTEMPT" > out/part; mv out/part out/state; exit 143' TERM
      - '[ $DSTACK_ATTEMPT -lt 3 ] || exit 0'
      - while true; do sleep 0.1; done
`,
    async (project) => {
      const spot = ['--executor', 'docker', '--interruptible', '--poll', '200ms'];
      const run = await project.submit(['train']);
      const savedBy = async (attempt: number) => {
        const { jobs } = JSON.parse((await project.dstack(['status', run, '--json'])).stdout);
        return jobs[0].state === 'running' && jobs[0].attempt === attempt && jobs[0].saved?.at;
      };
      const first = project.startRunner('first', spot, { DSTACK_RUNNER_LEASE: '3s' });
      await until('a checkpoint', () => savedBy(1));
      first.kill('SIGKILL');
      await first.exited;
      const second = project.startRunner('second', spot, { DSTACK_RUNNER_LEASE: '1h' });
      await until('another one', () => savedBy(2));
      second.kill('SIGTERM');
      assert.is(await second.exited, 0, second.output());
      const last = project.startRunner('last', [...spot, '--drain']);
      assert.is(await last.exited, 0, last.output());
      const record = await project.record(run, 'train');
      assert.equal([record.state, record.attempt, record.runner], ['done', 3, 'last']);
      const log = await project.log(run, 'train');
      assert.match(log, /^attempt 2 finds begun by 1$/m);
      assert.match(log, /^attempt 3 finds left by 2$/m);
    },
  ),
);

test.run();
