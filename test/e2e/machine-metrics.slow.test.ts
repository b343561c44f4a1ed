import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withProject } from './project.ts';

const workflows = `workflows:
  - name: train
    commands: ['end=$(($(date +%s) + 4)); while [ $(date +%s) -lt $end ]; do :; done']
  - name: quick
    commands: [echo hello]
`;

test(
  'what a job has used of its machine stands in its record, and is shown',
  withProject(workflows, async (project) => {
    project.startRunner('cpu-1', ['--executor', 'process']);
    const run = await project.submit(['train']);
    const { usage } = (await project.record(run, 'train')) as unknown as {
      usage: { seconds: number; cpu: { mean: number; peak: number }; memory: { peak: number } };
    };
    assert.ok(usage.cpu.mean > 0 && usage.cpu.peak >= usage.cpu.mean && usage.cpu.peak < 100);
    assert.ok(usage.memory.peak > 10_000);

    const shown = await project.dstack(['metrics', '--machine', run, '--json']);
    const [job, ...others] = JSON.parse(shown.stdout);
    assert.equal(others, []);
    assert.equal(job.usage, usage);
    assert.is(job.series.span, 1);
    assert.ok(job.series.points.cpu.length >= 1);
    assert.is(job.series.points.cpu.length, job.series.points.memory.length);
    const table = await project.dstack(['metrics', '--machine', run]);
    assert.match(table.stdout, /^JOB +TIME +CPUS +PEAK +MEMORY/);
    assert.match((await project.dstack(['status', run])).stdout, /USED.*\n.* memory, [\d.]+ CPUs/);
    const status = JSON.parse((await project.dstack(['status', run, '--json'])).stdout);
    assert.equal(status.jobs[0].usage, usage);

    const quick = await project.submit(['quick']);
    assert.not.ok('usage' in (await project.record(quick, 'quick')));
    const nothing = await project.dstack(['metrics', '--machine', quick]);
    assert.is(nothing.stdout, '');
    assert.match(nothing.stderr, /no use of the machine is recorded/);

    // From the cache it has used nothing.
    const again = await project.submit(['train']);
    const record = await project.record(again, 'train');
    assert.is(record.state, 'cached');
    assert.not.ok('usage' in record);
  }),
);

test.run();
