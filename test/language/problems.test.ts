import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createReport, describeProblem, throwProblems } from '../../src/language/problems.ts';
import type { Span } from '../../src/language/source.ts';
import { failureOf } from './language-fixture.ts';

function spanOf(text: string, part: string): Span {
  const start = text.indexOf(part);
  return { source: { path: 'a.yaml', text }, start, end: start + part.length };
}

test('a problem shows file, line, column, the source line and carets', () => {
  const span = spanOf('one:\r\n  two: three\r\nfour: 4\r\n', 'three');
  assert.is(
    describeProblem({ span, message: 'no' }),
    'a.yaml:2:8: no\n  2 |   two: three\n    |        ^^^^^',
  );
});

test('columns count characters, and tabs keep the caret in its place', () => {
  const span = spanOf('\t🦦é: x', 'x');
  const [head, source, caret] = describeProblem({ span, message: 'no' }).split('\n');
  assert.is(head, 'a.yaml:1:6: no');
  assert.is(source?.indexOf('x'), caret?.indexOf('^'));
});

test('a span over several lines is marked on its first one', () => {
  const span = spanOf('a: [1,\n2]\n', '[1,\n2]');
  assert.is(describeProblem({ span, message: 'no' }), 'a.yaml:1:4: no\n  1 | a: [1,\n    |    ^^^');
});

test('the end of a file without a last line break is a place too', () => {
  const text = 'a: [';
  const span = { source: { path: 'a.yaml', text }, start: 4, end: 4 };
  assert.is(describeProblem({ span, message: 'no' }), 'a.yaml:1:5: no\n  1 | a: [\n    |     ^');
});

test('of a very long line only the surroundings are shown', () => {
  const span = spanOf(`${'a'.repeat(5000)}!${'b'.repeat(5000)}`, '!');
  const [head, source, caret] = describeProblem({ span, message: 'no' }).split('\n');
  assert.is(head, 'a.yaml:1:5001: no');
  assert.ok(source!.length < 120);
  assert.is(source?.indexOf('!'), caret?.indexOf('^'));
});

test('terminal control sequences in a file reach no terminal', () => {
  const text = '\u001b[2Jx: 1\u009b';
  const span = { source: { path: 'a\u001b.yaml', text }, start: 0, end: 5 };
  const shown = describeProblem({ span, message: 'no \u001b[31m' });
  assert.not.match(shown, /[\u001b\u009b]/);
});

test('an unknown word is answered with the nearest one, or with all', () => {
  const span = spanOf('comands: x', 'comands');
  const known = ['commands', 'name'];
  assert.match(
    describeProblem({ span, message: 'no', unknown: { word: 'comands', known } }),
    'no; did you mean `commands`?',
  );
  assert.match(
    describeProblem({ span, message: 'no', unknown: { word: 'zzz', known } }),
    'no; expected one of commands, name',
  );
});

test('problems are thrown together, in the order of their places, each once, and not too many', () => {
  const text = 'line\n'.repeat(150);
  const at = (start: number) => ({
    span: { source: { path: 'a.yaml', text }, start, end: start + 4 },
    message: 'no',
  });
  const { report, problems } = createReport();
  for (const start of [5, 0, 5]) report(at(start));
  const two = failureOf(() => throwProblems(problems()));
  assert.equal(two.message.match(/a\.yaml:\d+/g), ['a.yaml:1', 'a.yaml:2']);
  assert.is(two.code, 'invalid-workflows');
  assert.is(two.exitCode, 1);
  assert.match(two.hint!, 'a.yaml');
  const many = failureOf(() => throwProblems(Array.from({ length: 150 }, (_, i) => at(i * 5))));
  assert.is(many.message.match(/a\.yaml:/g)?.length, 100);
  assert.match(many.message, /and 50 more$/);
  assert.not.throws(() => throwProblems([]));
});

test.run();
