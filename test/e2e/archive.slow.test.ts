import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createProject, type TestProject, until } from './project.ts';

const workflows = `workflows:
  - name: make
    provider: bash
    commands: ['echo made >out.txt', 'echo a line', 'echo ''{"loss": 0.5}'' >m.jsonl']
    artifacts: [out.txt]
    metrics: m.jsonl
    resources: {cpu: 0.1}
  - name: use
    provider: bash
    commands: [cat out.txt]
    depends-on: ['make:kept']
    resources: {cpu: 0.1}
  - name: wide
    provider: bash
    matrix: {cell: [${Array.from({ length: 135 }, (_, cell) => cell)}]}
    commands: ['true']
    resources: {cpu: 0.1}
`;

/** A project whose first run has been archived, since a wide one came after it. */
async function projectWithArchive(): Promise<TestProject> {
  const project = await createProject(workflows);
  const executable = fileURLToPath(new URL('../../dist/dstack.js', import.meta.url));
  await project.git(['config', 'dstack.command', executable]);
  await project.submit(['make', '--detach', '--name', 'first']);
  await project.startRunner('gpu-1', ['--executor', 'process', '--drain']).exited;
  await project.submit(['wide', '--detach', '--name', 'wide']);
  await project.startRunner('gpu-1', ['--executor', 'process', '--drain', '--concurrency', '4']).exited;
  await until('it is archived', async () => (await liveRefs(project)).length === 0);
  return project;
}

/** Refs of runs, jobs and the cache, and their notes. */
async function liveRefs(project: TestProject): Promise<string[]> {
  const refs = (await project.git(['for-each-ref', '--format=%(refname)'])).split('\n');
  return refs.filter((ref) =>
    /^refs\/dstack\/(runs|jobs|cache|queue|claims)\/|^refs\/notes\/dstack\/[^_]/.test(ref),
  );
}

test('every command finds an archived run as before, here and elsewhere', async () => {
  const project = await projectWithArchive();
  try {
    for (const [place, remote] of Object.entries({
      here: project.shared,
      there: `file://${project.shared}`,
    })) {
      const env = { DSTACK_REMOTE: remote, DSTACK_STORE: `file:${project.store}` };
      const says = async (...args: string[]) => {
        const { exitCode, stdout, stderr } = await project.dstack(args, { env });
        assert.is(exitCode, 0, `dstack ${args.join(' ')} at ${remote}: ${stderr}`);
        return stdout;
      };
      assert.match(await says('status'), /first +make +done/);
      assert.match(await says('status', 'fir'), /make +done/);
      assert.is(JSON.parse(await says('status', '-a', '--json')).runs.length, 2);
      assert.match(await says('logs', 'first'), /a line/);
      assert.match(await says('metrics', 'first'), /0\.5/);
      assert.match(await says('artifacts', 'list', 'first'), /out\.txt/);
      assert.match(await says('why', 'first'), /first/);
      assert.is(await says('__complete', '--', 'logs', 'fir'), 'first\trun\n');
      assert.is(await says('__complete', '--', 'logs', 'first/'), 'first/make\tjob\n');
      const folder = path.join(project.root, place);
      await says('artifacts', 'download', 'first', '-o', folder);
      assert.is(readFileSync(path.join(folder, 'out.txt'), 'utf8'), 'made\n');
      await says('checkout', 'first', '-o', `${folder}-code`);
      assert.ok(existsSync(path.join(`${folder}-code`, '.dstack/workflows.yaml')));
      const taken = await project.dstack(['run', 'make', '--detach', '--name', 'first'], { env });
      assert.is(taken.exitCode, 1);
      assert.match(taken.stderr, /first/);
      assert.match((await project.dstack(['logs', 'fist'], { env })).stderr, /there is no run/);
    }
    await project.dstack(['tag', 'first', 'kept']);
    const used = await project.submit(['use', '--detach']);
    const again = (await project.dstack(['rerun', 'first', '--detach'])).stdout.trim();
    await project.startRunner('gpu-1', ['--executor', 'process', '--drain']).exited;
    assert.match(await project.log(used, 'use'), /made/);
    const record = await project.record(again, 'make');
    assert.is(record.state, 'cached');
    assert.equal(record.cachedFrom, { run: 'first', job: 'make' });
  } finally {
    await project.remove();
  }
});

test('plain Git shows archived runs in a clone, with code and logs', async () => {
  const project = await projectWithArchive();
  try {
    const own = (...args: string[]) => project.git(args, { cwd: project.folder });
    assert.match((await project.dstack(['sync'])).stderr, /^2 runs/);
    assert.match(await own('log', '--format=%s', 'refs/dstack/runs'), /^wide .*\nfirst +make +done/);
    const grep = ['--grep=^Dstack-Run: first$', '--format=%(trailers:key=Dstack-Commit,valueonly)'];
    const commit = (await own('log', ...grep, 'refs/dstack/runs')).trim();
    assert.match(await own('show', `${commit}:.dstack/workflows.yaml`), /name: make/);
    assert.match(await own('log', '-1', '--notes=dstack/*', commit), /a line/);
    assert.match(await project.git(['log', '-1', '--notes=dstack/*', commit]), /a line/);
  } finally {
    await project.remove();
  }
});

test.run();
