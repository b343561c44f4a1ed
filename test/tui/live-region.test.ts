import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createLiveRegion } from '../../src/tui/live-region.ts';

const test = suite('live-region');

/** As much of a terminal as these sequences need: rows of text, a cursor, wrapping. */
function terminal(columns: number) {
  const state = { columns, rows: [''], row: 0, column: 0 };
  const put = (character: string) => {
    if (state.column >= state.columns) {
      state.row += 1;
      state.column = 0;
    }
    const before = (state.rows[state.row] ?? '').padEnd(state.column);
    state.rows[state.row] = before.slice(0, state.column) + character + before.slice(state.column + 1);
    state.column += 1;
  };
  return {
    get columns() {
      return state.columns;
    },
    write(text: string) {
      for (const [piece, up, erase] of text.matchAll(/\x1b\[(\d+)A|(\x1b\[J)|[^\x1b]/g)) {
        if (up !== undefined) state.row = Math.max(0, state.row - Number(up));
        else if (erase !== undefined) {
          state.rows.length = state.row + 1;
          state.rows[state.row] = (state.rows[state.row] ?? '').slice(0, state.column);
        } else if (piece === '\r') state.column = 0;
        else if (piece === '\n') {
          state.row += 1;
          state.column = 0;
          state.rows[state.row] ??= '';
        } else put(piece);
      }
    },
    /** As terminals do that wrap anew what they show. */
    narrow(width: number) {
      const wrapped = state.rows.flatMap((row) => row.match(new RegExp(`.{1,${width}}`, 'g')) ?? ['']);
      Object.assign(state, { columns: width, rows: wrapped, row: wrapped.length - 1 });
      state.column = wrapped.at(-1)?.length ?? 0;
    },
    rows: () => state.rows,
  };
}

test('lines stay below what is printed, and are replaced in their place', () => {
  const screen = terminal(20);
  const region = createLiveRegion(screen);
  region.show(['one', 'two']);
  assert.equal(screen.rows(), ['one', 'two']);
  region.above(() => screen.write('log 1\nlog 2\n'));
  assert.equal(screen.rows(), ['log 1', 'log 2', 'one', 'two']);
  region.show(['1', '2', '3']);
  assert.equal(screen.rows(), ['log 1', 'log 2', '1', '2', '3']);
  region.show(['x']);
  assert.equal(screen.rows(), ['log 1', 'log 2', 'x']);
  region.hide();
  assert.equal(screen.rows(), ['log 1', 'log 2', '']);
});

test('what a narrower window has wrapped is removed whole', () => {
  const screen = terminal(20);
  const region = createLiveRegion(screen);
  screen.write('log\n');
  region.show(['a'.repeat(18), 'b'.repeat(12)]);
  screen.narrow(10);
  assert.is(screen.rows().length, 5);
  region.show(['short']);
  assert.equal(screen.rows(), ['log', 'short']);
});

test.run();
