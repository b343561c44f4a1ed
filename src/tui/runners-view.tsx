import { Box, useApp, useInput } from 'ink';
import { useEffect, useState } from 'react';
import { truncate } from './fit-text.ts';
import type { Glyphs } from './glyphs.ts';
import { runnerLines, runnersOverview } from './runner-lines.ts';
import { Line, type Segment } from './screen-line.tsx';
import { staleness } from './status-detail.ts';
import type { Reading } from './status-model.ts';
import type { StateSource } from './use-status.ts';
import { useSeconds, useTerminalSize } from './use-terminal.ts';

export interface RunnersScreenProps {
  readonly source: StateSource;
  readonly colour: boolean;
  readonly glyphs: Glyphs;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
}

// Overview, an empty line, keys.
const FRAME_LINES = 3;

/** The live list of runners: what each has, what of it is taken, by which jobs, and what it waits for. */
export function RunnersScreen({ source, colour, glyphs, clock = Date.now }: RunnersScreenProps) {
  const [reading, setReading] = useState<Reading>({ state: null, error: null, readAt: 0 });
  const [top, setTop] = useState(0);
  useEffect(() => source.subscribe(setReading), [source]);
  const { columns, rows } = useTerminalSize();
  const now = useSeconds(clock);
  const { exit } = useApp();

  const stale = staleness(reading, now);
  // One line less than the terminal has: a line break after the last one would scroll it.
  const height = Math.max(1, rows - 1 - FRAME_LINES - (stale === null ? 0 : 1));
  const lines = runnerLines(reading.state?.runners ?? [], now, columns, glyphs);
  const lowest = Math.max(0, lines.length - height);
  const from = Math.min(top, lowest);

  useInput((input, key) => {
    source.hurry();
    const by = key.upArrow || input === 'k' ? -1 : key.downArrow || input === 'j' ? 1 : 0;
    const page = key.pageUp ? -height : key.pageDown || input === ' ' ? height : 0;
    if (input === 'q' || key.escape) exit();
    else if (input === 'g' || key.home) setTop(0);
    else if (input === 'G' || key.end) setTop(lowest);
    else if (by + page !== 0) setTop(Math.max(0, Math.min(lowest, from + by + page)));
  });

  const line = (text: string, style?: Segment['style']) => (
    <Line segments={[{ text: truncate(text, columns, glyphs.ellipsis), style }]} colour={colour} />
  );
  const head = reading.state === null ? '' : runnersOverview(reading.state, now, glyphs);
  const more =
    lowest > 0
      ? `  ${glyphs.upDown} ${from + 1}-${Math.min(lines.length, from + height)} of ${lines.length}`
      : '';
  return (
    <Box flexDirection="column" width={columns}>
      {line(['dstack runners', head].filter(Boolean).join('  '), 'bold')}
      {stale === null ? null : line(stale, 'red')}
      {line('')}
      <Box flexDirection="column" height={height}>
        {lines.length === 0
          ? line(emptyText(reading))
          : lines.slice(from, from + height).map((segments, index) => (
              // Lines keep their places: it is what stands in them that changes.
              // biome-ignore lint/suspicious/noArrayIndexKey: see above
              <Line key={from + index} segments={segments} colour={colour} />
            ))}
      </Box>
      {line(`q quit${more}`, 'dim')}
    </Box>
  );
}

function emptyText({ state, error }: Reading): string {
  if (state === null) return error === null ? 'Reading the repository' : '';
  return 'No runners. Start one on this machine: dstack runner start';
}
