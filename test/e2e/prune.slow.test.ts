import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fails } from './cli-support.ts';
import { type TestProject, until, withProject } from './project.ts';

// `make` leaves what is its own, `same` what every run of it leaves.
const workflows = `
workflows:
  - name: make
    artifacts: [out]
    commands: [mkdir out, 'head -c 200000 /dev/urandom > out/own', 'seq 30000 > out/same', 'head -c 1200000 /dev/urandom | base64']
  - name: use
    artifacts: [more]
    depends-on: {workflows: [make]}
    commands: [mkdir more, 'sha256sum out/own > more/sum', 'head -c 100000 /dev/urandom >> more/sum']
  - name: slow
    artifacts: [out]
    commands: [mkdir out, 'seq 30000 > out/same', 'touch "$ROOT/going"', 'while [ ! -e "$ROOT/go" ]; do sleep 0.05; done']
    env: ['ROOT=ROOT_FOLDER']
  - name: tagged
    depends-on: {workflows: ['make:best']}
    commands: ['cat out/own | wc -c']
`;
const inRoot = (root: string) => workflows.replace('ROOT_FOLDER', root);

/** Runs a workflow to its end, by a runner. */
async function run(project: TestProject, ...args: string[]): Promise<string> {
  const name = await project.submit(args);
  await project.startRunner('r1', ['--drain']).exited;
  return name;
}

const filesIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name, parentPath }) => path.join(parentPath, name))
    : [];
const blobsIn = (store: string) => filesIn(path.join(store, 'sha256'));
const retiredIn = (store: string) => filesIn(path.join(store, 'retired'));
const batchNotes = (store: string) =>
  filesIn(path.join(store, 'notes')).filter((file) => file.includes('/batch-'));

/** What is in the store has been there for days. */
function age(store: string): void {
  const then = new Date(Date.now() - 3 * 24 * 3_600_000);
  for (const file of [...blobsIn(store), ...retiredIn(store)]) utimesSync(file, then, then);
}

async function prune(project: TestProject, ...args: string[]) {
  const { exitCode, stdout, stderr } = await project.dstack(['prune', '--yes', '--json', ...args]);
  assert.is(exitCode, 0, stderr);
  return JSON.parse(stdout);
}

const verify = async (project: TestProject, name: string) => {
  const { exitCode, stderr } = await project.dstack(['artifacts', 'verify', name]);
  assert.is(exitCode, 0, stderr);
};

test(
  'old runs give up what they have left; what has a tag stays, with all that it has from others',
  withProject(inRoot, async (project) => {
    const first = await run(project, 'use');
    const kept = await run(project, 'use', '--no-cache', '--tag', 'best');
    const dependent = await run(project, 'tagged');
    age(project.store);
    const before = blobsIn(project.store).length;

    const nothing = await prune(project);
    assert.equal([nothing.runs, nothing.freed.blobs], [[], 0]);
    const dry = await project.dstack(['prune', '--keep', '0d', '--dry-run']);
    assert.is(dry.exitCode, 0, dry.stderr);
    assert.match(dry.stdout, new RegExp(`^${first} +\\d{4}-\\d\\d-\\d\\d +make, use$`, 'm'));
    assert.not.match(dry.stdout, kept);
    assert.match(
      dry.stderr,
      /^1 run that ended before .* gives up artifacts and long logs\nto be freed: \d+ blobs, \d/m,
    );
    assert.is(blobsIn(project.store).length, before);
    await fails(project, ['prune', '--keep', '0d'], {
      exitCode: 2,
      words: [/nobody is there to confirm it/, /-y/],
    });
    const planned = JSON.parse(
      (await project.dstack(['prune', '--keep', '0d', '--dry-run', '--json'])).stdout,
    );

    const done = await prune(project, '--keep', '0d');
    assert.equal(done.runs, [{ run: first, jobs: ['make', 'use'] }]);
    assert.equal(done.freed, planned.unneeded);
    assert.is(blobsIn(project.store).length, before - done.freed.blobs);
    assert.equal([retiredIn(project.store), batchNotes(project.store)], [[], []]);
    await verify(project, kept);
    assert.ok((await project.dstack(['logs', `${kept}/make`])).stdout.length > 1_600_000);
    assert.match((await project.dstack(['logs', dependent])).stdout, '200000');

    const on = /what .*(make|use) had left in the store was pruned on \d{4}-\d\d-\d\d/;
    for (const args of [
      ['download', first],
      ['verify', first],
      ['cat', `${first}:more/sum`],
    ])
      await fails(project, ['artifacts', ...args], {
        exitCode: 1,
        words: [on, new RegExp(`dstack rerun ${first}`)],
      });
    assert.match((await project.dstack(['artifacts', 'list', first])).stderr, on);
    assert.match((await project.dstack(['status', first])).stderr, on);
    assert.match((await project.dstack(['logs', `${first}/make`])).stdout, on);
    const { jobs } = JSON.parse((await project.dstack(['status', first, '--json'])).stdout);
    assert.match(jobs[0].prunedAt, /^\d{4}-/);
    assert.match((await project.dstack(['tag', first, 'late'])).stderr, on);
    assert.equal((await prune(project, '--keep', '0d')).runs, []);

    // The newest results were the last ones of their keys, so they are used; without them, all is made anew.
    assert.is((await project.record(await run(project, 'use'), 'make')).state, 'cached');
    await project.dstack(['untag', 'best']);
    await project.dstack(['untag', 'late']);
    age(project.store);
    await prune(project, '--keep', '0d');
    assert.equal(blobsIn(project.store), []);
    const anew = await run(project, 'use', '--tag', 'base');
    assert.is((await project.record(anew, 'make')).state, 'done');
    await verify(project, anew);

    // What gave up the last result of a key leaves it to who has the same.
    await run(project, 'use', '--no-cache');
    age(project.store);
    assert.is((await prune(project, '--keep', '0d')).runs.length, 1);
    assert.equal((await project.record(await run(project, 'use'), 'make')).cachedFrom, {
      run: anew,
      job: 'make',
    });
  }),
);

test(
  'what an upload under way has found there is lost neither to it nor for it',
  withProject(inRoot, async (project) => {
    await run(project, 'make');
    age(project.store);
    const slow = await project.submit(['slow']);
    const runner = project.startRunner('r2', ['--drain']);
    await until('the job runs', async () => existsSync(path.join(project.root, 'going')));
    const early = await prune(project, '--keep', '0d');
    assert.equal(early.waiting.for, [`${slow}/slow`]);
    assert.ok(early.waiting.blobs > 0);
    assert.is(early.freed.blobs, 0);
    // Read still, though it counts as absent.
    assert.is(retiredIn(project.store).length, early.waiting.blobs);
    writeFileSync(path.join(project.root, 'go'), '');
    await runner.exited;
    await verify(project, slow);
    const late = await prune(project);
    assert.is(late.waiting.blobs, 0);
    assert.ok(late.freed.blobs > 0);
    assert.equal([retiredIn(project.store), batchNotes(project.store)], [[], []]);
    await verify(project, slow);
  }),
);

test(
  'killed at any step it leaves nothing that is needed out, and is made up for by the next one',
  withProject(inRoot, async (project) => {
    const gone = await run(project, 'use');
    const kept = await run(project, 'use', '--no-cache', '--tag', 'best');
    age(project.store);
    const planned = JSON.parse(
      (await project.dstack(['prune', '--keep', '0d', '--dry-run', '--json'])).stdout,
    );
    const places = [project.shared, project.store];
    for (const place of places)
      cpSync(place, `${place}.before`, { recursive: true, preserveTimestamps: true });
    const reset = () => {
      for (const place of places) {
        rmSync(place, { recursive: true });
        cpSync(`${place}.before`, place, { recursive: true, preserveTimestamps: true });
      }
    };
    const preload = fileURLToPath(new URL('die-at.cjs', import.meta.url));
    const all = blobsIn(project.store);
    await prune(project, '--keep', '0d');
    const left = blobsIn(project.store).sort();
    assert.is(left.length, all.length - planned.unneeded.blobs);
    let steps = 0;
    const halfway = new Set<number>();
    for (let at = 1; ; at += 1) {
      reset();
      const env = { NODE_OPTIONS: `--require ${preload}`, DIE_AT: String(at) };
      const { exitCode, stderr } = await project.dstack(['prune', '--keep', '0d', '--yes'], { env });
      if (exitCode === 0) break;
      steps += 1;
      assert.is(stderr, '');
      halfway.add(blobsIn(project.store).length);
      for (const blob of left) assert.ok(existsSync(blob), `${blob} after a kill at step ${at}`);
      await prune(project, '--keep', '0d');
      assert.equal(blobsIn(project.store).sort(), left, `after a kill at step ${at}`);
      assert.equal(
        [retiredIn(project.store), batchNotes(project.store)],
        [[], []],
        `after a kill at step ${at}`,
      );
    }
    await verify(project, kept);
    await fails(project, ['artifacts', 'verify', gone], { exitCode: 1, words: [/was pruned on/] });
    assert.ok(steps > 10, `${steps} steps`);
    // It was killed before and after the store was changed.
    for (const count of [all, left]) assert.ok(halfway.has(count.length), [...halfway].join());
  }),
);

test(
  'a store that others use, too, is left alone until they are named',
  withProject(inRoot, async (project) => {
    const other = path.join(project.root, 'other.git');
    await project.git(['init', '--quiet', '--bare', other], { cwd: project.root });
    const store = { DSTACK_STORE: `file:${project.store}` };
    const mine = await run(project, 'make');
    const theirs = await project.submit(['make'], { env: { ...store, DSTACK_REMOTE: other } });
    await project.startRunner('r9', ['--drain'], { ...store, DSTACK_REMOTE: other }).exited;
    age(project.store);
    const before = blobsIn(project.store);
    const { stderr } = await fails(project, ['prune', '--keep', '0d', '--yes'], {
      exitCode: 1,
      words: [/the store .* also has what r9 has put there for the run/, /--with URL/],
    });
    assert.match(stderr, theirs);
    assert.equal(blobsIn(project.store), before);

    // Nor does an old copy of the repository know enough.
    const copy = path.join(project.root, 'copy.git');
    await project.git(['clone', '--quiet', '--mirror', project.shared, copy], { cwd: project.root });
    const later = await run(project, 'make', '--no-cache');
    age(project.store);
    const env = { ...store, DSTACK_REMOTE: copy };
    await fails(
      project,
      ['prune', '--keep', '0d', '--yes', '--with', other],
      { exitCode: 1, words: [new RegExp(`for the run ${later}`)] },
      { env },
    );

    const result = await prune(project, '--keep', '0d', '--with', other);
    assert.equal(result.runs.map((one: { run: string }) => one.run).sort(), [mine, later].sort());
    const check = await project.dstack(['artifacts', 'verify', theirs], {
      env: { ...store, DSTACK_REMOTE: other },
    });
    assert.is(check.exitCode, 0, check.stderr);
  }),
);

test(
  'what is wrong stops it before anything is changed',
  withProject(inRoot, async (project) => {
    const name = await run(project, 'make');
    age(project.store);
    const before = blobsIn(project.store);
    const ref = `refs/dstack/jobs/${name}/make`;
    const tree = (await project.git(['ls-tree', ref])).replace(/blob \w+\tartifacts.json/, (line) =>
      line.replace(/blob \w+/, 'blob BLOB'),
    );
    const text = (await project.git(['show', `${ref}:artifacts.json`])).replace('"format":2', '"format":9');
    writeFileSync(path.join(project.root, 'manifest'), text);
    const blob = await project.git(['hash-object', '-w', path.join(project.root, 'manifest')]);
    const { execFileSync } = await import('node:child_process');
    const forged = execFileSync('git', ['mktree'], {
      cwd: project.shared,
      input: `${tree.replace('BLOB', blob)}\n`,
    });
    const commit = await project.git(['commit-tree', '-m', 'x', String(forged).trim()], {
      env: { GIT_AUTHOR_NAME: 'x', GIT_AUTHOR_EMAIL: 'x', GIT_COMMITTER_NAME: 'x', GIT_COMMITTER_EMAIL: 'x' },
    });
    await project.git(['update-ref', ref, commit]);
    await fails(project, ['prune', '--yes'], {
      exitCode: 1,
      words: [/artifacts.json of .*newer dstack/, /hint: /],
    });
    assert.equal(blobsIn(project.store), before);
    await fails(project, ['prune', '--keep', 'soon'], { exitCode: 2, words: [/30d/] });
    await fails(project, ['prune', '--local'], { exitCode: 1, words: [/no runs of `dstack run --local`/] });
    assert.is(statSync(before[0] as string).size > 0, true);
    assert.ok(readFileSync(before[0] as string).length > 0);
  }),
);

test.run();
