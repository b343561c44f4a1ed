import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { linesOf, type TestProject, until, withProject } from './project.ts';

/** `gate` says that it has begun and ends once the file `open` is there; it notes who began and who ended. */
const gated = (root: string) => `
workflows:
  - name: gate
    commands:
      - echo "$JOB_ID" >> ${root}/begun
      - while [ ! -e ${root}/open ]; do sleep 0.05; done
      - echo "$JOB_ID" >> ${root}/done
  - name: two
    depends-on: {workflows: [gate]}
    commands: [echo second]
`;
const begun = (project: TestProject) => linesOf(path.join(project.root, 'begun'));
const open = (project: TestProject) => writeFileSync(path.join(project.root, 'open'), '');
const submitGate = (project: TestProject) => project.submit(['gate', '--no-cache']);

test(
  'SIGTERM: the running job is finished in order, no other is taken, the card goes, and the exit code is 0',
  withProject(gated, async (project) => {
    const first = await submitGate(project);
    const runner = project.startRunner('one');
    await until('the job', () => begun(project).length === 1);
    assert.equal(await project.refs('runners'), ['one']);
    const second = await submitGate(project);
    runner.kill('SIGTERM');
    await until('its answer', () => runner.output().includes('SIGTERM'));
    open(project);
    assert.is(await runner.exited, 0, runner.output());
    assert.is((await project.record(first, 'gate')).state, 'done');
    assert.equal(await project.refs('runners'), []);
    assert.equal(await project.refs('queue'), [`${second}/gate`]);
    assert.equal(await project.refs('claims'), []);
    assert.is(begun(project).length, 1);
  }),
);

test(
  'a second SIGTERM gives the job back, and another runner finishes it',
  withProject(gated, async (project) => {
    const run = await submitGate(project);
    const runner = project.startRunner('one');
    await until('the job', () => begun(project).length === 1);
    runner.kill('SIGTERM');
    await until('its answer', () => runner.output().includes('SIGTERM'));
    runner.kill('SIGTERM');
    assert.is(await runner.exited, 0, runner.output());
    assert.equal(await project.refs('queue'), [`${run}/gate`]);
    // It had begun: that it was an attempt is remembered, with its log.
    const { stdout } = await project.dstack(['status', run]);
    assert.match(stdout, /given back by one on \S+; waits for attempt 2/);
    open(project);
    const other = project.startRunner('other', ['--drain']);
    assert.is(await other.exited, 0, other.output());
    const record = await project.record(run, 'gate');
    assert.equal([record.state, record.runner, record.attempt], ['done', 'other', 2]);
    assert.equal(await project.refs('claims'), []);
    assert.equal(linesOf(path.join(project.root, 'done')), [`${run}/gate`]);
  }),
);

test(
  '--once takes one job and leaves; it waits for that one',
  withProject(gated, async (project) => {
    open(project);
    const runner = project.startRunner('one', ['--once']);
    await until('the runner', () => runner.output().includes('watching'));
    const runs = [await submitGate(project), await submitGate(project)];
    assert.is(await runner.exited, 0, runner.output());
    assert.is((await project.refs('jobs')).length, 1);
    assert.is((await project.refs('queue')).length, 1);
    assert.is(begun(project).length, 1);
    assert.ok(runs.some((run) => begun(project)[0] === `${run}/gate`));
  }),
);

test(
  '--concurrency N runs N at once and no more; --drain stays for what they still have to do',
  withProject(gated, async (project) => {
    const runs = [
      await submitGate(project),
      await submitGate(project),
      await project.submit(['two', '--no-cache']),
    ];
    const runner = project.startRunner('one', ['--concurrency', '2', '--drain']);
    await until('two jobs', () => begun(project).length === 2);
    // Its card says so at a heartbeat at the latest; the claims say it now.
    assert.is((await project.refs('claims')).length, 2);
    open(project);
    assert.is(await runner.exited, 0, runner.output());
    assert.is(begun(project).length, 3);
    assert.is((await project.record(runs[2] as string, 'two')).state, 'done');
    assert.equal(await project.refs('queue'), []);
  }),
);

test(
  'without a hook a runner finds jobs by polling; with it, long before the next poll',
  withProject(gated, async (project) => {
    open(project);
    const hooked = project.startRunner('hooked', ['--poll', '1h']);
    await until('the runner', () => hooked.output().includes('watching'));
    const first = await submitGate(project);
    assert.is((await project.record(first, 'gate')).runner, 'hooked');
    hooked.kill('SIGTERM');
    assert.is(await hooked.exited, 0);

    rmSync(path.join(project.shared, 'hooks', 'post-receive'));
    const polling = project.startRunner('polling', ['--poll', '200ms']);
    await until('the runner', () => polling.output().includes('watching'));
    const second = await submitGate(project);
    assert.is((await project.record(second, 'gate')).runner, 'polling');
    polling.kill('SIGINT');
    assert.is(await polling.exited, 0);
  }),
);

test(
  'a name is for one runner on a machine; after its sudden death it is free at once, and so are its jobs',
  withProject(gated, async (project) => {
    // Nobody can wait for that.
    const lease = { DSTACK_RUNNER_LEASE: '1h' };
    const run = await submitGate(project);
    const first = project.startRunner('one', [], lease);
    await until('the job', () => begun(project).length === 1);
    const namesake = project.startRunner('one');
    assert.is(await namesake.exited, 1);
    assert.match(
      namesake.output(),
      `a runner named one is already running on this machine (process ${first.pid})`,
    );
    assert.match(namesake.output(), '--name');

    first.kill('SIGKILL');
    await first.exited;
    const next = project.startRunner('one', ['--drain'], lease);
    await until('the takeover', () => begun(project).length === 2);
    open(project);
    assert.is(await next.exited, 0, next.output());
    const record = await project.record(run, 'gate');
    assert.equal([record.state, record.attempt], ['done', 2]);
    assert.is(linesOf(path.join(project.root, 'done')).length, 1);
    const left = await project.git(['for-each-ref', 'refs/dstack/claims', 'refs/dstack/runners']);
    assert.is(left, '');
  }),
);

test(
  'Docker asked for but not there is an error; otherwise only a note',
  withProject(gated, async (project) => {
    const nowhere = { DOCKER_HOST: `unix://${project.root}/nonexistent.sock` };
    const docker = project.startRunner('one', ['--executor', 'docker'], nowhere);
    assert.is(await docker.exited, 1);
    assert.match(docker.output(), /^error: .*Docker/);
    open(project);
    const run = await submitGate(project);
    const plain = project.startRunner('one', ['--drain'], nowhere);
    assert.is(await plain.exited, 0, plain.output());
    assert.match(plain.output(), 'only jobs without an image are taken');
    assert.is((await project.record(run, 'gate')).state, 'done');
  }),
);

test.run();
