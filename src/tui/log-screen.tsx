import { Box, type Key, Text, useApp, useInput } from 'ink';
import { useEffect, useReducer } from 'react';
import { renderFullScreen, type Terminal } from './full-screen.tsx';
import type { LogPager } from './log-pager.ts';
import { useTerminalSize } from './use-terminal.ts';

export interface LogScreenProps {
  readonly pager: LogPager;
  /** Calls the listener when there is something new to see; returns how to end that. */
  readonly subscribe: (listener: () => void) => () => void;
  readonly colour: boolean;
}

/** So often in a second a log that grows quickly is drawn. */
const framesPerSecond = 20;

/** A log that can be moved about in, searched, and followed. */
export function LogScreen({ pager, subscribe, colour }: LogScreenProps) {
  const { columns, rows } = useTerminalSize();
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const { exit } = useApp();
  useEffect(() => {
    let due: NodeJS.Timeout | null = null;
    const end = subscribe(() => {
      due ??= setTimeout(() => {
        due = null;
        redraw();
      }, 1_000 / framesPerSecond);
    });
    return () => {
      end();
      if (due) clearTimeout(due);
    };
  }, [subscribe]);
  useInput((input, key) => {
    // Keys that come at once come as one text.
    for (const name of namesOf(input, key)) {
      if (pager.press(name) === 'leave') return exit();
    }
    redraw();
  });
  // One line less than the terminal has: a line break after the last one would scroll it.
  const frame = pager.frame(columns, Math.max(2, rows - 1));
  return (
    <Box flexDirection="column" width={columns} height={Math.max(2, rows - 1)}>
      <Box flexDirection="column" flexGrow={1}>
        {frame.rows.map((row, index) => (
          // Lines keep their places: it is what stands in them that changes.
          // biome-ignore lint/suspicious/noArrayIndexKey: see above
          <Box key={index} height={1} flexShrink={0}>
            <Text wrap="truncate-end">{row === '' ? ' ' : row}</Text>
          </Box>
        ))}
      </Box>
      <Box height={1} flexShrink={0}>
        <Text wrap="truncate-end" inverse={colour}>
          {frame.foot}
        </Text>
      </Box>
    </Box>
  );
}

const named = [
  'upArrow',
  'downArrow',
  'leftArrow',
  'rightArrow',
  'pageUp',
  'pageDown',
  'home',
  'end',
  'return',
  'escape',
  'backspace',
  'delete',
] as const;

/** The keys that were pressed: `j`, `up`, `pagedown`, `enter`, `ctrl-c`. */
function namesOf(input: string, key: Key): string[] {
  const pressed = named.find((name) => (key as unknown as Record<string, boolean>)[name]);
  if (pressed === 'return') return ['enter'];
  if (pressed === 'delete') return ['backspace'];
  if (pressed) return [pressed.replace('Arrow', '').toLowerCase()];
  if (key.ctrl) return [`ctrl-${input}`];
  // What was typed before the terminal was in raw mode comes with line feeds.
  return Array.from(input, (character) => (/[\r\n]/.test(character) ? 'enter' : character));
}

/** Shows a log on the alternate screen until the user leaves. */
export async function renderLog(options: Terminal & LogScreenProps): Promise<void> {
  const { pager, subscribe, colour } = options;
  await renderFullScreen(<LogScreen pager={pager} subscribe={subscribe} colour={colour} />, options);
}
