import { chmodSync, existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fails } from './cli-support.ts';
import { type TestProject, until, withProject } from './project.ts';
import { checkLog, configure, plant, prepareLeak, sha256 } from './secrets.ts';
import { found, huntCommandLines, huntEverywhere } from './secrets-hunt.ts';

/** A file in the workspace of the only job that runs. */
function inWorkspace(project: TestProject, name: string): string | null {
  const cache = path.join(project.root, 'home/cache');
  const files = readdirSync(cache, { recursive: true }) as string[];
  const workspace = files.find((file) => file.endsWith('/workflow'));
  return workspace === undefined ? null : path.join(cache, workspace, name);
}

test(
  'a job has its secrets, and they are nowhere else: repositories, store, logs, outputs, processes, files',
  withProject(
    'workflows: [{name: leak, secrets: [TOKEN, KEY, PASSWORD], artifacts: [missing], commands: [sh leak.sh]}]\n',
    async (project) => {
      const { values, needles, sources, env } = prepareLeak(project);
      const run = await project.submit(['leak']);
      const runner = project.startRunner('one', ['--once', '--executor', 'process'], env);
      await until('the job', () => existsSync(inWorkspace(project, 'ready') ?? ''));
      huntCommandLines(needles);
      const during = await project.dstack(['logs', run]);
      writeFileSync(inWorkspace(project, 'go') as string, '');
      assert.is(await runner.exited, 0, runner.output());
      const record = await project.record(run, 'leak');
      assert.equal([record.state, record.reason], ['failed', 'exit code 3']);
      const log = (await project.dstack(['logs', run])).stdout;
      checkLog(log, values);
      await project.dstack(['sync']);
      const commands = [
        ['status', '--json'],
        ['status', run],
        ['runners', '--json'],
        ['artifacts', 'list', run],
      ];
      const shown = await Promise.all(commands.map((args) => project.dstack(args)));
      for (const { stdout, stderr } of [during, ...shown]) assert.equal(found(needles, stdout + stderr), []);
      assert.equal(found(needles, log + runner.output()), []);
      await huntEverywhere(project, needles, sources);
    },
  ),
);

const asking = `
workflows:
  - name: ask
    secrets: [KEY]
    commands: ['printf "%s" "$KEY" | sha256sum', 'echo "$KEY"']
`;

test(
  'a runner leaves alone what it has no secrets for, and says so; another one executes it',
  withProject(asking, async (project) => {
    const values = plant();
    const run = await project.submit(['ask']);
    const without = project.startRunner('without', ['--poll', '100ms']);
    const waiting = await until('what it waits for', async () => {
      const { stdout } = await project.dstack(['runners', '--json']);
      return (JSON.parse(stdout) as { waiting: string | null }[])[0]?.waiting?.match(/a job that can.*/)?.[0];
    });
    assert.is(
      waiting,
      `a job that can run here: ${run}/ask needs the secret KEY (it is not among runner.secrets)`,
    );
    without.kill('SIGTERM');
    assert.is(await without.exited, 0);
    configure(project, values);
    const drained = project.startRunner('drained', ['--drain'], { DSTACK_RUNNER_SECRETS: '{}' });
    assert.is(await drained.exited, 0, drained.output());
    assert.equal(await project.refs('queue'), [`${run}/ask`]);
    const having = project.startRunner('having', ['--drain']);
    assert.is(await having.exited, 0, having.output());
    assert.is((await project.record(run, 'ask')).state, 'done');
    assert.is(await project.log(run, 'ask'), `${sha256(values.KEY)}  -\n***`);
  }),
);

test(
  'a source that fails when a job begins: the job goes back, and is executed once the source is there again',
  withProject(asking, async (project) => {
    const values = plant();
    const { sources } = configure(project, values);
    const key = sources[0] as string;
    const runner = project.startRunner('one', ['--once', '--poll', '100ms']);
    await until('the runner', () => runner.output().includes('watching'));
    renameSync(key, `${key}.away`);
    const run = await project.submit(['ask']);
    await until('that it is given back', () => runner.output().includes('its secrets can'));
    assert.match(runner.output(), `there is no file ${key}`);
    assert.equal(await project.refs('jobs'), []);
    renameSync(`${key}.away`, key);
    assert.is(await runner.exited, 0, runner.output());
    assert.is((await project.record(run, 'ask')).state, 'done');
  }),
);

test(
  "a local run has the secrets of one's own configuration; without them it does not begin",
  withProject(asking, async (project) => {
    const lacking = await fails(project, ['run', '--local', 'ask'], {
      exitCode: 1,
      words: [/ask can't have the secret KEY here: it is not among runner\.secrets/, /config\.yaml/],
    });
    assert.not.match(lacking.stderr, 'submitted');
    const values = plant();
    const { sources } = configure(project, values);
    const { exitCode, stdout } = await project.dstack(['run', '--local', 'ask']);
    assert.equal([exitCode, stdout], [0, `${sha256(values.KEY)}  -\n***\n`]);
    chmodSync(sources[0] as string, 0o644);
    await fails(project, ['run', '--local', '--no-cache', 'ask'], {
      exitCode: 1,
      words: [/can be read or changed by others/, /chmod 600/],
    });
  }),
);

test(
  'runner check tries each source; a project that names some is refused',
  withProject(asking, async (project) => {
    const values = plant();
    const { sources, env } = configure(project, values);
    const good = await project.dstack(['runner', 'check'], { env });
    for (const line of [/^ok {2}secret +TOKEN: the variable THE_TOKEN$/m, /^ok {2}secret +PASSWORD: `cat`$/m])
      assert.match(good.stdout, line);
    rmSync(sources[0] as string);
    const bad = await project.dstack(['runner', 'check']);
    assert.is(bad.exitCode, 1);
    assert.match(
      bad.stdout,
      /^NO {2}secret +the secret TOKEN can't be read: the variable THE_TOKEN is not set$/m,
    );
    assert.match(bad.stdout, /^NO {2}secret +the secret KEY can't be read: there is no file/m);
    project.write({ '.dstackrc.yaml': 'runner: {secrets: {A: {file: ~/.ssh/id_ed25519}}}\n' });
    const refused = await project.dstack(['runner', 'start', '--drain']);
    assert.is(refused.exitCode, 2);
    assert.match(refused.stderr, "runner.secrets can't stand in a project");
  }),
);

test.run();
