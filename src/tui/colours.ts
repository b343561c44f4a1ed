import { styleText } from 'node:util';
import type { JobState } from '../ledger/state.ts';

export type Colour = 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan' | 'gray';
export type Style = Colour | 'bold' | 'dim';

const stateColours: Readonly<Record<JobState, Colour>> = {
  submitted: 'gray',
  claimed: 'blue',
  pulling: 'blue',
  running: 'cyan',
  uploading: 'blue',
  done: 'green',
  failed: 'red',
  stopped: 'yellow',
  aborted: 'yellow',
  skipped: 'yellow',
  cached: 'green',
};

/** The colour that says the same as the state's name. */
export function stateColour(state: JobState): Colour {
  return stateColours[state];
}

/** `text` in a style, if `colour` asks for it. The caller has decided already: no look at the stream or NO_COLOR. */
export function paint(style: Style | undefined, text: string, colour: boolean): string {
  return colour && style !== undefined ? styleText(style, text, { validateStream: false }) : text;
}
