import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isAlive } from '../../src/git/is-alive.ts';
import { linesOf, type TestProject, until, withProject } from './project.ts';

const lease = { DSTACK_RUNNER_LEASE: '3s' };
const options = ['--poll', '200ms'];

/** Notes its attempt and its process, works in small steps that can be counted, and ends once `open` is there. */
const stepping = (root: string) => `
workflows:
  - name: steps
    commands:
      - echo "attempt $DSTACK_ATTEMPT says hello"
      - echo "$DSTACK_ATTEMPT $$" >> ${root}/begun
      - while [ ! -e ${root}/open ]; do echo step >> ${root}/steps-$DSTACK_ATTEMPT; sleep 0.05; done
      - echo "$DSTACK_ATTEMPT" >> ${root}/done
  - name: murder
    commands: ['echo "$DSTACK_ATTEMPT" >> ${root}/begun', sleep 1000]
`;
const file = (project: TestProject, name: string) => path.join(project.root, name);
const begun = (project: TestProject) => linesOf(file(project, 'begun'));
const steps = (project: TestProject, attempt = 1) => linesOf(file(project, `steps-${attempt}`)).length;
const open = (project: TestProject) => writeFileSync(file(project, 'open'), '');

const processOf = (project: TestProject, attempt: number) =>
  Number(
    begun(project)
      .find((line) => line.startsWith(`${attempt} `))
      ?.split(' ')[1],
  );

/** The log that is in the claim by now. */
const claimedLog = (project: TestProject, run: string) =>
  project.git(['log', '-1', '--format=%T', `refs/dstack/claims/${run}/steps`]).then(async (tree) => {
    const listing = await project.git(['ls-tree', '-r', '--format=%(objectname)', tree, 'log/']);
    return Promise.all(listing.split('\n').map((blob) => project.git(['cat-file', 'blob', blob])));
  });

test(
  'SIGKILL of a runner: its job is ended, another takes over after the lease and goes on with the log',
  withProject(stepping, async (project) => {
    const run = await project.submit(['steps']);
    const first = project.startRunner('first', options, lease);
    await until('the log in the claim', async () =>
      (await claimedLog(project, run)).join('').includes('hello'),
    );
    const second = project.startRunner('second', [...options, '--drain'], lease);
    first.kill('SIGKILL');
    await until('the end of its job', () => !isAlive(processOf(project, 1)));
    await until('the takeover', () => begun(project).length === 2);
    open(project);
    assert.is(await second.exited, 0, second.output());
    const record = await project.record(run, 'steps');
    assert.equal([record.state, record.attempt, record.runner], ['done', 2, 'second']);
    assert.equal(linesOf(file(project, 'done')), ['2']);
    const log = await project.log(run, 'steps');
    assert.match(
      log,
      /attempt 1 says hello\n\ndstack: first fell silent; attempt 2 begins on second\nattempt 2 says hello/,
    );
    assert.equal(await project.refs('claims'), []);
  }),
);

test(
  'a job whose runner dies each time is given up after three',
  withProject(stepping, async (project) => {
    const run = await project.submit(['murder']);
    for (const attempt of [1, 2, 3]) {
      const runner = project.startRunner(`victim-${attempt}`, options, lease);
      await until(`attempt ${attempt}`, () => begun(project).length === attempt);
      runner.kill('SIGKILL');
      await runner.exited;
    }
    const last = project.startRunner('last', [...options, '--drain'], lease);
    assert.is(await last.exited, 0, last.output());
    const record = await project.record(run, 'murder');
    assert.is(record.state, 'failed');
    assert.match(record.reason as string, 'runner lost 3 times');
    assert.is(begun(project).length, 3);
  }),
);

test(
  'a runner that was stopped for longer than its lease finds its job taken: it ends it and publishes nothing',
  withProject(stepping, async (project) => {
    const run = await project.submit(['steps']);
    const zombie = project.startRunner('zombie', options, lease);
    await until('the job', () => begun(project).length === 1);
    zombie.kill('SIGSTOP');
    const other = project.startRunner('other', options, lease);
    await until('the takeover', () => begun(project).length === 2);
    zombie.kill('SIGCONT');
    await until('the end of its job', () => !isAlive(processOf(project, 1)));
    open(project);
    const record = await project.record(run, 'steps');
    assert.equal([record.state, record.attempt, record.runner], ['done', 2, 'other']);
    assert.equal(linesOf(file(project, 'done')), ['2']);
    // It lives on, and takes part again.
    other.kill('SIGTERM');
    assert.is(await other.exited, 0);
    const next = await project.submit(['steps', '--no-cache']);
    assert.is((await project.record(next, 'steps')).runner, 'zombie');
    zombie.kill('SIGTERM');
    assert.is(await zombie.exited, 0, zombie.output());
  }),
);

test(
  'in an outage longer than its lease a job is frozen; it goes on afterwards, if nobody took it over',
  withProject(stepping, async (project) => {
    const run = await project.submit(['steps']);
    const runner = project.startRunner('one', options, lease);
    await until('the job', () => steps(project) > 2);
    const away = `${project.shared}.away`;
    const isFrozen = () => runner.output().includes('is frozen');

    renameSync(project.shared, away);
    await until('the freeze', isFrozen);
    // What was on its way when the signal came is written by now.
    await sleep(200);
    const atFreeze = steps(project);
    // For longer than its lease, and nobody is there to take over.
    await sleep(2_000);
    assert.is(steps(project), atFreeze);
    renameSync(away, project.shared);
    await until('the thaw', () => steps(project) > atFreeze);
    open(project);
    const record = await project.record(run, 'steps');
    assert.equal([record.state, record.attempt], ['done', 1]);
    assert.equal(linesOf(file(project, 'done')), ['1']);
    runner.kill('SIGTERM');
    assert.is(await runner.exited, 0, runner.output());
  }),
);

test(
  'a shorter outage does not disturb a job; one that ends in it is published after it',
  withProject(stepping, async (project) => {
    const run = await project.submit(['steps']);
    const runner = project.startRunner('one', [...options, '--drain'], { DSTACK_RUNNER_LEASE: '30s' });
    await until('the job', () => steps(project) > 2);
    const away = `${project.shared}.away`;
    renameSync(project.shared, away);
    await until('the outage to be noticed', () => runner.output().includes('does not answer'));
    const before = steps(project);
    await until('more steps', () => steps(project) > before);
    open(project);
    await until('the end of the commands', () => linesOf(file(project, 'done')).length === 1);
    renameSync(away, project.shared);
    assert.is(await runner.exited, 0, runner.output());
    assert.not.match(runner.output(), 'is frozen');
    assert.is((await project.record(run, 'steps')).state, 'done');
  }),
);

test.run();
