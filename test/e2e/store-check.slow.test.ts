import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fails } from './cli-support.ts';
import { type TestProject, withProject } from './project.ts';

const workflows = `
workflows:
  - {name: make, artifacts: [out], commands: [mkdir out, 'head -c 200000 /dev/urandom > out/a', 'head -c 300000 /dev/urandom > out/b']}
`;

const blobsIn = (store: string) =>
  readdirSync(path.join(store, 'sha256'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name, parentPath }) => path.join(parentPath, name));

async function run(project: TestProject): Promise<string> {
  const name = await project.submit(['make', '--no-cache']);
  await project.startRunner('r1', ['--drain']).exited;
  return name;
}

function damage(blob: string): void {
  chmodSync(blob, 0o644);
  writeFileSync(blob, 'something else');
}

test(
  'what is missing, damaged, or needed by nobody is found; nothing of this clone can repair it',
  withProject(workflows, async (project) => {
    project.env.DSTACK_RUNNER_INPUT_CACHE = '0';
    const fine = await project.dstack(['store', 'check']);
    assert.is(fine.exitCode, 0, fine.stderr);
    assert.match(fine.stderr, /^0 blobs, 0B, all right$/m);
    const name = await run(project);
    const [first, second] = blobsIn(project.store) as [string, string];
    const right = await project.dstack(['store', 'check']);
    assert.is(right.exitCode, 0, right.stderr);
    assert.match(right.stderr, /^2 blobs, .*, all right$/m);

    damage(first);
    renameSync(second, `${second.slice(0, -1)}${second.endsWith('0') ? '1' : '0'}`);
    const then = new Date(Date.now() - 3 * 24 * 3_600_000);
    for (const blob of blobsIn(project.store)) utimesSync(blob, then, then);
    const { stderr } = await fails(project, ['store', 'check'], {
      exitCode: 1,
      words: [
        new RegExp(`^${name}/make: 1 blob missing, 1 blob damaged$`, 'm'),
        /2 blobs can't be had any more/,
        /dstack artifacts verify RUN/,
      ],
    });
    assert.match(stderr, /^1 blob, .*, that nothing needs: `dstack prune` frees that$/m);
    // What is damaged has been set aside, so that it counts as absent.
    assert.ok(!existsSync(first));
    const { exitCode, stdout } = await project.dstack(['store', 'check', '--json']);
    assert.is(exitCode, 1);
    const { lost, orphaned } = JSON.parse(stdout);
    assert.equal(
      lost.map((one: { jobs: string[]; problem: string; repaired: null }) => [
        one.jobs,
        one.problem,
        one.repaired,
      ]),
      [
        [[`${name}/make`], 'missing', null],
        [[`${name}/make`], 'missing', null],
      ],
    );
    assert.is(orphaned.blobs, 1);
    // What was given up is missed by nobody.
    assert.is((await project.dstack(['prune', '--keep', '0d', '-y'])).exitCode, 0);
    const after = await project.dstack(['store', 'check']);
    assert.is(after.exitCode, 0, after.stderr);
  }),
);

test(
  'what this clone has copies of is put back, and so is what was about to be removed',
  withProject(workflows, async (project) => {
    project.env.DSTACK_RUNNER_INPUT_CACHE = '0';
    const local = await project.dstack(['run', 'make', '--local', '--name', 'here']);
    assert.is(local.exitCode, 0, local.stderr);
    const sent = await project.dstack(['sync', '--push']);
    assert.is(sent.exitCode, 0, sent.stderr);
    const [note] = readdirSync(path.join(project.store, 'notes'));
    const user = JSON.parse(readFileSync(path.join(project.store, 'notes', note as string), 'utf8'));
    assert.equal([user.by, user.run], ['sync', 'here']);
    const [first, second] = blobsIn(project.store) as [string, string];
    damage(first);
    rmSync(second);
    const { exitCode, stderr } = await project.dstack(['store', 'check']);
    assert.is(exitCode, 0, stderr);
    assert.match(stderr, /^here\/make: 1 blob missing, 1 blob damaged; repaired$/m);
    assert.match(stderr, /^2 blobs put back from the store of `dstack run --local`$/m);
    assert.is((await project.dstack(['artifacts', 'verify', 'here'])).exitCode, 0);

    // The other way round.
    const own = path.join(project.folder, '.git/dstack/local.store');
    for (const blob of blobsIn(own)) rmSync(blob);
    const back = await project.dstack(['store', 'check', '--local', '--json']);
    assert.is(back.exitCode, 0, back.stderr);
    assert.equal(
      JSON.parse(back.stdout).lost.map((one: { repaired: string }) => one.repaired),
      ['the shared store', 'the shared store'],
    );
    const sha256 = first.split('/').slice(-2).join('');
    const retired = path.join(project.store, 'retired/x');
    mkdirSync(retired, { recursive: true });
    for (const blob of blobsIn(own)) rmSync(blob);
    renameSync(first, path.join(retired, sha256));
    const again = await project.dstack(['store', 'check', '--json']);
    assert.is(again.exitCode, 0, again.stderr);
    assert.equal(
      JSON.parse(again.stdout).lost.map((one: { repaired: string }) => one.repaired),
      ['what was about to be removed'],
    );
    assert.ok(existsSync(first));

    // What is lost is told, too, if the store takes nothing.
    rmSync(first);
    rmSync(path.join(project.store, 'tmp'), { recursive: true });
    writeFileSync(path.join(project.store, 'tmp'), '');
    const unable = await project.dstack(['store', 'check']);
    assert.is(unable.exitCode, 1);
    assert.match(unable.stderr, /^here\/make: 1 blob missing$/m);
    assert.match(unable.stderr, /^error: .*shared\.store/m);
  }),
);

test(
  'what a runner of this machine has kept of inputs is put back',
  withProject(workflows, async (project) => {
    const name = await run(project);
    for (const blob of blobsIn(project.store)) rmSync(blob);
    const { exitCode, stderr } = await project.dstack(['store', 'check']);
    assert.is(exitCode, 0, stderr);
    assert.match(stderr, /^2 blobs put back from what is kept of inputs on this machine$/m);
    assert.is((await project.dstack(['artifacts', 'verify', name])).exitCode, 0);
  }),
);

test(
  'what was given up, and is kept since for a tag, is checked like the rest; what of it has gone is missed by nobody',
  withProject(workflows, async (project) => {
    const name = await run(project);
    const copy = `${project.store}.copy`;
    cpSync(project.store, copy, { recursive: true });
    const then = new Date(Date.now() - 3 * 24 * 3_600_000);
    for (const blob of blobsIn(project.store)) utimesSync(blob, then, then);
    const pruned = await project.dstack(['prune', '--keep', '0d', '-y']);
    assert.is(pruned.exitCode, 0, pruned.stderr);
    assert.equal(blobsIn(project.store), []);
    assert.is((await project.dstack(['tag', name, 'best'])).exitCode, 0);
    const gone = await project.dstack(['store', 'check']);
    assert.is(gone.exitCode, 0, gone.stderr);
    assert.match(gone.stderr, /^0 blobs, 0B, all right$/m);

    cpSync(copy, project.store, { recursive: true });
    for (const blob of blobsIn(project.store)) utimesSync(blob, then, then);
    const back = await project.dstack(['store', 'check']);
    assert.is(back.exitCode, 0, back.stderr);
    assert.match(back.stderr, /^2 blobs, .*, all right$/m);
    assert.not.match(back.stderr, 'nothing needs');
    damage(blobsIn(project.store)[0] as string);
    const repaired = await project.dstack(['store', 'check']);
    assert.is(repaired.exitCode, 0, repaired.stderr);
    assert.match(repaired.stderr, new RegExp(`^${name}/make: 1 blob damaged; repaired$`, 'm'));
  }),
);

test.run();
