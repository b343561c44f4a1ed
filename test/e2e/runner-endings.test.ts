import { spawn } from 'node:child_process';
import { readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { linesOf, type TestProject, until, withProject } from './project.ts';

const begun = (project: TestProject) => linesOf(path.join(project.root, 'begun'));

/** A job that saves something when it is told to end, and says that it did well. */
const stoppable = (root: string) => `
workflows:
  - name: train
    artifacts: [checkpoint, final, control]
    commands:
      - mkfifo control
      - trap 'echo saving; echo step 7 > checkpoint; exit 0' TERM
      - echo "$JOB_ID" >> ${root}/begun
      - while true; do sleep 0.05; done
  - {name: after, depends-on: {workflows: [train]}, commands: [echo never]}
`;

test(
  'a stop lets the job save what it has; it is stopped, even if it ends well, and what depends on it is skipped',
  withProject(stoppable, async (project) => {
    const run = await project.submit(['after']);
    const runner = project.startRunner('one');
    await until('the job', () => begun(project).length === 1);
    const stopped = await project.dstack(['stop', `${run}/train`, '--yes']);
    assert.is(stopped.exitCode, 0, stopped.stderr);
    const record = await project.record(run, 'train');
    assert.is(record.state, 'stopped');
    assert.match(record.reason as string, /^stopped by /);
    assert.is((record.artifacts as { files: number }).files, 1);
    const log = await project.log(run, 'train');
    assert.match(log, /^saving$/m);
    assert.match(log, /^dstack: not there, so not kept: final$/m);
    assert.match(log, /^dstack: can't be artifacts, so not kept: control is a named pipe$/m);
    assert.is((await project.record(run, 'after')).state, 'skipped');
    runner.kill('SIGTERM');
    assert.is(await runner.exited, 0);
    assert.equal(await project.refs('stops'), []);

    // Half a training must not be taken for the whole.
    const again = await project.submit(['train']);
    const next = project.startRunner('one');
    await until('the job again', () => begun(project).length === 2);
    const aborted = await project.dstack(['stop', again, '--abort', '--yes']);
    assert.is(aborted.exitCode, 0, aborted.stderr);
    const other = await project.record(again, 'train');
    assert.equal([other.state, other.artifacts], ['aborted', null]);
    assert.is(await project.log(again, 'train'), '');
    next.kill('SIGTERM');
    assert.is(await next.exited, 0);
  }),
);

test(
  'a stop reaches a runner that has no hand free',
  withProject(stoppable, async (project) => {
    const runner = project.startRunner('one', ['--poll', '1h']);
    const run = await project.submit(['train']);
    await until('the job', () => begun(project).length === 1);
    await project.dstack(['stop', run, '--yes']);
    assert.is((await project.record(run, 'train')).state, 'stopped');
    runner.kill('SIGTERM');
    assert.is(await runner.exited, 0);
  }),
);

test(
  'a store that is full, or not there, fails the job by name; the runner lives on',
  withProject(
    `
workflows:
  - {name: make, artifacts: [result], commands: [echo 1 > result]}
  - {name: plain, commands: [echo no need of a store]}
`,
    async (project) => {
      // A file in the place of the folder.
      rmSync(project.store, { recursive: true, force: true });
      writeFileSync(project.store, 'in the way');
      const runner = project.startRunner('one');
      const run = await project.submit(['make']);
      const record = await project.record(run, 'make');
      assert.is(record.state, 'failed');
      // What it is, and what to do next.
      assert.match(record.reason as string, /^its artifacts could not be kept: the store .*; \w/);
      assert.match(record.reason as string, project.store);
      const plain = await project.submit(['plain']);
      assert.is((await project.record(plain, 'plain')).state, 'done');
      runner.kill('SIGTERM');
      assert.is(await runner.exited, 0, runner.output());
    },
  ),
);

test(
  'a line is seen by a follower in another clone while its job runs',
  withProject(
    (root) => `
workflows:
  - name: talk
    commands: ['printf "one\\n"', 'while [ ! -e ${root}/heard ]; do sleep 0.05; done', 'echo two']
`,
    async (project) => {
      const run = await project.submit(['talk']);
      const clone = path.join(project.root, 'clone');
      await project.git(['clone', '--quiet', project.folder, clone], { cwd: project.root });
      const runner = project.startRunner('one', ['--drain']);
      const executable = fileURLToPath(new URL('../../dist/dstack.js', import.meta.url));
      const follower = spawn(process.execPath, [executable, 'logs', '-f', run], {
        cwd: clone,
        env: project.env,
      });
      let heard = '';
      follower.stdout.setEncoding('utf8').on('data', (text: string) => {
        heard += text;
      });
      const ended = new Promise((resolve) => follower.once('close', resolve));
      await until('the first line', () => heard.includes('one\n'));
      assert.not.match(heard, 'two');
      writeFileSync(path.join(project.root, 'heard'), '');
      assert.is(await ended, 0);
      assert.is(heard, 'one\ntwo\n');
      assert.is(await runner.exited, 0);
    },
  ),
);

test(
  'a hundred megabytes of output: bounded memory, head and tail in the note, the whole of it in the store',
  withProject(
    `
workflows:
  - name: flood
    commands: [echo the first line, yes 0123456789abcde | head -c 104857600, echo the last line]
`,
    async (project) => {
      const run = await project.submit(['flood']);
      const runner = project.startRunner('one');
      const peak = () =>
        Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${runner.pid}/status`, 'utf8'))?.[1]);
      const record = await project.record(run, 'flood');
      const megabytes = peak() / 1024;
      assert.is(record.state, 'done');
      assert.is((record.log as { bytes: number }).bytes, 104857600 + 29);
      assert.ok(megabytes < 300, `the runner took ${megabytes} MB`);
      const note = await project.log(run, 'flood');
      assert.ok(note.startsWith('the first line\n0123456789abcde\n'));
      assert.ok(note.endsWith('0123456789abcde\nthe last line'));
      assert.match(
        note,
        /\[\d+ bytes are left out here; the whole log is sha256 [0-9a-f]{64} in the store\]/,
      );
      assert.ok(note.length < 2 << 20);
      const printed = await project.dstack(['logs', run]);
      assert.is(printed.stdout.length, 104857600 + 29);
      runner.kill('SIGTERM');
      assert.is(await runner.exited, 0);
    },
  ),
);

test(
  'progress bars and binary output make a readable log',
  withProject(
    `
workflows:
  - name: bar
    commands:
      - for i in 1 2 3; do printf '\\r%s of 3' $i; sleep 0.02; done; echo
      - printf '\\000\\377\\376\\033[2Jend\\n'
`,
    async (project) => {
      const run = await project.submit(['bar']);
      const runner = project.startRunner('one', ['--drain']);
      assert.is(await runner.exited, 0);
      const [bar, binary] = (await project.log(run, 'bar')).split('\n');
      assert.is(bar, '3 of 3');
      assert.match(binary as string, /end$/);
      assert.not.match(binary as string, /[\x00\x1b]/);
    },
  ),
);

test(
  'runner check: what is missing is named with its remedy, and a stale lock is removed on request',
  withProject('workflows: []\n', async (project) => {
    const check = async (args: string[] = [], env = {}) =>
      project.dstack(['runner', 'check', ...args], { env });
    const line = (text: string, what: string) =>
      text.split('\n').find((one) => one.includes(`  ${what} `)) ?? '';
    const fine = await check();
    assert.is(fine.exitCode, 0, fine.stdout);
    for (const what of ['git', 'process', 'repository', 'locks', 'store'])
      assert.match(line(fine.stdout, what), /^ok/);
    assert.match(line(fine.stdout, 'inputs'), /^ok .* 0B of at most 20GB in .*\/dstack\/inputs$/);
    assert.match(line((await check([], { DSTACK_RUNNER_INPUT_CACHE: '0' })).stdout, 'inputs'), /^- /);

    const wrong = await check([], { DSTACK_REMOTE: path.join(project.root, 'nowhere.git') });
    assert.is(wrong.exitCode, 1);
    assert.match(line(wrong.stdout, 'repository'), /^NO .*nowhere\.git/);

    const lock = path.join(project.shared, 'packed-refs.lock');
    writeFileSync(lock, '');
    utimesSync(lock, 0, 0);
    const stale = await check();
    assert.is(stale.exitCode, 1);
    assert.match(line(stale.stdout, 'locks'), lock);
    assert.match(stale.stdout, '--fix');
    const fixed = await check(['--fix']);
    assert.is(fixed.exitCode, 0, fixed.stdout);
    assert.match(line(fixed.stdout, 'locks'), `removed: ${lock}`);
    assert.match(line((await check()).stdout, 'locks'), 'no stale lock files');

    rmSync(project.store, { recursive: true, force: true });
    writeFileSync(project.store, 'in the way');
    const full = JSON.parse((await check(['--json'])).stdout) as {
      what: string;
      ok: boolean;
      detail: string;
    }[];
    const store = full.find(({ what }) => what === 'store');
    assert.is(store?.ok, false);
    assert.match(store?.detail as string, project.store);
  }),
);

test.run();
