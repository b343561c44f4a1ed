// The hook itself, with Git's quarantine, settings and other hooks around it.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { prepareRun } from '../../src/ledger/prepare-run.ts';
import { claim, jobSpec, participant, queued, runRequest, type Shared, submit } from '../ledger/support.ts';
import { commit, executable, scratchGuardedByHook } from './guarded-repository.ts';

const test = suite<{ shared: Shared; ledger: Ledger }>('the pre-receive hook');
test.before.each(async (context) => {
  context.shared = await scratchGuardedByHook();
  context.ledger = await participant(context.shared.path);
});

/** Pushes as somebody; what is said, or '' if it was let in. */
async function push(ledger: Ledger, ref: string, to: string | null, env: NodeJS.ProcessEnv = {}) {
  const before = { ...process.env };
  Object.assign(process.env, env);
  try {
    const outcome = await ledger.shared.push([{ ref, from: undefined, to }]);
    return outcome.ok ? '' : outcome.failure.words;
  } finally {
    for (const name of Object.keys(env)) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  }
}

test('refuses a push as a whole, in words that reach the one who pushes, and keeps nothing of it', async ({
  shared,
  ledger,
}) => {
  await submit(ledger, 'a');
  await claim(ledger, await queued(ledger, 'a'));
  const before = shared.refs();
  const big = await commit(ledger, { files: { 'claim.json': 'x'.repeat(20 << 20) } });
  const said = await push(ledger, 'refs/dstack/claims/a/train', big);
  assert.match(said, /dstack: refs\/dstack\/claims\/a\/train: its claim.json has 20971520 bytes/);
  assert.match(await push(ledger, 'refs/dstack/runs/a', null), /a run is never changed/);
  assert.equal(shared.refs(), before);
  assert.is(spawnSync('git', ['cat-file', '-e', big], { cwd: shared.path }).status, 1);
});

test('whoever installs it hears who is what, and whether the other hook may submit', async ({ shared }) => {
  const install = () =>
    spawnSync(process.execPath, [executable, 'hook', 'install', '--guard', shared.path], { encoding: 'utf8' })
      .stderr;
  const everybody = install();
  assert.match(everybody, /^submitter: everybody; runner: everybody; admin: nobody$/m);
  assert.not.match(everybody, /is no submitter/);
  shared.git('config', '--add', 'dstack.guard.submitter', 'dev-*');
  shared.git('config', '--add', 'dstack.guard.submitter', 'ada');
  assert.match(install(), /^submitter: dev-\* ada; .*\n.*\n.* it is no submitter$/m);
});

test("refs that Git would show in the place of dstack's own are judged, too", async ({ shared, ledger }) => {
  const run = await commit(ledger, {});
  for (const ref of ['refs/heads/refs/dstack/runs', 'refs/refs/dstack/jobs/a/b', 'refs/remotes/refs'])
    assert.match(await push(ledger, ref, run), /no ref of dstack's is called so/);
  assert.is(shared.refs().size, 0);
});

test('snapshots whose paths lead out of their folder are refused', async ({ shared, ledger }) => {
  const { gitDir } = ledger.shared.local;
  const write = (type: string, input: string | Buffer) =>
    execFileSync('git', ['hash-object', '-w', '-t', type, '--literally', '--stdin'], { cwd: gitDir, input })
      .toString()
      .trim();
  const blob = write('blob', 'x');
  for (const path of ['..', '.git', '.']) {
    const tree = write('tree', Buffer.concat([Buffer.from(`100644 ${path}\0`), Buffer.from(blob, 'hex')]));
    const { updates } = await prepareRun(ledger, runRequest(ledger, 'evil', [jobSpec('train')], { tree }));
    assert.not.ok((await ledger.shared.push(updates)).ok, path);
  }
  assert.is(shared.refs().size, 0);
  // What old tools have written hurts nobody.
  const old = write('tree', Buffer.concat([Buffer.from('0100644 a\0'), Buffer.from(blob, 'hex')]));
  await submit(ledger, 'harmless', [jobSpec('train')], { tree: old });
});

test('knows who is a submitter, a runner or an admin', async ({ shared, ledger }) => {
  const settings = { submitter: ['ada', 'dev-*'], runner: ['gpu-?'], admin: ['root of all'] };
  for (const [role, patterns] of Object.entries(settings))
    for (const pattern of patterns) shared.git('config', '--add', `dstack.guard.${role}`, pattern);
  const { updates } = await prepareRun(ledger, runRequest(ledger, 'a', [jobSpec('train')]));
  const run = updates.at(-1)?.to as string;
  const ref = 'refs/dstack/runs/a';
  for (const GL_USER of ['gpu-1', 'dev', 'ada2', 'Ada', 'eve'])
    assert.match(await push(ledger, ref, run, { GL_USER }), new RegExp(`${GL_USER} is no submitter here`));
  assert.is(await push(ledger, ref, run, { GL_USER: 'dev-7' }), '');
  const tag = 'refs/dstack/tags/best';
  assert.is(await push(ledger, tag, run, { REMOTE_USER: 'ada' }), '');
  assert.match(await push(ledger, tag, null, { GL_USER: 'eve', REMOTE_USER: 'ada' }), /eve is no/);
  const probe = await commit(ledger, {});
  assert.is(await push(ledger, 'refs/dstack/probe/x/a', probe, { DSTACK_USER: 'gpu-1' }), '');
  assert.match(await push(ledger, ref, null, { DSTACK_USER: 'ada' }), /never changed/);
  assert.is(await push(ledger, ref, null, { DSTACK_USER: 'root of all' }), '');
  // Other branches are nobody's business here.
  assert.is(await push(ledger, 'refs/heads/main', run, { GL_USER: 'eve' }), '');
});

test("lets nothing in that it can't judge, and everything that is no concern of its", async ({
  shared,
  ledger,
}) => {
  const probe = await commit(ledger, {});
  const away = join(shared.path, 'away');
  for (const command of [away, '']) {
    shared.git('config', 'dstack.command', command);
    assert.match(await push(ledger, 'refs/dstack/probe/x/a', probe), /guard of this repository can't be run/);
    for (const ref of [
      'refs/notes/dstack/a/b',
      `refs/replace/${probe}`,
      'refs/remotes/refs/dstack/runs/HEAD',
    ])
      assert.match(await push(ledger, ref, probe), /guard of this repository can't be run/);
    assert.is(await push(ledger, `refs/heads/branch${command.length}`, probe), '');
  }
  // One that ends before it has judged.
  writeFileSync(away, '#!/bin/sh\nkill -9 $$\n');
  chmodSync(away, 0o755);
  shared.git('config', 'dstack.command', away);
  assert.match(await push(ledger, 'refs/dstack/probe/x/a', probe), /declined|hook/);
  shared.git('config', '--unset', 'dstack.command');
  shared.git('config', 'dstack.refprefix', 'refs/heads/dstack');
  assert.match(await push(ledger, 'refs/heads/dstack/x', probe), /can't be run/);
  assert.is(await push(ledger, 'refs/dstack/x', probe), '');
});

test('a hook that was there before has its say after it, and is put back', async ({ shared, ledger }) => {
  const probe = await commit(ledger, {});
  execFileSync(process.execPath, [executable, 'hook', 'uninstall', shared.path], { stdio: 'pipe' });
  assert.not.ok(existsSync(join(shared.path, 'hooks/pre-receive')));
  assert.is(await push(ledger, 'refs/dstack/x', probe), '');
  shared.hook('pre-receive', 'cat >seen; [ -e shut ] || exit 0; echo "closed today"; exit 3');
  execFileSync(process.execPath, [executable, 'hook', 'install', '--guard', shared.path], { stdio: 'pipe' });
  // Again, without the option: it is renewed.
  execFileSync(process.execPath, [executable, 'hook', 'install', shared.path], { stdio: 'pipe' });
  assert.match(readFileSync(join(shared.path, 'hooks/pre-receive'), 'utf8'), /hook guard/);
  assert.match(await push(ledger, 'refs/dstack/y', probe), /no ref of dstack/);
  assert.not.ok(existsSync(join(shared.path, 'seen')), 'what is refused is refused');
  assert.is(await push(ledger, 'refs/dstack/probe/x/a', probe), '');
  assert.is(
    readFileSync(join(shared.path, 'seen'), 'utf8'),
    `${'0'.repeat(40)} ${probe} refs/dstack/probe/x/a\n`,
  );
  shared.mark('shut');
  assert.match(await push(ledger, 'refs/dstack/probe/x/b', probe), /closed today/);
  execFileSync(process.execPath, [executable, 'hook', 'uninstall', shared.path], { stdio: 'pipe' });
  assert.match(readFileSync(join(shared.path, 'hooks/pre-receive'), 'utf8'), /closed today/);
});

test.run();
