import stringWidth from 'string-width';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { asciiGlyphs, unicodeGlyphs } from '../../src/tui/glyphs.ts';
import { runnerLines, runnersOverview } from '../../src/tui/runner-lines.ts';
import { runnerTable } from '../../src/tui/runner-table.ts';
import { ago, NOW, sampleJob, sampleRun, sampleRunner } from './sample-state.ts';

const GB = 1024 ** 3;
const gpu = { name: 'NVIDIA A100-SXM4-80GB', memory: 80 * GB };
const busy = sampleRunner('gpu-1', {
  concurrency: 4,
  labels: { site: 'basement' },
  jobs: ['brave-otter-7k2m/train', 'calm-fox-1a2b/eval'],
  machine: { cpu: 16, memory: 128 * GB, gpus: [gpu, gpu] },
  used: { cpu: 6, memory: 48 * GB, gpus: 1 },
  doing: [
    { job: 'brave-otter-7k2m/train', state: 'running', since: ago(724), cpu: 4, memory: 48 * GB, gpus: 1 },
    { job: 'calm-fox-1a2b/eval', state: 'pulling', since: ago(3), cpu: 2, memory: 0, gpus: 0 },
  ],
});
const idle = sampleRunner('laptop', {
  executor: 'process',
  waiting: 'work: the queue is empty',
  waitingSince: ago(125),
});
const silent = sampleRunner('attic', { seenAt: ago(600), heartbeat: 20 });

const textOf = (columns: number, glyphs = unicodeGlyphs) =>
  runnerLines([busy, idle, silent], NOW, columns, glyphs).map((line) =>
    line.map(({ text }) => text).join(''),
  );

test('each runner shows what it has, what of it is taken, by what, and what it waits for since when', () => {
  assert.equal(
    textOf(100).map((line) => line.trimEnd()),
    [
      'gpu-1  alive  gpu-1.lab · docker · seen 5s ago · 0.1.0 · site=basement',
      '  2 of 4 jobs · 6 of 16 CPUs · 48GB of 128GB · 1 of 2 GPUs (NVIDIA A100-SXM4-80GB)',
      '  ● brave-otter-7k2m/train                    12m04s  4 CPUs · 48GB · 1 GPU',
      '  ↓ calm-fox-1a2b/eval                            3s  pulling · 2 CPUs',
      '',
      'laptop  alive  laptop.lab · process · seen 5s ago · 0.1.0',
      '  0 of 2 jobs · 0 of 8 CPUs · 0B of 64GB',
      '  waits for work: the queue is empty (for 2m05s)',
      '',
      'attic  late  attic.lab · docker · seen 10m ago · 0.1.0',
      '  0 of 2 jobs · 0 of 8 CPUs · 0B of 64GB',
      '  waits for word from it: silent for 10m00s',
    ],
  );
});

test('in a narrow window facts go on in the next line, and names are cut last', () => {
  assert.equal(
    textOf(40)
      .slice(0, 8)
      .map((line) => line.trimEnd()),
    [
      'gpu-1  alive',
      '  gpu-1.lab · docker · seen 5s ago',
      '  0.1.0 · site=basement',
      '  2 of 4 jobs · 6 of 16 CPUs',
      '  48GB of 128GB',
      '  1 of 2 GPUs (NVIDIA A100-SXM4-80GB)',
      '  ● brave-otter-7k2m/train        12m04s',
      '  ↓ calm-fox-1a2b/eval                3s',
    ],
  );
});

test('no line is wider than the window, whatever foreign text is in it', () => {
  const odd = sampleRunner('日本語'.repeat(20), {
    host: '宿主'.repeat(40),
    labels: { '\x1b[31mred': 'x'.repeat(200) },
    waiting: '\x1b]0;title\x07'.repeat(20),
    doing: [{ job: '仕事'.repeat(60), state: 'running', since: 'never', cpu: 0.5, memory: 1, gpus: 3 }],
  });
  for (const glyphs of [unicodeGlyphs, asciiGlyphs]) {
    for (const columns of [20, 24, 40, 59, 60, 80, 100, 200]) {
      for (const line of runnerLines([odd, busy], NOW, columns, glyphs)) {
        const text = line.map((segment) => segment.text).join('');
        assert.ok(stringWidth(text) <= columns, `${columns}: ${text}`);
        assert.not.match(text, /\x1b|\x07/);
      }
    }
  }
});

test('the first line counts', () => {
  const jobs = [
    sampleJob({ name: 'a', state: 'running', runner: 'gpu-1' }),
    sampleJob({ name: 'b', state: 'submitted' }),
    sampleJob({ name: 'c', state: 'done', runner: 'gpu-1' }),
  ];
  const state = { runs: [sampleRun('brave-otter-7k2m', jobs)], runners: [busy, idle, silent], archived: 0 };
  assert.is(runnersOverview(state, NOW, unicodeGlyphs), '2 runners · 1 silent · 1 job at work · 1 waiting');
});

test('the table says the same', () => {
  const [titles, first, second, third] = runnerTable([busy, idle, silent], NOW).split('\n');
  assert.match(titles ?? '', /JOBS +CPUS +MEMORY +GPUS +SEEN/);
  assert.match(first ?? '', / 2\/4 +6\/16 +48GB\/128GB +1\/2 /);
  assert.match(first ?? '', /brave-otter-7k2m\/train 12m04s, calm-fox-1a2b\/eval 3s/);
  assert.match(second ?? '', / 0\/2 +0\/8 +0B\/64GB .*work: the queue is empty \(for 2m05s\)$/);
  assert.match(third ?? '', / late .*word from it: silent for 10m00s$/);
});

test.run();
