import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { chooseOld, type Kept } from '../../src/store/cache-room.ts';

const test = suite('cache-room');

/** Files of those sizes, the first one used first. */
function files(...sizes: number[]): Kept[] {
  return sizes.map((size, index) => ({ path: `${index}`, size, used: new Date(1000 * index) }));
}

const rows: [string, Kept[], allowed: number, incoming: number, gone: string[]][] = [
  ['nothing, where there is room', files(10, 20, 30), 100, 40, []],
  ['what was used first, and a tenth more', files(10, 20, 30, 40), 100, 5, ['0', '1']],
  ['in the order of use, not of the list', files(50, 50).reverse(), 100, 1, ['0']],
  ['everything, if it takes that', files(10, 20), 100, 100, ['0', '1']],
  ['nothing for what has no room even so', files(50, 50), 100, 101, []],
  ['what is too much, also when nothing comes', files(50, 40, 30), 100, 0, ['0']],
  ['everything on a full disk', files(1, 2), 0, 0, ['0', '1']],
  ['everything on a disk that lacks more than that', files(1, 2), -5, 0, ['0', '1']],
];
for (const [what, kept, allowed, incoming, gone] of rows) {
  test(`removes ${what}`, () => {
    assert.equal(
      chooseOld(kept, allowed, incoming)
        .map(({ path }) => path)
        .sort(),
      gone,
    );
  });
}

test.run();
