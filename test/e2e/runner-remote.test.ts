import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { freePort } from '../git/free-port.ts';
import { type TestProject, until, withProject } from './project.ts';

const workflows = (root: string) => `
workflows:
  - {name: make, artifacts: [result], commands: [echo made > result, echo making]}
  - {name: use, depends-on: {workflows: [make]}, commands: [cat result]}
  - {name: long, commands: ['echo $DSTACK_ATTEMPT >> ${root}/begun', sleep 1000]}
`;

/** Serves the shared repository over Git's own protocol, so that nothing of it can be read as files. */
async function serve(project: TestProject): Promise<{ url: string; child: ChildProcess }> {
  const port = await freePort();
  const child = spawn(
    'git',
    [
      'daemon',
      '--listen=127.0.0.1',
      `--port=${port}`,
      '--reuseaddr',
      '--export-all',
      '--enable=receive-pack',
      `--base-path=${project.root}`,
      project.root,
    ],
    { env: project.env, stdio: 'ignore', detached: true },
  );
  const url = `git://127.0.0.1:${port}/${path.basename(project.shared)}`;
  return { url, child };
}

test(
  'a shared repository on another machine: jobs, artifacts, logs and stops go through Git alone',
  withProject(workflows, async (project) => {
    const { url, child } = await serve(project);
    try {
      await until('the server', () => project.git(['ls-remote', url]).then(() => true));
      const env = { DSTACK_REMOTE: url, DSTACK_STORE: `file:${project.store}` };
      const run = await project.submit(['use'], { env });
      const runner = project.startRunner('far', ['--poll', '200ms'], env);
      const record = await project.record(run, 'use');
      assert.is(record.state, 'done', record.reason as string);
      assert.is(await project.log(run, 'use'), 'made');
      const logs = await project.dstack(['logs', run], { env });
      assert.match(logs.stdout, 'making');

      const long = await project.submit(['long'], { env });
      await until('its state', async () => {
        const status = await project.dstack(['status', long, '--json'], { env });
        return status.stdout.includes('"running"');
      });
      const stopped = await project.dstack(['stop', long, '--yes'], { env });
      assert.is(stopped.exitCode, 0, stopped.stderr);
      assert.is((await project.record(long, 'long')).state, 'stopped');
      runner.kill('SIGTERM');
      assert.is(await runner.exited, 0, runner.output());
      for (const area of ['queue', 'claims', 'stops', 'runners'])
        assert.equal(await project.refs(area), [], area);
    } finally {
      process.kill(-(child.pid as number), 'SIGKILL');
    }
  }),
);

test.run();
