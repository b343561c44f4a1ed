import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { serve } from '../ledger/git-daemon.ts';
import { linesOf, type TestProject, until, withProject } from './project.ts';

/** Runs one workflow to its end by a runner that leaves then; the state of each of its jobs. */
async function runAll(
  project: TestProject,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ run: string; output: string }> {
  const run = await project.submit(args);
  const runner = project.startRunner('one', ['--drain'], env);
  assert.is(await runner.exited, 0, runner.output());
  return { run, output: runner.output() };
}

const stateOf = async (project: TestProject, run: string, job: string) =>
  (await project.record(run, job)).state;

test(
  'artifacts of all dependencies are in place before a job starts, as they were',
  withProject(
    `
workflows:
  - name: first
    artifacts: [out, single.txt]
    commands:
      - mkdir -p out/empty out/deep
      - printf '#!/bin/sh\\necho it runs\\n' > out/tool && chmod +x out/tool
      - ln -s tool out/link && printf '' > out/deep/nothing && echo one > single.txt
  - {name: second, artifacts: [more], depends-on: {workflows: [first]}, commands: [mkdir more, cp single.txt more/]}
  - name: third
    depends-on: {workflows: [second]}
    commands:
      - out/link
      - test -d out/empty && test -f out/deep/nothing && test ! -s out/deep/nothing && test -L out/link
      - test ! -x single.txt && cat more/single.txt README.md
`,
    async (project) => {
      const { run } = await runAll(project, ['third']);
      assert.is(await stateOf(project, run, 'third'), 'done', await project.log(run, 'third'));
      assert.is(await project.log(run, 'third'), 'it runs\none\na project');
    },
  ),
);

test(
  'what depends on a failed job is skipped, and says because of whom',
  withProject(
    `
workflows:
  - {name: bad, commands: [exit 3]}
  - {name: next, depends-on: {workflows: [bad]}, commands: [echo never]}
  - {name: last, depends-on: {workflows: [next]}, commands: [echo never]}
`,
    async (project) => {
      const { run } = await runAll(project, ['last']);
      const records = await Promise.all(['bad', 'next', 'last'].map((job) => project.record(run, job)));
      assert.equal(
        records.map(({ state, reason, exitCode }) => [state, reason, exitCode]),
        [
          ['failed', 'exit code 3', 3],
          ['skipped', 'bad failed: exit code 3', null],
          ['skipped', 'bad failed: exit code 3', null],
        ],
      );
    },
  ),
);

test(
  'a job sees only the files that it depends on',
  withProject(
    `
workflows:
  - name: narrow
    depends-on: {repo: {include: ['data/**', README.md], exclude: ['**/*.tmp']}}
    commands: ['find . -type f | sort']
`,
    async (project) => {
      project.write({ 'data/a.csv': '1\n', 'data/b.tmp': '2\n', 'other.txt': '3\n' });
      const { run } = await runAll(project, ['narrow']);
      assert.is(await project.log(run, 'narrow'), './README.md\n./data/a.csv');
    },
  ),
);

test(
  'a declared artifact that is missing fails a job that was done; one that failed keeps what there is',
  withProject(
    `
workflows:
  - {name: liar, artifacts: [there, not-there], commands: [echo 1 > there]}
  - {name: loser, artifacts: [there, not-there], commands: [echo 1 > there, exit 9]}
`,
    async (project) => {
      const liar = await runAll(project, ['liar']);
      const record = await project.record(liar.run, 'liar');
      assert.is(record.state, 'failed');
      assert.is(record.reason, 'it left no not-there, which it declares as artifacts');

      const loser = await runAll(project, ['loser']);
      const kept = await project.record(loser.run, 'loser');
      assert.is(kept.reason, 'exit code 9');
      assert.match(await project.log(loser.run, 'loser'), 'dstack: not there, so not kept: not-there');
      const listed = await project.dstack(['artifacts', 'list', loser.run, '--json']);
      assert.match(listed.stdout, '"there"');
      assert.not.match(listed.stdout, 'not-there');
    },
  ),
);

test(
  'the cache: the same inputs are not executed again, others are, and neither is one whose files are gone',
  withProject(
    (root) => `
workflows:
  - {name: make, artifacts: [result], commands: ['echo $JOB_ID >> ${root}/executed', 'echo \${{ value }} > result']}
`,
    async (project) => {
      project.write({ '.dstack/variables.yaml': 'variables: {make: {value: 1}}\n' });
      const executed = () => linesOf(path.join(project.root, 'executed')).length;
      const stateAfter = async (...args: string[]) =>
        stateOf(project, (await runAll(project, ['make', ...args])).run, 'make');

      assert.is(await stateAfter(), 'done');
      const cached = await runAll(project, ['make']);
      const record = await project.record(cached.run, 'make');
      assert.is(record.state, 'cached');
      assert.is((record.cachedFrom as { job: string }).job, 'make');
      assert.is(executed(), 1);
      const target = path.join(project.root, 'downloaded');
      const download = await project.dstack(['artifacts', 'download', cached.run, '-o', target]);
      assert.is(download.exitCode, 0, download.stderr);

      assert.is(await stateAfter('--no-cache'), 'done');
      assert.is(await stateAfter('--value', '2'), 'done');
      assert.is(executed(), 3);

      rmSync(project.store, { recursive: true });
      assert.is(await stateAfter(), 'done');
      assert.is(await stateAfter(), 'cached');
      assert.is(executed(), 4);
    },
  ),
);

test(
  'files of a dependency that have gone since it ended fail a job, which says by what they are made anew',
  withProject(
    (root) => `
workflows:
  - {name: make, artifacts: [result], commands: ['echo $JOB_ID >> ${root}/executed', 'echo 1 > result']}
  - {name: use, depends-on: {workflows: [make]}, commands: [cat result]}
`,
    async (project) => {
      const first = await runAll(project, ['make']);
      const run = await project.submit(['use']);
      const once = project.startRunner('one', ['--once']);
      assert.is(await once.exited, 0, once.output());
      assert.is(await stateOf(project, run, 'make'), 'cached');
      rmSync(project.store, { recursive: true });
      const drained = project.startRunner('one', ['--drain']);
      assert.is(await drained.exited, 0, drained.output());
      const { state, reason } = await project.record(run, 'use');
      assert.is(state, 'failed');
      const words = `an artifact of ${run}/make, which was taken from ${first.run}/make: result: blob `;
      assert.ok((reason as string).includes(words), `${reason}`);
      assert.ok((reason as string).endsWith(`; \`dstack rerun ${run}\` makes it anew`), `${reason}`);

      const rerun = await project.dstack(['rerun', run, '--detach', '--name', 'again']);
      assert.is(rerun.exitCode, 0, rerun.stderr);
      const last = project.startRunner('one', ['--drain']);
      assert.is(await last.exited, 0, last.output());
      assert.is(await stateOf(project, 'again', 'make'), 'done');
      assert.is(await stateOf(project, 'again', 'use'), 'done');
      assert.is(linesOf(path.join(project.root, 'executed')).length, 2);
    },
  ),
);

const largeInput = `
workflows:
  - {name: make, artifacts: [large], commands: ['seq 100000 | gzip -c > large']}
  - {name: spoil, depends-on: {workflows: [make]}, commands: ['echo more >> large']}
  - {name: use, depends-on: {workflows: [make]}, commands: ['zcat large | tail -n 1']}
`;

test(
  'what jobs made on a machine is there for others without the store, also if one has written to it',
  withProject(largeInput, async (project) => {
    const first = await runAll(project, ['spoil']);
    assert.is(await stateOf(project, first.run, 'spoil'), 'done');
    const run = await project.submit(['use']);
    const once = project.startRunner('one', ['--once']);
    assert.is(await once.exited, 0, once.output());
    assert.is(await stateOf(project, run, 'make'), 'cached');
    rmSync(project.store, { recursive: true });
    // Another runner of the same user.
    const drained = project.startRunner('two', ['--drain']);
    assert.is(await drained.exited, 0, drained.output());
    assert.is(await project.log(run, 'use'), '100000');
  }),
);

test(
  'a runner that is to keep no inputs keeps none',
  withProject(largeInput, async (project) => {
    const inputs = path.join(project.env.XDG_CACHE_HOME as string, 'dstack', 'inputs');
    const { run } = await runAll(project, ['use'], { DSTACK_RUNNER_INPUT_CACHE: '0' });
    assert.is(await project.log(run, 'use'), '100000');
    assert.not.ok(existsSync(inputs));
    assert.is(await stateOf(project, (await runAll(project, ['spoil', '--no-cache'])).run, 'spoil'), 'done');
    assert.ok(existsSync(inputs));
  }),
);

test(
  'a queue entry that the run does not vouch for is never executed',
  withProject(
    (root) => `
workflows:
  - {name: good, commands: [echo good]}
  - {name: evil, commands: ['echo evil >> ${root}/executed']}
`,
    async (project) => {
      const run = await project.submit(['good']);
      // Somebody who can write the queue alone puts a job of his own beside it, and into the place of the good one.
      const queue = `refs/dstack/queue/${run}`;
      const job = JSON.parse(await project.git(['show', `${queue}/good:job.json`]));
      const message = await project.git(['log', '-1', '--format=%B', `${queue}/good`]);
      for (const name of ['good', 'extra']) {
        const spec = { ...job.spec, name, commands: [`echo evil >> ${project.root}/executed`] };
        const text = `${JSON.stringify({ ...job, spec, cacheKey: null }, null, 1)}\n`;
        const blob = await project.git(['hash-object', '-w', '--stdin'], { input: text });
        const tree = await project.git(['mktree'], { input: `100644 blob ${blob}\tjob.json\n` });
        const commit = await project.git(['commit-tree', tree, '-m', message]);
        await project.git(['update-ref', `${queue}/${name}`, commit]);
      }
      const runner = project.startRunner('one', ['--drain']);
      assert.is(await runner.exited, 0, runner.output());
      for (const name of ['good', 'extra']) {
        const record = await project.record(run, name);
        assert.is(record.state, 'failed');
        assert.match(record.reason as string, `the run commit of ${run} does not list this job.json`);
      }
      assert.not.ok(existsSync(path.join(project.root, 'executed')));
      assert.equal(await project.refs('queue'), []);
    },
  ),
);

test(
  'a job whose run is not there yet waits for it',
  withProject('workflows: [{name: good, commands: [echo good]}]\n', async (project) => {
    const run = await project.submit(['good']);
    const commit = await project.git(['rev-parse', `refs/dstack/runs/${run}`]);
    await project.git(['update-ref', '-d', `refs/dstack/runs/${run}`]);
    const runner = project.startRunner('one', ['--poll', '100ms']);
    await until('its try', () => runner.output().includes('claimed'));
    await until('its withdrawal', async () => (await project.refs('claims')).length === 0);
    assert.equal(await project.refs('jobs'), []);
    await project.git(['update-ref', `refs/dstack/runs/${run}`, commit]);
    assert.is(await stateOf(project, run, 'good'), 'done');
    runner.kill('SIGTERM');
    assert.is(await runner.exited, 0, runner.output());
  }),
);

test(
  'from elsewhere the next snapshot transfers only what changed',
  withProject('workflows: [{name: work, commands: [cat changing.txt]}]\n', async (project) => {
    const many = Object.fromEntries(
      Array.from({ length: 300 }, (_, index) => [`data/${index}.txt`, `${index}\n`]),
    );
    project.write({ ...many, 'changing.txt': 'one\n' });
    const server = await serve(project.shared);
    const env = { DSTACK_REMOTE: server.url, DSTACK_STORE: `file:${project.store}` };
    await runAll(project, ['work'], env);
    const cacheRoot = path.join(project.env.XDG_CACHE_HOME as string, 'dstack');
    const [key = ''] = readdirSync(cacheRoot).filter((name) => name !== 'code');
    const cache = path.join(cacheRoot, key, 'one', 'snapshots.git');
    const objects = async () => {
      const counts = await project.git(['count-objects', '-v'], { cwd: cache });
      const of = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(counts)?.[1]);
      return of('count') + of('in-pack');
    };
    const before = await objects();
    assert.ok(before > 300, `${before}`);
    project.write({ 'changing.txt': 'two\n' });
    const { run } = await runAll(project, ['work'], env);
    await server.stop();
    assert.is(await project.log(run, 'work'), 'two');
    // The commit, the top tree, and the file.
    assert.is(await objects(), before + 3);
  }),
);

test.run();
