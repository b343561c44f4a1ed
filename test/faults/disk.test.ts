import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test as uvuTest } from 'uvu';
import * as assert from 'uvu/assert';
import { assertForPeople } from '../e2e/cli-support.ts';
import { linesOf, type TestProject, until, withProject } from '../e2e/project.ts';
import { mayMount, type SmallDisk, smallDisk } from './small-disk.ts';

if (!mayMount) console.log('SKIP full disks: mounting small ones needs root');
const test = mayMount ? uvuTest : uvuTest.skip;

const quick = ['--poll', '200ms'];

/** Runs a test's body with a folder of its project on a small disk. */
function withDisk(
  workflows: string | ((root: string) => string),
  where: { folder: string; size: string },
  body: (project: TestProject, disk: SmallDisk) => Promise<void>,
): () => Promise<void> {
  return withProject(workflows, async (project) => {
    const disk = smallDisk(path.join(project.root, where.folder), where.size);
    try {
      await body(project, disk);
    } finally {
      // Whatever still runs there is killed with the project.
      disk.remove();
    }
  });
}

/** Every line says its number; it ends once the file `open` is there, and leaves the file `ended`. */
const counting = (root: string) => `
workflows:
  - name: count
    artifacts: [result]
    commands:
      - |
        i=0
        while [ ! -e ${root}/open ]; do i=$((i + 1)); echo "line $i"; echo "$i" > ${root}/count; sleep 0.05; done
      - echo "$i" > result
      - touch ${root}/ended
`;
const count = (project: TestProject) => Number(linesOf(path.join(project.root, 'count'))[0] ?? 0);
const openGate = (project: TestProject) => writeFileSync(path.join(project.root, 'open'), '');

async function assertWholeLog(project: TestProject, run: string): Promise<void> {
  const lines = (await project.log(run, 'count')).split('\n');
  assert.equal(
    lines,
    lines.map((_, index) => `line ${index + 1}`),
  );
  assert.is(lines.length, Number(linesOf(path.join(project.root, 'count'))[0]));
}

test(
  'full under the shared repository: a run is refused, a job freezes, and goes on when there is room',
  withDisk(counting, { folder: 'shared.git', size: '2m' }, async (project, disk) => {
    const run = await project.submit(['count']);
    const runner = project.startRunner('one', quick, { DSTACK_RUNNER_LEASE: '3s' });
    await until('the job', () => count(project) > 2);
    disk.fill();
    await until('the freeze', () => runner.output().includes('is frozen'));
    const before = await project.git(['for-each-ref', 'refs/dstack']);

    const refused = await project.dstack(['run', 'count', '--detach']);
    assertForPeople(refused);
    assert.is(refused.exitCode, 1);
    assert.match(refused.stderr, /nothing was submitted: .*shared\.git/);
    assert.match(refused.stderr, /hint: the disk under the shared repository is full: make room there/);
    assert.is(await project.git(['for-each-ref', 'refs/dstack']), before);

    const atFreeze = count(project);
    disk.empty();
    await until('the thaw', () => count(project) > atFreeze);
    openGate(project);
    const record = await project.record(run, 'count');
    assert.equal([record.state, record.attempt], ['done', 1]);
    await assertWholeLog(project, run);
    await project.git(['fsck', '--strict']);
    runner.kill('SIGTERM');
    assert.is(await runner.exited, 0, runner.output());
  }),
);

test(
  'full under the shared repository when a job ends: its end is published when there is room',
  withDisk(counting, { folder: 'shared.git', size: '2m' }, async (project, disk) => {
    const run = await project.submit(['count']);
    const runner = project.startRunner('one', [...quick, '--drain'], { DSTACK_RUNNER_LEASE: '60s' });
    await until('the job', () => count(project) > 2);
    disk.fill();
    const before = count(project);
    await until('output that can not be sent', () => count(project) > before + 20);
    openGate(project);
    await until('the end of the commands', () => existsSync(path.join(project.root, 'ended')));
    disk.empty();
    assert.is(await runner.exited, 0, runner.output());
    const record = await project.record(run, 'count');
    assert.equal([record.state, record.attempt], ['done', 1]);
    await assertWholeLog(project, run);
    assert.is((await project.dstack(['artifacts', 'download', run])).exitCode, 0);
  }),
);

test(
  'full under the store: a job is never done without its artifacts or its log, and says what is full',
  withDisk(
    `
workflows:
  - {name: files, artifacts: [big], commands: [head -c 3000000 /dev/urandom > big]}
  - {name: talk, commands: [head -c 1500000 /dev/urandom | od | head -c 3000000]}
  - {name: small, artifacts: [little], commands: [echo 1 > little]}
`,
    { folder: 'shared.store', size: '1m' },
    async (project) => {
      const runs = { files: '', talk: '', small: '' };
      const names = ['files', 'talk', 'small'] as const;
      for (const name of names) runs[name] = await project.submit([name]);
      const runner = project.startRunner('one', [...quick, '--drain']);
      assert.is(await runner.exited, 0, runner.output());
      const files = await project.record(runs.files, 'files');
      assert.equal([files.state, files.artifacts], ['failed', null]);
      assert.match(
        String(files.reason),
        `its artifacts could not be kept: there is no room left in the store`,
      );
      assert.match(String(files.reason), project.store);
      const talk = await project.record(runs.talk, 'talk');
      assert.is(talk.state, 'failed');
      assert.match(
        String(talk.reason),
        /its log could not be kept: there is no room left in the store .*; free space/,
      );
      assert.is((await project.record(runs.small, 'small')).state, 'done');
      assert.equal(readdirSync(path.join(project.store, 'tmp')), []);
      assert.is((await project.refs('cache')).length, 1);
    },
  ),
);

test(
  'full under the runner: the job fails and says so, the runner lives on and takes the next one',
  withDisk(
    `
workflows:
  - {name: fills, commands: [head -c 20000000 /dev/zero > big]}
  - {name: talks, commands: [head -c 20000000 /dev/zero | tr '\\0' a]}
  - {name: small, commands: [echo fine]}
`,
    { folder: 'home/cache', size: '6m' },
    async (project, disk) => {
      const runner = project.startRunner('one', quick);
      const fills = await project.record(await project.submit(['fills']), 'fills');
      assert.equal([fills.state, fills.attempt], ['failed', 1]);
      assert.is(fills.reason, 'exit code 1');

      const talks = await project.record(await project.submit(['talks']), 'talks');
      assert.equal([talks.state, talks.attempt], ['failed', 1]);
      assert.match(String(talks.reason), /its log could not be kept: disk full: .*home\/cache.*; make room/);

      project.write({ 'large.txt': 'x'.repeat(12_000_000) });
      const large = await project.record(await project.submit(['small']), 'small');
      assert.equal([large.state, large.attempt], ['failed', 1]);
      assert.match(String(large.reason), /its inputs could not be put in place: disk full: .*home\/cache/);

      // Not even a claim can be written: it is left to others until there is room.
      project.write({ 'large.txt': '' });
      disk.fill();
      const run = await project.submit(['small', '--no-cache']);
      await until('the complaint', () => /disk full: .*home\/cache/.test(runner.output()));
      assert.equal(await project.refs('claims'), []);
      disk.empty();
      assert.is((await project.record(run, 'small')).state, 'done');
      runner.kill('SIGTERM');
      assert.is(await runner.exited, 0, runner.output());
    },
  ),
);

test(
  'full under the project: nothing is submitted, the disk is named, nothing is left behind',
  withDisk(
    'workflows: [{name: hello, commands: [echo hello]}]\n',
    { folder: 'project/.git', size: '1m' },
    async (project, disk) => {
      const files = () =>
        readdirSync(path.join(project.folder, '.git'), { recursive: true, encoding: 'utf8' }).sort();
      project.write({ 'new.txt': 'x'.repeat(300_000) });
      disk.fill();
      const before = files();
      const refused = await project.dstack(['run', 'hello', '--detach']);
      assertForPeople(refused);
      assert.is(refused.exitCode, 1);
      assert.match(refused.stderr, /disk full: there is no room left in .*project\/\.git/);
      assert.match(refused.stderr, /hint: make room/);
      // What Git itself leaves of an object that it couldn't write, `git gc` removes.
      const left = files().filter((name) => !/^objects\/[0-9a-f]{2}(\/tmp_obj_\w+)?$/.test(name));
      assert.equal(
        left.filter((name) => !before.includes(name)),
        [],
      );
      assert.is(await project.git(['for-each-ref']), '');
      disk.empty();
      await project.submit(['hello']);
    },
  ),
);

test(
  'full where artifacts are brought back: named, nothing half in its place, and the rest comes once there is room',
  withDisk(
    `
workflows:
  - {name: files, artifacts: [out], commands: [mkdir out, head -c 9000000 /dev/urandom > out/big, echo 1 > out/little]}
`,
    { folder: 'got', size: '14m' },
    async (project, disk) => {
      const run = await project.submit(['files']);
      const runner = project.startRunner('one', [...quick, '--drain']);
      assert.is(await runner.exited, 0, runner.output());
      const target = path.join(project.root, 'got/here');
      const download = () => project.dstack(['artifacts', 'download', run, '-o', target]);
      for (const room of [0, 5 << 20]) {
        disk.fill();
        if (room > 0) truncateSync(path.join(project.root, 'got/ballast'), (14 << 20) - room);
        const failed = await download();
        assertForPeople(failed);
        assert.is(failed.exitCode, 1);
        assert.match(failed.stderr, /disk full: there is no room left for .*got\/here.*\n.*hint: free space/);
        assert.is(existsSync(path.join(target, 'out/big')), false);
      }
      disk.empty();
      const done = await download();
      assert.is(done.exitCode, 0, done.stderr);
      assert.equal(readdirSync(path.join(target, 'out')).sort(), ['big', 'little']);
      assert.is((await project.dstack(['artifacts', 'verify', run])).exitCode, 0);
    },
  ),
);

test(
  'full under the store while files are uploaded by hand: named, nothing submitted; with room the rest is sent',
  withDisk(
    'workflows: [{name: hello, commands: [echo hello]}]\n',
    { folder: 'shared.store', size: '14m' },
    async (project, disk) => {
      writeFileSync(path.join(project.root, 'big'), randomBytes(9_000_000));
      const args = ['artifacts', 'upload', 'data', '--from', project.root, path.join(project.root, 'big')];
      const before = await project.git(['for-each-ref']);
      disk.fill();
      const failed = await project.dstack(args);
      assertForPeople(failed);
      assert.match(failed.stderr, /there is no room left in the store .*shared\.store/);
      assert.is(await project.git(['for-each-ref']), before);
      disk.empty();
      const done = await project.dstack(args);
      assert.is(done.exitCode, 0, done.stderr);
      assert.is((await project.dstack(['artifacts', 'verify', done.stdout.trim()])).exitCode, 0);
      assert.equal(readdirSync(path.join(project.store, 'tmp')), []);
    },
  ),
);

uvuTest.run();
