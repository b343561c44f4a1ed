import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { linesOf, type TestProject, until, withProject } from './project.ts';

const quick = ['--poll', '200ms', '--executor', 'process'];

interface Measured {
  readonly run: string;
  readonly job: string;
  readonly matrix: object | null;
  readonly last: object;
  readonly points: readonly object[];
}

async function metricsOf(project: TestProject, ...runs: string[]): Promise<Measured[]> {
  const { stdout, stderr, exitCode } = await project.dstack(['metrics', ...runs, '--json']);
  assert.is(exitCode, 0, stderr);
  return JSON.parse(stdout) as Measured[];
}

/** Goes on from its checkpoint; waits for a file after step 2. */
const training = (root: string) => `
workflows:
  - name: train
    metrics: out/$run_name.jsonl
    artifacts: [out]
    retry: {limit: 1, on: [exit]}
    commands:
      - mkdir -p out
      - echo "$JOB_ID" >> ${root}/begun
      - |
        [ $DSTACK_ATTEMPT = 2 ] || echo '{"step": 1, "loss": 2}' >> out/$run_name.jsonl
        echo '{"step": 2, "loss": NaN}' >> out/$run_name.jsonl
      - until [ -e ${root}/go ]; do sleep 0.1; done
      - '[ $DSTACK_ATTEMPT = 2 ] || exit 1'
      - printf '{"step":3,"loss":0.123456789,"val":{"acc":0.5}}' >> out/$run_name.jsonl
      - echo 'no json' >> out/$run_name.jsonl.txt
  - name: silent
    metrics: nowhere.jsonl
    commands: [echo done]
`;

test(
  'what a job measures is seen while it runs, outlives its attempts, and comes with a result from the cache',
  withProject(training, async (project) => {
    const runner = project.startRunner('one', quick);
    const run = await project.submit(['train']);
    await until('the job', () => linesOf(path.join(project.root, 'begun')).length === 1);
    const seen = await until('measurements', async () => {
      const found = await metricsOf(project, run);
      return found[0]?.points.length === 2 ? found : undefined;
    });
    assert.equal(seen, [
      {
        run,
        job: 'train',
        matrix: null,
        last: { step: 2, loss: 'NaN' },
        points: [
          { step: 1, loss: 2 },
          { step: 2, loss: 'NaN' },
        ],
      },
    ]);
    writeFileSync(path.join(project.root, 'go'), '');
    const record = await project.record(run, 'train');
    const last = { step: 3, loss: 0.123456789, 'val.acc': 0.5 };
    assert.equal([record.state, record.attempt, record.metrics], ['done', 2, last]);
    // Both attempts tell of step 2.
    const points = [{ step: 1, loss: 2 }, { step: 2, loss: 'NaN' }, last];
    assert.equal(await metricsOf(project, run), [{ run, job: 'train', matrix: null, last, points }]);

    const again = await project.submit(['train', '--no-cache']);
    assert.equal((await project.record(again, 'train')).state, 'done');
    const third = await project.submit(['train']);
    assert.equal((await project.record(third, 'train')).state, 'cached');
    assert.equal(await metricsOf(project, third), [{ run: third, job: 'train', matrix: null, last, points }]);
    const table = await project.dstack(['metrics', run, `${third}/train`]);
    assert.equal(
      table.stdout.split('\n').map((line) => line.trim().split(/\s+/)),
      [
        ['JOB', 'step', 'loss', 'val.acc'],
        [`${run}/train`, '3', '0.12346', '0.5'],
        [`${third}/train`, '3', '0.12346', '0.5'],
        [''],
      ],
    );

    const silent = await project.submit(['silent']);
    const { state, metrics } = await project.record(silent, 'silent');
    assert.equal([state, metrics], ['done', null]);
    assert.is(
      await project.log(silent, 'silent'),
      'done\ndstack: nowhere.jsonl is no file here, so there are no metrics',
    );
    const none = await project.dstack(['metrics', silent]);
    assert.equal([none.exitCode, none.stdout], [0, '']);
    assert.match(none.stderr, /nothing was measured/);
    runner.kill('SIGTERM');
    await runner.exited;
  }),
);

test.run();
