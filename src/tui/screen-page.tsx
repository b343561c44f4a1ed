import { Box } from 'ink';
import { truncate } from './fit-text.ts';
import type { Glyphs } from './glyphs.ts';
import { Line, type Segment } from './screen-line.tsx';

export interface ScreenPageProps {
  readonly title: string;
  /** Each fits into the columns. */
  readonly lines: readonly (readonly Segment[])[];
  /** The first line that is shown; less if there are not so many. */
  readonly top: number;
  readonly columns: number;
  /** Lines of the whole page. */
  readonly height: number;
  readonly colour: boolean;
  readonly glyphs: Glyphs;
  /** What stands below: an answer, or a question; and which keys there are. */
  readonly notice: string;
  readonly hints: string;
}

/** Title, notice, hints. */
const FRAME_LINES = 3;

/** How many lines of its text a page of so many lines shows. */
export function pageRoom(height: number): number {
  return Math.max(1, height - FRAME_LINES);
}

/** A text that is read page by page. */
export function ScreenPage(props: ScreenPageProps) {
  const { title, lines, top, columns, height, colour, glyphs, notice, hints } = props;
  const room = pageRoom(height);
  const from = Math.max(0, Math.min(top, lines.length - room));
  const line = (text: string, style?: Segment['style']) => (
    <Line segments={[{ text: truncate(text, columns, glyphs.ellipsis), style }]} colour={colour} />
  );
  const place =
    lines.length > room ? `  ${from + 1}-${Math.min(lines.length, from + room)} of ${lines.length}` : '';
  return (
    <Box flexDirection="column" width={columns}>
      {line(`${title}${place}`, 'bold')}
      <Box flexDirection="column" height={room}>
        {lines.slice(from, from + room).map((segments, index) => (
          // Lines keep their places: it is what stands in them that changes.
          // biome-ignore lint/suspicious/noArrayIndexKey: see above
          <Line key={from + index} segments={segments} colour={colour} />
        ))}
      </Box>
      {line(notice, 'yellow')}
      {line(hints, 'dim')}
    </Box>
  );
}

/** How far a key of less moves in a page that shows so many lines; null: it is no such key. */
export function pageMovement(input: string, room: number): number | null {
  const by: Readonly<Record<string, number>> = {
    j: 1,
    k: -1,
    ' ': room,
    f: room,
    b: -room,
    g: Number.NEGATIVE_INFINITY,
    G: Number.POSITIVE_INFINITY,
  };
  return by[input] ?? null;
}
