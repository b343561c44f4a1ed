import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runComment } from '../../src/host/github-comments.ts';
import { asBlock, asCode, cutAtLine } from '../../src/host/markdown.ts';
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
  assert.match(summary, '| `rate` | `0.1` |');
  assert.match(summary, '| job | state | time | runner | `loss` | `epoch` |  |');
  assert.match(summary, '| `0.123457` | `3` |');
  assert.match(summary, 'from brave-fox/data');
});

/** What is left of a line of Markdown without its code spans. */
function outsideOfCode(line: string): string {
  return line.replace(/(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)/g, '');
}

test("text of anybody's is text: no mention, no link, no HTML, no way out of its cell or span", () => {
  const hostile = [
    '@octocat #1 [x](http://evil) <img src=x> | `a` **b** \n| c |\n![p](q) https://evil ~~~ \u202e',
    'www.evil.example someone@evil.example mailto:someone@evil.example xmpp:a@evil.example',
    '`',
    '``` www.evil.example `',
    '|www.evil.example|',
    '\\',
    '\\| www.evil.example',
    '` | www.evil.example ``',
    `${'a'.repeat(199)}😀`,
  ];
  for (const text of hostile) {
    assert.match(outsideOfCode(asCode(text)), /^(&#124;)*$/);
    assert.not.match(asCode(text), /[|\n\u202e]/);
    const metrics = { [text]: text };
    const [job] = finished('done').jobs;
    assert.ok(job);
    const run = finished('done', {
      variables: { [text]: text },
      reason: text,
      workflow: text,
      submittedBy: text,
      jobs: [{ ...job, name: text, reason: text, runner: text, metrics }],
    });
    for (const row of runComment(run).split('\n')) {
      assert.not.match(outsideOfCode(row), /evil|octocat|[<`@]|a{9}/);
      if (row.startsWith('|')) assert.ok(row.split('|').length === 4 || row.split('|').length === 8, row);
    }
  }
  assert.is(asCode(' \n'), '');
  assert.is(asCode('a`b'), '``a`b``');
  assert.is(asCode('`b'), '`` `b ``');
});

test('what is too long ends after a row, and says so', () => {
  const rows = Array.from({ length: 9_000 }, (_, index) => `| \`job-${index}\` | done |`);
  const cut = cutAtLine(rows.join('\n'), 10_000);
  assert.ok(cut.length <= 10_000 && cut.length > 9_900);
  const [table = '', note] = cut.split('\n\n');
  assert.equal(table.split('\n'), rows.slice(0, table.split('\n').length));
  assert.match(note as string, 'cut here');
  assert.is(cutAtLine('short', 10_000), 'short');
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
