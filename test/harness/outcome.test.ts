import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Ending, judge } from './outcome.ts';
import { summaryOf } from './report.ts';

function ending(output: string, change: Partial<Ending> = {}): Ending {
  return { output, exitCode: 0, signal: null, timedOut: false, seconds: 1, ...change };
}

const summary = (total: number, passed: number, skipped: number) =>
  `\n  Total:     ${total}\n\x1b[32m  Passed:    ${passed}\x1b[39m\n  Skipped:   ${skipped}\n  Duration:  0.29ms\n\n`;

test('a summary that says all passed', () => {
  const outcome = judge('a', ending(summary(3, 3, 0)));
  assert.equal([outcome.passed, outcome.failed, outcome.problems], [3, 0, []]);
});

test('fewer passed than there are is a failure, even with exit code 0 (a before hook that throws)', () => {
  assert.is(judge('a', ending(summary(3, 1, 0))).failed, 2);
});

test('an end without a summary is a failure, even with exit code 0 (a promise that never settles)', () => {
  assert.match(judge('a', ending('• • •')).problems.join(), 'without a summary');
});

test('no tests at all is a failure', () => {
  assert.equal(judge('a', ending(summary(0, 0, 0))).problems, ['has no tests']);
});

test('a time-out, a signal, an exit code of the process after its tests passed', () => {
  assert.match(judge('a', ending('', { timedOut: true, signal: 'SIGKILL' })).problems.join(), 'in time');
  assert.match(judge('a', ending('', { exitCode: null, signal: 'SIGSEGV' })).problems.join(), 'SIGSEGV');
  assert.equal(judge('a', ending(summary(1, 1, 0), { exitCode: 1 })).problems, ['exit code 1']);
});

test('skips are told with their reasons, and one without is told too', () => {
  const { skips } = judge('a', ending(`SKIP docker: no daemon\n${summary(0, 0, 2)}`));
  assert.equal(skips, ['docker: no daemon', 'a test, without a reason']);
});

test('a skip is a failure only where nothing may be skipped', () => {
  const outcomes = [judge('a', ending(`SKIP docker: no daemon\n${summary(2, 2, 0)}`))];
  const lenient = summaryOf(outcomes, { strict: false });
  assert.equal([lenient.ok, lenient.lines.at(-1)], [true, '2 passed, 0 failed, 1 skipped']);
  const strict = summaryOf(outcomes, { strict: true });
  assert.equal([strict.ok, strict.lines.at(-1)], [false, '2 passed, 1 failed']);
});

test('what failed is told once more at the end, where a long output has been cut', () => {
  const output = `• ✘ (1 / 2)\n\n   FAIL  "adds up"\n    Expected values to be equal\n\n    ++1\n    --2\n    ····\n${summary(2, 1, 0)}`;
  const failed = { ...judge('a', ending(output)), problems: ['left /tmp/x behind'] };
  const { lines } = summaryOf([judge('b', ending(summary(1, 1, 0))), failed], { strict: true });
  assert.equal(lines, [
    'FAILED a',
    '   FAIL  "adds up"',
    '    Expected values to be equal',
    '    ++1',
    '    --2',
    '    left /tmp/x behind',
    '2 passed, 2 failed',
  ]);
});

test('nothing run is not a success', () => {
  assert.is(summaryOf([], { strict: false }).ok, false);
});

test.run();
