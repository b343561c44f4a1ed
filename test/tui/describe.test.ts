import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { describeVariables, personName } from '../../src/tui/describe.ts';

test('a person goes by the name, without the address', () => {
  assert.is(personName('Ann <ann@example.org>'), 'Ann');
  assert.is(personName('Ann'), 'Ann');
  assert.is(personName('<ann@example.org>'), '<ann@example.org>', 'better that than nothing');
});

test('variables are shown as they could be written', () => {
  assert.is(describeVariables({ rows: '1000', note: 'a b' }), 'rows=1000 note="a b"');
});

test.run();
