import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { plainLine, styledTexts } from '../../../src/web/page/log-text.ts';

test('a line without colours is one piece, markup or not', () => {
  assert.equal(styledTexts('<b>&amp;'), [{ text: '<b>&amp;', classes: '', style: {} }]);
});

test('colours of the theme are classes, others are colours', () => {
  const parts = styledTexts(
    '\x1b[1;31mred\x1b[0m \x1b[38;5;208mcube\x1b[38;5;244mgrey\x1b[38;2;1;2;3mown\x1b[0m\x1b[44mback',
  );
  assert.equal(
    parts.map(({ text, classes, style }) => [text, classes, style]),
    [
      ['red', 'ansi-red ansi-bold', {}],
      [' ', '', {}],
      ['cube', '', { color: 'rgb(255, 135, 0)' }],
      ['grey', '', { color: 'rgb(128, 128, 128)' }],
      ['own', '', { color: 'rgb(1, 2, 3)' }],
      ['back', 'ansi-blue-back', {}],
    ],
  );
});

test('markup among colours stays text', () => {
  assert.equal(
    styledTexts('\x1b[31m<img src=x onerror=alert(1)>').map(({ text }) => text),
    ['<img src=x onerror=alert(1)>'],
  );
});

test('what is searched has no colours', () => {
  assert.is(plainLine('\x1b[1;31mErr\x1b[0mor'), 'Error');
});

test.run();
