import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bell, endNotice } from '../../src/tui/end-notice.ts';
import { NOW, sampleJob, sampleRun, sampleState } from './sample-state.ts';

const test = suite('end-notice');

function sample(index: number) {
  const run = sampleState.runs[index];
  if (run === undefined) throw new Error('no such sample');
  return run;
}

test('a run, or one of its jobs, in a line', () => {
  assert.match(
    endNotice(sample(1), null, NOW),
    /^calm-fox-1a2b failed after 3m20s: train: exit code 1 in command 2/,
  );
  assert.is(endNotice(sample(1), 'preprocess', NOW), 'calm-fox-1a2b/preprocess done after 12s');
  assert.is(endNotice(sample(1), 'report', NOW), 'calm-fox-1a2b/report skipped: train failed');
});

test('the bell and a notification; hostile text can end neither it nor begin another', () => {
  assert.is(bell('over', { TERM: 'xterm-256color' }), '\x07\x1b]9;over\x1b\\');
  const evil = 'a\x07\x1b]52;c;eA==\x1b\\\x9c';
  const run = sampleRun('r', [sampleJob({ name: 'j', state: 'failed', reason: evil })]);
  const sequence = bell(endNotice(run, null, NOW), { TERM: 'xterm' });
  assert.match(sequence, /^\x07\x1b\]9;[\x20-\x7e]*\x1b\\$/);
  assert.match(bell('x'.repeat(5000), {}), /^.{1,220}$/);
});

test('where nobody understands it, the bell alone; tmux is asked to pass it on', () => {
  assert.is(bell('over', { TERM: 'linux' }), '\x07');
  assert.is(bell('over', { TERM: 'dumb' }), '\x07');
  assert.is(
    bell('over', { TERM: 'tmux-256color', TMUX: '/tmp/x' }),
    '\x07\x1bPtmux;\x1b\x1b]9;over\x1b\x1b\\\x1b\\',
  );
});

test.run();
