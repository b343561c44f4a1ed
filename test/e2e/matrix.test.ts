import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withProject } from './project.ts';

const workflows = `
workflows:
  - name: grid
    matrix: {seed: [1, 2], lr: [0.10]}
    commands: ['mkdir -p out', 'echo "seed \${{ matrix.seed }} lr \${{ matrix.lr }}" > out/result.txt', 'echo "{\\"loss\\": \${{ matrix.seed }}}" > out/m.jsonl']
    artifacts: [out]
    metrics: out/m.jsonl
  - name: best
    depends-on: [grid]
    commands: ['cat out/grid-1/result.txt out/grid-2/result.txt > best.txt', 'cat best.txt']
    artifacts: [best.txt]
  - name: report
    depends-on: [best]
    commands: ['cat best.txt', 'ls out']
  - name: later
    depends-on: ['grid:good']
    commands: ['cat out/*/result.txt']
`;

test(
  'a matrix runs as one job for each cell, and who depends on it gets all their artifacts',
  withProject(workflows, async (project) => {
    const first = await project.dstack(['run', 'report', '--local', '--name', 'first', '--tag', 'good']);
    assert.is(first.exitCode, 0, first.stderr);
    for (const job of ['best', 'report']) {
      const log = await project.dstack(['logs', `first/${job}`]);
      assert.match(log.stdout, /^seed 1 lr 0\.10\nseed 2 lr 0\.10\n/, log.stderr);
    }
    const measured = await project.dstack(['metrics', 'first']);
    assert.match(
      measured.stdout,
      /^JOB +MATRIX +loss\nfirst\/grid-1 +seed=1 lr=0\.10 +1\nfirst\/grid-2 +seed=2 /,
    );
    const asJson = await project.dstack(['metrics', 'first/grid-2', '--json']);
    assert.equal(JSON.parse(asJson.stdout)[0].matrix, { seed: '2', lr: '0.10' });
    // A whole run's artifacts lie beside each other as they did for its last job.
    const got = path.join(project.root, 'got');
    const download = await project.dstack(['artifacts', 'download', 'first', '-o', got]);
    assert.is(download.exitCode, 0, download.stderr);
    for (const seed of [1, 2]) {
      const file = path.join(got, `out/grid-${seed}/result.txt`);
      assert.is(readFileSync(file, 'utf8'), `seed ${seed} lr 0.10\n`);
    }
    const status = await project.dstack(['status', 'first', '--json']);
    const { jobs } = JSON.parse(status.stdout) as {
      jobs: { name: string; state: string; matrix: unknown }[];
    };
    assert.equal(
      jobs.map(({ name, state, matrix }) => [`${name} ${state}`, matrix]),
      [
        ['grid-1 done', { seed: '1', lr: '0.10' }],
        ['grid-2 done', { seed: '2', lr: '0.10' }],
        ['best done', null],
        ['report done', null],
      ],
    );
    const again = await project.dstack(['run', 'best', '--local', '--json', '--name', 'again']);
    assert.is(again.exitCode, 0, again.stderr);
    const second = JSON.parse((await project.dstack(['status', 'again', '--json'])).stdout);
    assert.equal(
      second.jobs.map(({ state }: { state: string }) => state),
      ['cached', 'cached', 'cached'],
    );
    const tagged = await project.dstack(['run', 'later', '--local']);
    assert.is(tagged.exitCode, 0, tagged.stderr);
    assert.match(tagged.stdout, 'seed 1 lr 0.10\n');
    assert.match(tagged.stdout, 'seed 2 lr 0.10\n');
  }),
);

test.run();
