import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Result, type TestProject, withProject } from './project.ts';

const workflows = `
workflows:
  - name: make
    artifacts: [out]
    commands:
      - mkdir -p out/logs
      - echo "a,b" > out/table.csv
      - echo one > out/logs/one.txt
      - echo two > out/logs/two.txt
      - head -c 9000000 /dev/urandom > out/weights
  - name: other
    artifacts: [more]
    depends-on: {workflows: [make]}
    commands: ["mkdir more; cp out/table.csv more/; echo x >> more/table.csv"]
`;

const succeeded = (result: Result): string => {
  assert.is(result.exitCode, 0, result.stderr);
  return result.stdout;
};

async function run(project: TestProject): Promise<string> {
  const text = succeeded(await project.dstack(['run', 'other', '--local', '--json']));
  return JSON.parse(text.trim().split('\n').at(-1) ?? '').run.name;
}

const blobsIn = (project: TestProject) => {
  const store = path.join(project.folder, '.git/dstack/local.store/sha256');
  return readdirSync(store).flatMap((first) =>
    readdirSync(path.join(store, first)).map((rest) => path.join(store, first, rest)),
  );
};

test(
  'one file, those that match, and all: byte for byte, and only what is asked for',
  withProject(workflows, async (project) => {
    const name = await run(project);
    assert.is(succeeded(await project.dstack(['artifacts', 'cat', `${name}:out/table.csv`])), 'a,b\n');
    assert.is(
      succeeded(await project.dstack(['artifacts', 'cat', `${name}/make:out/logs/two.txt`])),
      'two\n',
    );
    const listed = JSON.parse(
      succeeded(await project.dstack(['artifacts', 'list', `${name}/make`, '--json'])),
    );
    const weights = listed[0].entries.find((entry: { path: string }) => entry.path === 'out/weights');
    assert.equal(Object.keys(weights), ['type', 'path', 'size', 'sha256', 'executable']);

    succeeded(
      await project.dstack(['artifacts', 'download', name, 'out/logs', '**/*.csv', '-o', 'got', '-j', '2']),
    );
    assert.equal(readdirSync(path.join(project.folder, 'got/out')).sort(), ['logs', 'table.csv']);
    assert.is(readFileSync(path.join(project.folder, 'got/more/table.csv'), 'utf8'), 'a,b\nx\n');
    succeeded(await project.dstack(['artifacts', 'download', name, '-o', 'got']));
    const got = readFileSync(path.join(project.folder, 'got/out/weights'));
    assert.is(createHash('sha256').update(got).digest('hex'), weights.sha256);

    for (const [args, exitCode, words] of [
      [['cat', name], 2, /RUN\/JOB:PATH/],
      [['cat', `${name}:gone`], 1, /no file gone/],
      [['cat', `${name}:out`], 1, /no file out/],
      [['download', name, 'nothing/*'], 1, /nothing that matches/],
      [['download', name, '-j', '0'], 2, /from 1 to 64/],
    ] as const) {
      const result = await project.dstack(['artifacts', ...args]);
      assert.is(result.exitCode, exitCode, result.stderr);
      assert.match(result.stderr, words);
    }
  }),
);

test(
  'verify names what is damaged or missing; a cat of that prints no wrong byte of it',
  withProject(workflows, async (project) => {
    const name = await run(project);
    const whole = await project.dstack(['artifacts', 'verify', name]);
    assert.is(whole.exitCode, 0, whole.stderr);
    assert.match(whole.stderr, /make: 4 files, .*all right/);
    const large = blobsIn(project).filter((file) => readFileSync(file).length > 100_000);
    const small = blobsIn(project).filter((file) => readFileSync(file, 'utf8').includes('one\n'));
    assert.is(small.length, 1);
    rmSync(large[0] as string);
    const right = readFileSync(small[0] as string, 'utf8');
    rmSync(small[0] as string);
    writeFileSync(small[0] as string, right.replace('one', 'oen'));

    const cat = await project.dstack(['artifacts', 'cat', `${name}:out/logs/one.txt`]);
    assert.is(cat.exitCode, 1);
    assert.is(cat.stdout, '');
    assert.match(cat.stderr, /damaged/);
    writeFileSync(small[0] as string, right.replace('one', 'oen'));
    const verify = await project.dstack(['artifacts', 'verify', name, '--json']);
    assert.is(verify.exitCode, 1);
    assert.match(verify.stderr, /4 files of .* can't be had/);
    const [make, other] = JSON.parse(verify.stdout);
    assert.equal(make.lost, [
      { path: 'out/logs/one.txt', problem: 'damaged' },
      { path: 'out/logs/two.txt', problem: 'damaged' },
      { path: 'out/table.csv', problem: 'damaged' },
      { path: 'out/weights', problem: 'missing' },
    ]);
    assert.equal(other.lost, []);
    assert.not.ok(existsSync(small[0] as string), 'it is set aside');
  }),
);

const consumer = `
workflows:
  - name: train
    depends-on: {workflows: ['raw:v1']}
    artifacts: [out]
    commands: ["mkdir out; cat data/raw/a.txt data/raw/deep/b.txt > out/both"]
`;

test(
  'files that were uploaded are a finished run, which others depend on by its tag',
  withProject(consumer, async (project) => {
    project.write({ 'data/raw/a.txt': 'a\n', 'data/raw/deep/b.txt': 'b\n' });
    const upload = (args: readonly string[], cwd = project.folder) =>
      project.dstack(['artifacts', 'upload', 'raw', ...args], { cwd });
    const uploaded = await upload(['raw', '--tag', 'v1'], path.join(project.folder, 'data'));
    const name = succeeded(uploaded).trim();
    assert.match(uploaded.stderr, /2 files, 4B/);
    assert.match(uploaded.stderr, /raw:v1/);
    assert.equal(await project.refs('queue'), [], 'nothing waits');
    const record = await project.record(name, 'raw');
    assert.equal([record.state, record.runner], ['done', 'upload']);
    assert.is(succeeded(await project.dstack(['artifacts', 'cat', `:v1:data/raw/a.txt`])), 'a\n');
    // They are in no commit: the snapshot of a run would otherwise have them.
    rmSync(path.join(project.folder, 'data'), { recursive: true });
    const run = await project.submit(['train']);
    const runner = project.startRunner('one', ['--drain']);
    assert.is(await runner.exited, 0, runner.output());
    assert.is(succeeded(await project.dstack(['artifacts', 'cat', `${run}:out/both`])), 'a\nb\n');

    const elsewhere = path.join(project.root, 'elsewhere');
    mkdirSync(path.join(elsewhere, 'set'), { recursive: true });
    writeFileSync(path.join(elsewhere, 'set/x'), 'x\n');
    const other = JSON.parse(
      succeeded(await upload(['set', '--from', elsewhere, '--local', '--json', '--name', 'own'])),
    );
    assert.equal([other.run, other.files, other.bytes, other.tag], ['own', 1, 2, null]);
    assert.is(succeeded(await project.dstack(['artifacts', 'cat', 'own:set/x'])), 'x\n');

    for (const [args, exitCode, words] of [
      [['gone'], 2, /not in .*project: gone/],
      [['../elsewhere/set'], 2, /is not in .*project[\s\S]*--from/],
      [['.'], 2, /the folder itself/],
      [['README.md', '--tag', 'v1'], 1, /tag v1 is on another run/],
      [['README.md', '--name', name], 1, /a run named .* already/],
    ] as const) {
      const result = await upload(args);
      assert.is(result.exitCode, exitCode, result.stderr);
      assert.match(result.stderr, words);
    }
    assert.equal(await project.refs('queue'), []);
  }),
);

test.run();
