import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { terminalSvg } from '../../docs/pictures/terminal-svg.ts';

const test = suite('a terminal as an SVG');

/** What it draws of the lines: boxes and texts. */
function drawn(...lines: string[]): string[] {
  const text = terminalSvg(lines, 20, 'a title');
  return [...text.matchAll(/<rect x.*\/>|<tspan.*?<\/tspan>/g)].map((match) => match[0]);
}

test('gives every column its place, and styles their colours', () => {
  assert.equal(drawn('ab  \x1b[1;31mred\x1b[0m c'), [
    '<tspan x="16" textLength="16.8">ab</tspan>',
    '<tspan x="49.6" textLength="25.2" fill="#ef6b73" font-weight="bold">red</tspan>',
    '<tspan x="83.2" textLength="8.4">c</tspan>',
  ]);
});

test('lets a style go on in the next line', () => {
  assert.equal(drawn('\x1b[2ma', 'b\x1b[22mc'), [
    '<tspan x="16" textLength="8.4" fill-opacity="0.65">a</tspan>',
    '<tspan x="16" textLength="8.4" fill-opacity="0.65">b</tspan>',
    '<tspan x="24.4" textLength="8.4">c</tspan>',
  ]);
});

test('draws boxes behind inverse text and backdrops', () => {
  assert.equal(drawn('\x1b[7ma \x1b[27m\x1b[42m \x1b[49m'), [
    '<rect x="16" y="16" width="16.8" height="19" fill="#d6d9de"/>',
    '<rect x="32.8" y="16" width="8.4" height="19" fill="#8fce72"/>',
    '<tspan x="16" textLength="8.4" fill="#16181d">a</tspan>',
  ]);
});

test('is an image of its own with a title, and no markup comes from the text', () => {
  const text = terminalSvg(['<script>&"'], 20, 'a <title>');
  assert.match(text, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" width="200" height="51"/);
  assert.match(text, '<title>a &#60;title&#62;</title>');
  assert.match(text, '>&#60;script&#62;&#38;&#34;</tspan>');
});

test('refuses a style that it would show wrongly', () => {
  assert.throws(() => drawn('\x1b[38;5;200mx'), /38;5;200/);
});

test.run();
