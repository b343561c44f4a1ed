import { render } from 'ink-testing-library';
import { createElement } from 'react';
import type { LedgerState } from '../../src/ledger/state.ts';
import { type Glyphs, unicodeGlyphs } from '../../src/tui/glyphs.ts';
import type { Details, Reading, Target, View } from '../../src/tui/status-screen.tsx';
import { StatusScreen } from '../../src/tui/status-view.tsx';
import { NOW, sampleDetails } from './sample-state.ts';

export const KEYS = {
  up: '\x1b[A',
  down: '\x1b[B',
  right: '\x1b[C',
  left: '\x1b[D',
  pageDown: '\x1b[6~',
  enter: '\r',
  escape: '\x1b',
  backspace: '\x7f',
};

const turn = () => new Promise((resolve) => setImmediate(resolve));

export async function settled(): Promise<void> {
  for (let count = 0; count < 10; count++) await turn();
}

/** Gives what ink-testing-library has drawn on the size of a terminal. */
export async function resize(
  app: ReturnType<typeof render>,
  { columns, rows }: { columns: number; rows: number },
): Promise<void> {
  Object.defineProperties(app.stdout, {
    columns: { value: columns, configurable: true },
    rows: { value: rows, configurable: true },
  });
  app.stdout.emit('resize');
  await settled();
}

export interface Look {
  readonly columns: number;
  readonly rows: number;
  readonly glyphs?: Glyphs;
  readonly colour?: boolean;
}

export const normal: Look = { columns: 80, rows: 24 };

/** The status screen on a terminal that is none, with what has been asked of its source and its actions. */
export async function showStatus(first: Reading | LedgerState, look: Look = normal) {
  let tell: (reading: Reading) => void = () => {};
  let subscribed = 0;
  let older = 0;
  let view: View | null = null;
  const calls: unknown[] = [];
  let refusal: Error | null = null;
  const answer = async (call: unknown[], words: string) => {
    calls.push(call);
    if (refusal !== null) throw refusal;
    return words;
  };
  const reading = 'runs' in first ? { state: first, error: null, readAt: NOW } : first;
  const app = render(
    createElement(StatusScreen, {
      source: {
        subscribe(listener) {
          subscribed += 1;
          tell = listener;
          listener(reading);
          return () => {
            subscribed -= 1;
          };
        },
        older: () => {
          older += 1;
        },
        hurry: () => {},
      },
      details: {
        subscribe(listener: (details: Details) => void) {
          listener(sampleDetails);
          return () => {};
        },
        show: (next) => {
          view = next;
        },
      },
      actions: {
        stop: ({ run, job }: Target, abort) => answer([abort ? 'abort' : 'stop', run, job], 'it stops'),
        rerun: (run) => answer(['rerun', run], 'submitted as new-bee-1111'),
        tag: (run, tag) => answer(['tag', run, tag], `${tag} keeps ${run}`),
        diff: (before, after) =>
          answer(
            ['diff', before, after],
            `Code of ${before}\n${'\x1b[32m+ line\x1b[39m\n'.repeat(100)}the end\n`,
          ),
        logs: (run, job) => calls.push(['logs', run, job]),
      },
      colour: look.colour ?? false,
      glyphs: look.glyphs ?? unicodeGlyphs,
      clock: () => NOW,
    }),
  );
  await resize(app, look);
  const lines = () => (app.lastFrame() ?? '').split('\n');
  return {
    calls,
    lines,
    text: () => lines().join('\n'),
    pointed: () =>
      lines()
        .filter((line) => /^[❯>]/.test(line))
        .join('\n'),
    /** The line above the keys. */
    bottom: () => lines().at(-2),
    keys: () => lines().at(-1),
    async press(...keys: string[]) {
      for (const key of keys) {
        app.stdin.write(key);
        await settled();
      }
    },
    async tell(next: Reading) {
      tell(next);
      await settled();
    },
    refuse(reason: Error) {
      refusal = reason;
    },
    subscribed: () => subscribed,
    /** How often older runs were asked for. */
    older: () => older,
    view: () => view as View | null,
    close: () => app.unmount(),
  };
}
