import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { asciiGlyphs, unicodeGlyphs } from '../../src/tui/glyphs.ts';
import { afterOthers, jobTree, treeGuides } from '../../src/tui/job-tree.ts';

const job = (name: string, ...needs: string[]) => ({
  name,
  dependsOn: needs.map((need) => ({ run: null, job: need })),
});

const draw = (jobs: ReturnType<typeof job>[], glyphs = unicodeGlyphs) =>
  jobTree(jobs).map((line) => `${treeGuides(line, glyphs)}${line.job.name} ${afterOthers(line)}`.trimEnd());

test('each job once, below the last that it waits for; the others are named', () => {
  const jobs = [
    job('data'),
    job('train-1', 'data'),
    job('train-2', 'data'),
    job('best', 'train-1', 'train-2'),
    job('plot', 'train-1'),
  ];
  assert.equal(draw(jobs), ['data', '├ train-1', '│ └ plot', '└ train-2', '  └ best after train-1']);
  assert.equal(draw(jobs, asciiGlyphs).slice(1, 3), ['| train-1', '| ` plot']);
});

test('many dependencies are counted, those of other runs named in full', () => {
  const jobs = [...'abcde'].map((name) => job(name));
  const last = { ...job('f', ...'abcde'), dependsOn: [...job('f', ...'abcde').dependsOn] };
  assert.is(draw([...jobs, last]).at(-1), '└ f after a, b, c and 1 more');
  const other = { name: 'g', dependsOn: [{ run: 'old-cat-0000', job: 'a' }] };
  assert.is(draw([other as never]).at(-1), 'g after old-cat-0000/a');
});

test('a chain longer than the stack ends, and stays within the width', () => {
  const chain = Array.from({ length: 20_000 }, (_, index) =>
    index === 0 ? job('j0') : job(`j${index}`, `j${index - 1}`),
  );
  const lines = draw(chain);
  assert.is(lines.length, 20_000);
  assert.ok((lines.at(-1) ?? '').length < 80);
});

test.run();
