import * as assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { suite } from 'uvu';
import {
  configureFakeDstack,
  createSharedRepository,
  execute,
  type SharedRepository,
  type Shell,
  until,
  writeExecutable,
} from './shared-repository.ts';

function find(program: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

/** The shells of this machine that a Git server may have for /bin/sh. */
function findShells(): Shell[] {
  const shells: Shell[] = [];
  const dash = find('dash');
  if (dash === undefined) console.log('SKIP the hook in dash: not installed');
  else shells.push({ name: 'dash', shebang: `#!${dash}` });
  const busybox = find('busybox');
  if (busybox === undefined) console.log('SKIP the hook in busybox sh: not installed');
  else {
    const path = mkdtempSync(join(tmpdir(), 'busybox-'));
    process.on('exit', () => rmSync(path, { recursive: true, force: true }));
    execFileSync(busybox, ['--install', '-s', path]);
    shells.push({ name: 'busybox', shebang: `#!${busybox} sh`, path });
  }
  if (shells.length === 0) shells.push({ name: 'sh', shebang: '#!/bin/sh' });
  return shells;
}

const run = 'refs/dstack/runs/brave-otter-7k2m';
const job = 'refs/dstack/jobs/brave-otter-7k2m/train';
const queue = 'refs/dstack/queue/brave-otter-7k2m/train';
const silent = { exitCode: 0, stdout: '', stderr: '' };

for (const shell of findShells()) {
  const test = suite<{ shared: SharedRepository }>(`post-receive in ${shell.name}`);
  test.before.each(async (context) => {
    context.shared = await createSharedRepository(shell);
  });
  test.after.each(({ shared }) => shared.remove());

  const inside = (shared: SharedRepository, name: string) => join(shared.gitDir, 'dstack', name);
  const wake = (shared: SharedRepository) =>
    existsSync(inside(shared, 'wake')) ? readFileSync(inside(shared, 'wake'), 'utf8') : undefined;
  const idle = (shared: SharedRepository) =>
    until(
      'no sync',
      () => !existsSync(inside(shared, 'sync.lock')) && !existsSync(inside(shared, 'sync.dirty')),
    );

  test('lets the watchers sleep when a runner says that it lives', async ({ shared }) => {
    const others = ['runners/gpu-1', 'cache/0123', 'tags/best'].map((name) => `refs/dstack/${name}`);
    assert.deepEqual(await shared.push(others), silent);
    assert.equal(wake(shared), undefined);
    for (const area of ['claims', 'stops', 'queue']) {
      const before = wake(shared);
      assert.deepEqual(await shared.push([`refs/dstack/${area}/brave-otter-7k2m/train`]), silent);
      assert.notEqual(wake(shared), before, area);
    }
  });

  test('wakes the watchers at every push in which there is something to do', async ({ shared }) => {
    assert.deepEqual(await shared.push([queue]), silent);
    const first = wake(shared);
    assert.ok(first);
    assert.deepEqual(await shared.push(['refs/heads/main', job]), silent);
    const second = wake(shared);
    assert.ok(second && second !== first);
    assert.deepEqual(readdirSync(join(shared.gitDir, 'dstack')), ['wake'], 'nothing else is left');
  });

  test('leaves other pushes alone', async ({ shared }) => {
    assert.deepEqual(await shared.push(['refs/dstackish/x', 'refs/notes/heads/x']), silent);
    assert.ok(!existsSync(join(shared.gitDir, 'dstack')));
  });

  test('at a push of a branch or tag wakes the watchers, and dstack, which may start runs', async ({
    shared,
  }) => {
    const fake = await configureFakeDstack(shared);
    for (const ref of ['refs/heads/main', 'refs/tags/v1']) {
      const [before, calls] = [wake(shared), fake.calls().length];
      assert.deepEqual(await shared.push([ref]), silent);
      assert.notEqual(wake(shared), before, ref);
      await until('a sync', () => fake.calls().length > calls);
      await idle(shared);
    }
  });

  for (const configured of ['refs/heads/dstack', 'refs/heads/dstack/']) {
    test(`goes by dstack.refprefix = ${configured}`, async ({ shared }) => {
      const fake = await configureFakeDstack(shared);
      await shared.git('config', 'dstack.refPrefix', configured);
      await shared.push([run]);
      assert.equal(wake(shared), undefined);
      await shared.push(['refs/heads/dstack/runners/gpu-1', 'refs/heads/dstack/triggers/seen']);
      assert.equal(wake(shared), undefined, 'these are no branches of people');
      await shared.push(['refs/heads/dstack/runs/brave-otter-7k2m']);
      assert.ok(wake(shared));
      await until('a sync', () => fake.calls().length === 1);
      await idle(shared);
    });
  }

  test('takes a prefix by the letter, not as a pattern', async ({ shared }) => {
    await shared.git('config', 'dstack.refprefix', 'refs/*');
    await shared.push([run]);
    assert.equal(wake(shared), undefined);
  });

  test('runs the hook that was there before, as Git would', async ({ shared }) => {
    shared.installPrevious(
      `#!/bin/sh
cat >seen
printf '%s\\n' "$#" "$GIT_DIR" "$GIT_PUSH_OPTION_0" "$(umask)" >>seen
echo to stdout; echo to stderr >&2
exit 3
`,
    );
    await shared.git('config', 'receive.advertisePushOptions', 'true');
    await shared.git('config', 'core.sharedRepository', 'group');
    const umask = (await execute(['sh', '-c', 'umask'])).stdout.trim();
    const pushed = await shared.push(
      ['refs/heads/main', run],
      ['env', 'GIT_CONFIG_COUNT=1', 'GIT_CONFIG_KEY_0=push.pushOption', 'GIT_CONFIG_VALUE_0=hello'],
    );
    assert.equal(pushed.exitCode, 0);
    assert.match(pushed.stderr, /^remote: to stdout *$/m);
    assert.match(pushed.stderr, /^remote: to stderr *$/m);
    const zero = '0'.repeat(40);
    const commit = await shared.git('rev-parse', run);
    assert.equal(
      readFileSync(join(shared.gitDir, 'seen'), 'utf8'),
      `${zero} ${commit} refs/heads/main\n${zero} ${commit} ${run}\n0\n.\nhello\n${umask}\n`,
    );
    assert.ok(wake(shared));
  });

  test('one that is killed in the middle does not fail a push', async ({ shared }) => {
    shared.installPrevious('#!/bin/sh\nkill -9 $PPID\n');
    assert.equal((await shared.push([run])).exitCode, 0);
    assert.ok(wake(shared));
    assert.ok(await shared.git('rev-parse', run));
  });

  test('does not run one that is switched off, and bears one that reads nothing', async ({ shared }) => {
    const previous = join(shared.gitDir, 'hooks/post-receive.before-dstack');
    shared.installPrevious('#!/bin/sh\necho hello\n');
    assert.match((await shared.push([queue])).stderr, /hello/);
    chmodSync(previous, 0o644);
    assert.deepEqual(await shared.push([queue]), silent);
    rmSync(previous);
    mkdirSync(previous);
    assert.deepEqual(await shared.push([queue]), silent);
  });

  test('passes more lines than a pipe holds', async ({ shared }) => {
    shared.installPrevious('#!/bin/sh\nsha256sum >sum\n');
    const lines = Array.from(
      { length: 2000 },
      (_, i) => `${'0'.repeat(40)} ${'1'.repeat(40)} refs/heads/b${i}\n`,
    );
    const text = `${lines.join('')}${'0'.repeat(40)} ${'1'.repeat(40)} ${run}\n`;
    const input = join(shared.folder, 'lines');
    writeFileSync(input, text);
    const hook = join(shared.gitDir, 'hooks/post-receive');
    const result = await execute(['sh', '-c', 'cd "$1" && "$2" <"$3"', 'sh', shared.gitDir, hook, input]);
    assert.deepEqual(result, silent);
    const sum = await execute(['sha256sum', input]);
    assert.equal(readFileSync(join(shared.gitDir, 'sum'), 'utf8').split(' ')[0], sum.stdout.split(' ')[0]);
    assert.ok(wake(shared));
  });

  test('a file in the place of its folder does not matter to a push', async ({ shared }) => {
    await configureFakeDstack(shared);
    shared.installPrevious('#!/bin/sh\ncat >seen\n');
    writeFileSync(join(shared.gitDir, 'dstack'), 'in the way');
    assert.deepEqual(await shared.push([run, job]), silent);
    assert.ok(existsSync(join(shared.gitDir, 'seen')));
    assert.equal(await shared.git('rev-parse', run), await shared.git('rev-parse', job));
  });

  test('a folder that it may not write to does not matter to a push', async ({ shared }) => {
    // Root may write anywhere, unless that power is taken from it.
    const isRoot = process.getuid?.() === 0;
    const setpriv = find('setpriv');
    if (isRoot && setpriv === undefined) {
      console.log('SKIP a read-only folder: root without setpriv');
      return;
    }
    const wrapper = isRoot && setpriv ? [setpriv, '--bounding-set=-dac_override,-dac_read_search'] : [];
    const fake = await configureFakeDstack(shared);
    mkdirSync(join(shared.gitDir, 'dstack'), { mode: 0o555 });
    assert.deepEqual(await shared.push([run, job], wrapper), silent);
    assert.deepEqual(readdirSync(join(shared.gitDir, 'dstack')), []);
    assert.deepEqual(fake.calls(), []);
    chmodSync(join(shared.gitDir, 'dstack'), 0o755);
  });

  test('a broken configuration does not matter to a push', async ({ shared }) => {
    await shared.git('config', 'dstack.command', join(shared.folder, 'not there'));
    await shared.git('config', '--add', 'dstack.refprefix', '');
    assert.deepEqual(await shared.push([run]), silent);
    assert.ok(wake(shared));
    assert.deepEqual(readdirSync(join(shared.gitDir, 'dstack')), ['wake']);
  });

  test('what it writes in a repository shared by a group is for the group', async ({ shared }) => {
    await shared.git('config', 'core.sharedRepository', 'group');
    await shared.push([queue]);
    assert.equal(statSync(join(shared.gitDir, 'dstack')).mode & 0o070, 0o070);
    assert.equal(statSync(inside(shared, 'wake')).mode & 0o060, 0o060);
  });

  test('syncs after runs and jobs, detached, in the repository, without variables of the push', async ({
    shared,
  }) => {
    const fake = await configureFakeDstack(shared);
    fake.close();
    await shared.push([queue]);
    assert.ok(!existsSync(inside(shared, 'sync.dirty')), 'not for the queue');
    assert.deepEqual(await shared.push([run]), silent, 'the push ends before the sync does');
    await until('a sync', () => fake.calls().length === 1);
    fake.open();
    await idle(shared);
    const [call] = fake.calls();
    assert.ok(call);
    assert.equal(call.args, 'sync --bare');
    assert.equal(call.cwd, shared.gitDir);
    assert.ok(call.ownSession, 'it is in a session of its own');
    assert.ok(call.refs.includes(run));
    const ofPush =
      /^GIT_(DIR|WORK_TREE|QUARANTINE_PATH|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|CONFIG_COUNT)$/;
    assert.deepEqual(
      call.variables.filter((name) => ofPush.test(name)),
      [],
    );
    await shared.push([job]);
    await until('another sync', () => fake.calls().length === 2);
    await idle(shared);
  });

  test('many pushes during a sync cost one more sync', async ({ shared }) => {
    const fake = await configureFakeDstack(shared);
    fake.close();
    await shared.push([run]);
    await until('a sync', () => fake.calls().length === 1);
    for (let i = 0; i < 8; i++) await shared.push([`${job}-${i}`]);
    assert.equal(fake.calls().length, 1);
    fake.open();
    await idle(shared);
    const calls = fake.calls();
    assert.equal(calls.length, 2);
    assert.ok(calls[1]?.refs.includes(`${job}-7`), 'the last push is followed by a sync');
  });

  test('concurrent pushes never sync twice at once, and all of them are synced', async ({ shared }) => {
    const fake = await configureFakeDstack(shared);
    const refs = Array.from({ length: 12 }, (_, i) => `${job}-${i}`);
    const pushed = await Promise.all(refs.map((ref) => shared.push([ref])));
    assert.deepEqual(
      pushed,
      refs.map(() => silent),
    );
    await idle(shared);
    const calls = fake.calls();
    assert.ok(!fake.overlapped());
    assert.ok(calls.length <= refs.length);
    assert.deepEqual([...(calls.at(-1)?.refs ?? [])].sort(), [...refs].sort());
    assert.deepEqual(readdirSync(join(shared.gitDir, 'dstack')), ['wake']);
  });

  test('of two pushes that find no lock at the same moment one syncs', async ({ shared }) => {
    const fake = await configureFakeDstack(shared);
    // A mkdir that lets nobody try for the lock before two have come.
    const folder = join(shared.folder, 'bin');
    const arrived = join(shared.folder, 'arrived');
    for (const path of [folder, arrived]) mkdirSync(path);
    writeExecutable(
      join(folder, 'mkdir'),
      `#!/bin/sh
case $* in *sync.lock)
  printf '' >"${arrived}/$$"
  while [ "$(ls "${arrived}" | wc -l)" -lt 2 ]; do sleep 0.02; done ;;
esac
exec ${find('mkdir')} "$@"
`,
    );
    fake.close();
    const path = [folder, ...(shell.path ? [shell.path] : []), process.env.PATH].join(delimiter);
    await Promise.all([run, job].map((ref) => shared.push([ref], ['env', `PATH=${path}`])));
    assert.equal(readdirSync(inside(shared, 'sync.lock')).length, 1, 'one owner');
    await until('a sync', () => fake.calls().length > 0);
    fake.open();
    await idle(shared);
    assert.ok(!fake.overlapped());
    assert.deepEqual(fake.calls().at(-1)?.refs, [job, run]);
  });

  for (const owner of ['20200101T000000Z.1', undefined]) {
    test(`breaks an old lock ${owner ? 'whose owner died' : 'that has no owner yet'}`, async ({ shared }) => {
      const fake = await configureFakeDstack(shared);
      const lock = inside(shared, 'sync.lock');
      mkdirSync(join(lock, owner ?? ''), { recursive: true });
      await shared.push([run]);
      assert.ok(existsSync(lock) && existsSync(inside(shared, 'sync.dirty')), 'a young lock is respected');
      assert.deepEqual(fake.calls(), []);
      const past = new Date(Date.now() - 10 * 60_000);
      utimesSync(lock, past, past);
      await shared.push([job]);
      await until('a sync', () => fake.calls().length === 1);
      await idle(shared);
      assert.ok(fake.calls()[0]?.refs.includes(job));
    });
  }

  test('one whose lock was broken while it slept does not take the new lock away', async ({ shared }) => {
    const fake = await configureFakeDstack(shared);
    const lock = inside(shared, 'sync.lock');
    fake.close();
    await shared.push([run]);
    await until('a sync', () => fake.calls().length === 1);
    const [first = ''] = readdirSync(lock);
    // Somebody else took it for dead.
    rmSync(join(lock, first), { recursive: true });
    mkdirSync(join(lock, 'somebody-else'));
    fake.open();
    await until('its end', () => !existsSync(join(shared.folder, 'fake dstack/running')));
    await shared.push([job]);
    assert.deepEqual(readdirSync(lock), ['somebody-else']);
    assert.equal(fake.calls().length, 1);
  });

  test.run();
}
