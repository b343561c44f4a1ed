import { existsSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { linesOf, type TestProject, until, withProject } from '../e2e/project.ts';

const quick = { DSTACK_RUNNER_GRACE: '1s', DSTACK_RUNNER_LEASE: '4s' };
const options = ['--poll', '300ms'];
const pids = (project: TestProject) => linesOf(path.join(project.root, 'pids')).map(Number);

function isRunning(pid: number): boolean {
  try {
    // A zombie is gone, but for whoever has not asked yet.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** A job that would not end, with a child in its group, one in a session of its own, and one that is nobody's child. */
const stubborn = (root: string) => `
workflows:
  - name: first
    artifacts: [saved]
    commands:
      - echo half > saved
      - |
        stay='trap "" TERM INT HUP; echo $$ >> ${root}/pids; while true; do sleep 0.1; done'
        sh -c "$stay" &
        setsid sh -c "$stay" &
        (setsid sh -c "$stay" > /dev/null 2>&1 &)
        eval "$stay"
  - {name: after, depends-on: {workflows: [first]}, commands: [echo never]}
`;

test(
  'a stop of what ignores it: killed after its grace period, whoever it has started; its artifacts are kept',
  withProject(stubborn, async (project) => {
    // A clone that has never heard of the run.
    const clone = path.join(project.root, 'clone');
    await project.git(['clone', '--quiet', project.folder, clone], { cwd: project.root });
    const run = await project.submit(['after']);
    const runner = project.startRunner('one', options, quick);
    await until('all its processes', () => pids(project).length === 4);
    assert.equal(pids(project).filter(isRunning).length, 4);
    // Two at once, one of them from the old clone.
    const env = { DSTACK_REMOTE: project.shared };
    const stops = await Promise.all([
      project.dstack(['stop', run, '--yes']),
      project.dstack(['stop', run, '--yes'], { cwd: clone, env }),
    ]);
    assert.equal(
      stops.map(({ exitCode }) => exitCode),
      [0, 0],
      stops.map(({ stderr }) => stderr).join('\n'),
    );
    assert.equal(pids(project).filter(isRunning), []);
    const record = await project.record(run, 'first');
    assert.is(record.state, 'stopped');
    assert.match(String(record.reason), /^stopped by \S+@\S+$/);
    assert.is((record.artifacts as { files: number }).files, 1);
    assert.match((await project.record(run, 'after')).state, /^(stopped|skipped)$/);
    for (const area of ['queue', 'claims', 'stops'])
      await until(`the end of ${area}`, async () => (await project.refs(area)).length === 0);

    // It has ended: there is nothing to stop.
    const late = await project.dstack(['stop', run, '--abort', '--yes'], { cwd: clone, env });
    assert.is(late.exitCode, 0, late.stderr);
    assert.match(`${late.stdout}${late.stderr}`, 'nothing to stop');
    assert.equal(await project.refs('stops'), []);
    assert.is((await project.record(run, 'first')).state, 'stopped');
    runner.kill('SIGTERM');
    assert.is(await runner.exited, 0, runner.output());
  }),
);

test(
  'an abort during the grace period of a stop ends it at once, and nothing is kept',
  withProject(stubborn, async (project) => {
    const run = await project.submit(['first']);
    const runner = project.startRunner('one', options, { ...quick, DSTACK_RUNNER_GRACE: '10m' });
    await until('all its processes', () => pids(project).length === 4);
    const stopped = project.dstack(['stop', run, '--yes']);
    await until('the request', async () => (await project.refs('stops')).length === 1);
    const aborted = await project.dstack(['stop', run, '--abort', '--yes']);
    assert.is(aborted.exitCode, 0, aborted.stderr);
    assert.is((await stopped).exitCode, 0);
    const record = await project.record(run, 'first');
    assert.equal([record.state, record.artifacts], ['aborted', null]);
    assert.match(String(record.reason), /^aborted by \S+@\S+$/);
    assert.equal(pids(project).filter(isRunning), []);
    runner.kill('SIGTERM');
    assert.is(await runner.exited, 0, runner.output());
  }),
);

test(
  'a job that is frozen for want of contact is stopped as soon as there is some',
  withProject(stubborn, async (project) => {
    const run = await project.submit(['first']);
    const runner = project.startRunner('one', options, quick);
    await until('all its processes', () => pids(project).length === 4);
    const away = `${project.shared}.away`;
    renameSync(project.shared, away);
    await until('the freeze', () => runner.output().includes('is frozen'));
    const inVain = await project.dstack(['stop', run, '--yes']);
    assert.is(inVain.exitCode, 1);
    renameSync(away, project.shared);
    const stopped = await project.dstack(['stop', run, '--yes']);
    assert.is(stopped.exitCode, 0, stopped.stderr);
    assert.is((await project.record(run, 'first')).state, 'stopped');
    await until('the end of its processes', () => !pids(project).some(isRunning));
    runner.kill('SIGTERM');
    assert.is(await runner.exited, 0, runner.output());
    assert.not(existsSync(away));
  }),
);

test(
  'without any runner: what waits for another job, and for a runner, is stopped in its order',
  withProject(stubborn, async (project) => {
    const run = await project.submit(['after']);
    const one = await project.dstack(['stop', `${run}/after`, '--yes']);
    assert.is(one.exitCode, 0, one.stderr);
    const after = await project.record(run, 'after');
    assert.equal([after.state, after.attempt], ['stopped', 1]);
    assert.match(String(after.reason), /^stopped by \S+@\S+ before it ran$/);
    assert.equal(await project.refs('queue'), [`${run}/first`]);
    const rest = await project.dstack(['stop', run, '--abort', '--yes']);
    assert.is(rest.exitCode, 0, rest.stderr);
    assert.is((await project.record(run, 'first')).state, 'aborted');
    for (const area of ['queue', 'claims', 'stops']) assert.equal(await project.refs(area), []);
  }),
);

test.run();
