import { Box, Text } from 'ink';
import type { Colour, Style } from './colours.ts';

/** A piece of a line in one style. */
export interface Segment {
  readonly text: string;
  readonly style?: Style | undefined;
}

/** One line of a screen, which is as wide as its text has been made. */
export function Line({ segments, colour }: { segments: readonly Segment[]; colour: boolean }) {
  return (
    <Box height={1} flexShrink={0}>
      <Text wrap="truncate-end">
        {segments.map(({ text, style }, index) => (
          // The segments of a line are its columns: they keep their places.
          // biome-ignore lint/suspicious/noArrayIndexKey: see above
          <Text key={index} {...textProps(style, colour)}>
            {text}
          </Text>
        ))}
      </Text>
    </Box>
  );
}

function textProps(style: Segment['style'], colour: boolean) {
  if (style === undefined || !colour) return {};
  if (style === 'bold') return { bold: true };
  if (style === 'dim') return { dimColor: true };
  return { color: style satisfies Colour };
}
