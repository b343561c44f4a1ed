import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { until, withProject } from './project.ts';
import { checkLog, prepareLeak } from './secrets.ts';
import { found, huntCommandLines, huntEverywhere } from './secrets-hunt.ts';

const images = fileURLToPath(new URL('../../fixtures/images/build.sh', import.meta.url));
const docker = (...args: string[]) =>
  execFileSync('docker', args, { encoding: 'utf8', stdio: 'pipe' }).trim();

test.before(() => {
  execFileSync(images, { stdio: ['ignore', 'ignore', 'inherit'] });
});

test(
  'a job in a container has its secrets, and only its environment has them',
  withProject(
    'workflows: [{name: leak, image: dstack-test/busybox, secrets: [TOKEN, KEY, PASSWORD], commands: [sh leak.sh]}]\n',
    async (project) => {
      const { values, needles, sources, env } = prepareLeak(project);
      const run = await project.submit(['leak']);
      const runner = project.startRunner('one', ['--once'], env);
      const container = await until('the container', () =>
        docker('ps', '--quiet', '--filter', `label=dstack.run=${run}`, '--filter', 'label=dstack.job=leak'),
      );
      await until('the end of its output', () => docker('exec', container, 'ls', 'ready'));
      huntCommandLines(needles);
      const [inspected] = JSON.parse(docker('inspect', container)) as [{ Config: { Env: string[] } }];
      assert.ok(inspected.Config.Env.includes(`PASSWORD=${values.PASSWORD}`));
      inspected.Config.Env = [];
      assert.equal(found(needles, JSON.stringify(inspected)), []);
      assert.equal(found(needles, docker('top', container, '-o', 'pid,args')), []);
      docker('exec', container, 'touch', 'go');
      assert.is(await runner.exited, 0, runner.output());
      const record = await project.record(run, 'leak');
      assert.equal([record.state, record.reason, record.executor], ['failed', 'exit code 3', 'docker']);
      const log = (await project.dstack(['logs', run])).stdout;
      checkLog(log, values);
      assert.equal(found(needles, log + runner.output()), []);
      await huntEverywhere(project, needles, sources);
    },
  ),
);

test.run();
