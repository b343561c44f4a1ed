import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createProject, type Result, type TestProject, until, withProject } from './project.ts';

const executable = fileURLToPath(new URL('../../dist/dstack.js', import.meta.url));
// The log of `make` is longer than what Git keeps of one.
const workflows = `
workflows:
  - {name: make, artifacts: [out], commands: [mkdir out, 'echo $RUN_NAME > out/name', seq 200000]}
  - {name: use, depends-on: {workflows: [make]}, metrics: m.jsonl, commands: ['echo ''{"loss": 1}'' > m.jsonl', cat out/name]}
  - {name: boxed, image: 'dstack-test/busybox', artifacts: [out], commands: [mkdir out]}
  - {name: unboxed, depends-on: {workflows: [boxed]}, commands: [ls out]}
  - {name: bad, commands: [exit 3]}
  - {name: long, commands: [sleep 300]}
`;

const locally = async (project: TestProject, run: string, ...args: string[]): Promise<void> => {
  const { exitCode, stderr } = await project.dstack(['run', ...args, '--local', '--name', run]);
  assert.is(exitCode, args[0] === 'bad' ? 1 : 0, stderr);
};
const send = (project: TestProject): Promise<Result> => project.dstack(['sync', '--push']);
const storeFiles = (store: string) =>
  readdirSync(path.join(store, 'sha256'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name, parentPath }) => path.join(parentPath, name));
const localStore = ({ folder }: TestProject) => path.join(folder, '.git/dstack/local.store');

/** What everybody can see of a run: the refs, and what commands say of it from another clone. */
async function isThere(project: TestProject, run: string): Promise<void> {
  const clone = path.join(project.root, `clone-${run}`);
  await project.git(['clone', '--quiet', project.folder, clone], { cwd: project.root });
  const options = {
    cwd: clone,
    env: { DSTACK_REMOTE: project.shared, DSTACK_STORE: `file:${project.store}` },
  };
  const read = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await project.dstack(args, options);
    assert.is(exitCode, 0, stderr);
    return stdout;
  };
  assert.is(JSON.parse(await read('status', run, '--json')).state, 'done');
  assert.match(await read('logs', `${run}/make`), /\n200000\n$/);
  assert.match(await read('metrics', run), 'loss');
  await read('artifacts', 'download', run, '-o', path.join(clone, 'results'));
  await read('sync');
  assert.match(
    await project.git(['log', '--notes=dstack/*', `refs/dstack/runs/${run}`], { cwd: clone }),
    run,
  );
  rmSync(clone, { recursive: true });
}

test(
  'what was run offline is there afterwards as if it had been run there, behind the guard, too',
  withProject(workflows, async (project) => {
    const nothing = await send(project);
    assert.is(nothing.exitCode, 0, nothing.stderr);
    assert.match(nothing.stderr, 'there are no runs of `dstack run --local` here');
    await locally(project, 'first', 'use', '--tag', 'best');
    await locally(project, 'second', 'bad');
    const installed = await project.dstack(['hook', 'install', '--guard', project.shared]);
    assert.is(installed.exitCode, 0, installed.stderr);

    const sent = await send(project);
    assert.is(sent.exitCode, 0, sent.stderr);
    assert.match(sent.stderr, /^first: 2 jobs, .*MB sent$/m);
    assert.match(sent.stderr, /^2 runs sent to /m);
    await isThere(project, 'first');
    assert.equal(await project.refs('claims'), []);
    assert.equal((await project.refs('jobs')).sort(), ['first/make', 'first/use', 'second/bad']);
    assert.is((await project.record('second', 'bad')).state, 'failed');
    assert.equal(await project.refs('tags'), ['best']);
    // Once, though it is in two ledgers.
    const { runs } = JSON.parse((await project.dstack(['status', '--json'])).stdout);
    assert.equal(
      runs.map(({ name }: { name: string }) => name),
      ['second', 'first'],
    );

    // Without the history, which the hook may still be deriving.
    const published = () => project.git(['for-each-ref', 'refs/dstack', 'refs/notes']);
    const refs = await published();
    const again = await send(project);
    assert.is(again.exitCode, 0, again.stderr);
    assert.match(again.stderr, /has all of them$/m);
    assert.is(await published(), refs);

    const third = await project.submit(['use']);
    const runner = project.startRunner('one', ['--drain']);
    assert.is(await runner.exited, 0, runner.output());
    assert.equal((await project.record(third, 'use')).cachedFrom, { run: 'first', job: 'use' });
  }),
);

test(
  'cut off once the run is there, it says and sends the next time what it could not',
  withProject(workflows, async (project) => {
    await locally(project, 'first', 'use');
    const notes = path.join(project.store, 'notes');
    mkdirSync(project.store);
    writeFileSync(notes, 'no folder');
    assert.is((await send(project)).exitCode, 1);
    assert.equal(await project.refs('runs'), ['first']);
    assert.equal(await project.refs('claims'), []);

    rmSync(notes);
    const swept = storeFiles(project.store)[0] as string;
    unlinkSync(swept);
    const again = await send(project);
    assert.is(again.exitCode, 0, again.stderr);
    assert.match(again.stderr, /^first: .*B sent, which were missing there$/m);
    assert.ok(existsSync(swept));
    const [note] = readdirSync(notes);
    assert.match(readFileSync(path.join(notes, note as string), 'utf8'), '"first"');
    assert.equal(readdirSync(path.join(project.folder, '.git/dstack/half-sent')), []);
    const last = await send(project);
    assert.not.match(last.stderr, 'missing there');
  }),
);

test(
  'whoever may only submit, or only execute, brings no outcomes past the guard',
  withProject(workflows, async (project) => {
    await locally(project, 'first', 'use');
    const installed = await project.dstack(['hook', 'install', '--guard', project.shared]);
    assert.is(installed.exitCode, 0, installed.stderr);
    for (const [mine, other] of [
      ['runner', 'submitter'],
      ['submitter', 'runner'],
    ] as const) {
      await project.git(['config', `dstack.guard.${mine}`, '*']);
      await project.git(['config', `dstack.guard.${other}`, 'somebody-else']);
      const refused = await send(project);
      assert.is(refused.exitCode, 1, refused.stderr);
      assert.match(refused.stderr, `is no ${other} here`);
      assert.equal(await project.refs('runs'), []);
      assert.equal(await project.refs('claims'), []);
    }
  }),
);

test(
  "what can't be sent is named, and keeps nothing else back",
  withProject(workflows, async (project) => {
    await locally(project, 'mine', 'use');
    await locally(project, 'same', 'use');
    const lost = storeFiles(localStore(project)).find((file) => readFileSync(file, 'utf8') === 'mine\n');
    unlinkSync(lost as string);
    await locally(project, 'theirs', 'bad');
    await locally(project, 'good', 'use', '--no-cache', '--tag', 'best');
    const long = spawn(process.execPath, [executable, 'run', 'long', '--local', '--name', 'open'], {
      cwd: project.folder,
      env: project.env,
      stdio: 'ignore',
    });
    const local = { cwd: path.join(project.folder, '.git/dstack/local.git') };
    await until('its claim', () =>
      project.git(['rev-parse', '-q', '--verify', 'refs/dstack/claims/open/long'], local),
    );
    long.kill('SIGKILL');
    assert.is(await project.submit(['bad', '--name', 'theirs']), 'theirs');
    await project.dstack(['tag', 'theirs', 'best'], { env: { DSTACK_REMOTE: project.shared } });

    const sent = await send(project);
    assert.is(sent.exitCode, 1, sent.stderr);
    assert.match(sent.stderr, /^warning: mine was not sent: blob [0-9a-f]+ is not in the store/m);
    assert.match(sent.stderr, 'same was not sent: it has something from mine, which is not there');
    assert.match(sent.stderr, 'theirs was not sent: another run has its name there');
    assert.match(sent.stderr, 'open has not ended: not sent');
    assert.match(sent.stderr, /^good: 2 jobs/m);
    assert.match(sent.stderr, 'error: 3 runs could not be sent; 1 were');
    await isThere(project, 'good');
    assert.equal((await project.refs('runs')).sort(), ['good', 'theirs']);
    assert.equal(await project.refs('jobs'), ['good/make', 'good/use']);
  }),
);

test(
  "what was made without its image, for want of Docker, is in nobody's cache",
  withProject(workflows, async (project) => {
    const env = { DOCKER_HOST: 'unix:///nowhere/docker.sock' };
    for (const run of ['first', 'second']) {
      const { exitCode, stderr } = await project.dstack(['run', 'unboxed', '--local', '--name', run], {
        env,
      });
      assert.is(exitCode, 0, stderr);
    }
    await locally(project, 'plain', 'use');
    const sent = await send(project);
    assert.is(sent.exitCode, 0, sent.stderr);
    for (const job of ['boxed', 'unboxed']) {
      assert.is((await project.record('first', job)).state, 'done');
      assert.is((await project.record('second', job)).state, 'cached');
    }
    const keys = async (job: string) => (await project.record('plain', job)).cacheKey;
    assert.equal((await project.refs('cache')).sort(), [await keys('make'), await keys('use')].sort());
    assert.match((await send(project)).stderr, 'has all of them');
  }),
);

test("killed at any moment, or where a push can't be all or nothing, it is done by doing it again", async () => {
  const project = await createProject(workflows);
  const seed = Number(process.env.DSTACK_TEST_SEED) || Math.floor(Math.random() * 2 ** 31);
  console.log(`seed ${seed}`);
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state / 2 ** 31;
  };
  try {
    await locally(project, 'first', 'use');
    await locally(project, 'second', 'use', '--no-cache');
    await project.git(['config', 'receive.advertiseAtomic', 'false']);
    for (let attempt = 1; attempt <= 8; attempt += 1) {
      const child = execFile(process.execPath, [executable, 'sync', '--push'], {
        cwd: project.folder,
        env: project.env,
      });
      const ended = new Promise((resolve) => child.once('close', resolve));
      await Promise.race([ended, sleep(300 + random() * 3_000)]);
      child.kill('SIGKILL');
      await ended;
    }
    const sent = await until('the end of it', async () => {
      const result = await send(project);
      return result.exitCode === 0 ? result : null;
    });
    assert.match(sent.stderr, / sent to |has all of them/);
    for (const run of ['first', 'second']) await isThere(project, run);
    assert.equal(await project.refs('claims'), []);
    assert.is((await project.refs('jobs')).length, 4);
    assert.is((await project.git(['fsck', '--strict'])).trim(), '');
  } finally {
    await project.remove();
  }
});

test.run();
