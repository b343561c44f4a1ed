import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { asBlock, asCode } from '../../src/host/markdown.ts';
import { headline, logTails, runSummary } from '../../src/host/run-report.ts';
import { finished, running } from './github.ts';

test('how a run stands, on one line', () => {
  const [job] = finished('done').jobs;
  assert.ok(job);
  assert.is(headline(running()), 'running');
  assert.is(headline(running({ jobs: [job, { ...job, state: 'running' }] })), 'running: 1 of 2 jobs ended');
  assert.is(headline(finished('done')), 'done in 3m04s');
  assert.is(headline(finished('cached', { startedAt: null })), 'cached');
  const failed = finished('failed', {
    jobs: [job, { ...job, name: 'eval', state: 'failed', reason: 'exited with 1' }],
  });
  assert.is(headline(failed), 'failed in 3m04s: eval exited with 1');
});

test('variables, jobs and the last of their metrics, as tables', () => {
  const [job] = finished('done').jobs;
  assert.ok(job);
  const summary = runSummary(
    finished('done', {
      variables: { rate: '0.1' },
      jobs: [
        { ...job, name: 'data', state: 'cached', cachedFrom: { run: 'brave-fox', job: 'data' } },
        { ...job, metrics: { loss: 0.123456789, epoch: 3 } },
      ],
    }),
  );
  assert.match(
    summary,
    '| <code>rate</code> | <code>0.1</code>'.replace('rate', 'rate').replace('0.1', '0.1'),
  );
  assert.match(summary, '| job | state | time | runner | <code>loss</code> | <code>epoch</code> |  |');
  assert.match(summary, '<code>0.123457</code> | <code>3</code>');
  assert.match(summary, 'from brave-fox/data');
});

test('text of anybody’s is text: no mention, no link, no HTML, no way out of its cell or block', () => {
  const hostile =
    '@octocat #1 [x](http://evil) <img src=x> | `a` **b** \n| c |\n![p](q) https://evil ~~~ \u202e';
  const code = asCode(hostile);
  assert.match(code, /^<code>[^<>|`@#*[\]()!~\n\u202e]*(&#\d+;[^<>|`@*[\]()!~\n\u202e]*)*<\/code>$/);
  for (const row of runSummary(
    finished('done', { variables: { [hostile]: hostile }, reason: hostile }),
  ).split('\n')) {
    if (row.startsWith('|')) assert.ok(row.split('|').length === 4 || row.split('|').length === 7, row);
    assert.not.match(row, /@octocat|<img|\[x\]/);
  }
  assert.is(asCode(' \n'), '');
});

test('a log cannot end the block that it is in', () => {
  const block = asBlock('```\n# heading\n`````\n');
  const [first, ...rest] = block.split('\n');
  assert.is(first, '``````text');
  assert.is(rest.at(-1), '``````');
  assert.is(rest.slice(0, -1).filter((line) => line.includes('``````')).length, 0);
});

test('of long logs the ends, at whole lines, in as much room as there is', () => {
  const text = Array.from({ length: 9_000 }, (_, index) => `line ${index}`).join('\n');
  const tails = logTails(
    [
      { job: 'a', text },
      { job: 'b', text: 'short\n' },
    ],
    10_000,
  );
  assert.ok(tails.length <= 10_000);
  assert.match(tails, /```text\nline \d+\n/);
  assert.match(tails, 'line 8999\n```');
  assert.match(tails, 'short\n```');
});

test.run();
