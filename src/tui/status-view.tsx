import { Box } from 'ink';
import { memo, useEffect, useMemo } from 'react';
import wrapAnsi from 'wrap-ansi';
import { plainText } from '../terminal-text.ts';
import { cellWidth } from './cell-width.ts';
import { truncate } from './fit-text.ts';
import type { Glyphs } from './glyphs.ts';
import { Line, type Segment } from './screen-line.tsx';
import { pageRoom, ScreenPage } from './screen-page.tsx';
import { overview, staleness } from './status-detail.ts';
import { factLines, textLines } from './status-facts.ts';
import { type StatusActions, useStatusKeys } from './status-keys.ts';
import { type Layout, layoutFor, rowLine, titleLine } from './status-line.ts';
import { type Details, nameOf, rowAtCursor, rowOf, type StatusModel, updateStatus } from './status-model.ts';
import { type Row, rowKey } from './status-rows.ts';
import { bottomText, emptyText, filterText, freshness, helpText, keyHints } from './status-words.ts';
import {
  type Beginning,
  type DetailSource,
  type StatusSource,
  useStatusStore,
  useView,
} from './use-status.ts';
import { useSeconds, useTerminalSize } from './use-terminal.ts';

export interface StatusScreenProps extends Beginning {
  readonly source: StatusSource;
  readonly details: DetailSource;
  readonly actions: StatusActions;
  readonly colour: boolean;
  readonly glyphs: Glyphs;
  /** Milliseconds since 1970; a fixed one for a picture. */
  readonly clock?: () => number;
}

/** Overview, titles, keys. */
const FRAME_LINES = 3;

/** So narrow a terminal has no column for details: what there is of them at the bottom gets more lines. */
const NARROW = 60;
const NARROW_LINES = 3;
const LOW = 12;

/** A terminal so high has room for what is known of the row under the cursor, in so many lines and one above them. */
const HIGH = 36;
const PANE_LINES = 10;

/** The live screen: every run and its jobs as a tree, of which only what is in view is read and drawn. */
export function StatusScreen(props: StatusScreenProps) {
  const { source, details, actions, colour, glyphs, clock = Date.now } = props;
  const store = useStatusStore(source, details, props);
  const { columns, rows: lines } = useTerminalSize();
  const now = useSeconds(clock);
  // One line less than the terminal has: a line break after the last one would scroll it.
  const whole = lines - 1;
  useStatusKeys(store, { source, actions, columns, room: pageRoom(whole) });

  const { send, model: held } = store;
  const stale = staleness(held.current.reading, now);
  const pane = lines >= HIGH ? PANE_LINES + 1 : 0;
  const bottomLines = columns < NARROW && lines > LOW ? NARROW_LINES : 1;
  const height = Math.max(1, whole - FRAME_LINES - bottomLines - pane - (stale === null ? 0 : 1));
  useEffect(() => send({ type: 'height', height }), [send, height]);
  const model = updateStatus(held.current, { type: 'height', height });
  useView(model, source, details);

  const shown = model.page?.kind === 'text' ? (model.page.text ?? 'Reading both runs') : null;
  // A difference may be long.
  const text = useMemo(() => (shown === null ? [] : textLines(shown, columns)), [shown, columns]);
  const page = pageOf(model, text, now, columns, glyphs);
  const pageEnd = page === null ? 0 : Math.max(0, page.lines.length - pageRoom(whole));
  useEffect(() => send({ type: 'page-end', end: pageEnd }), [send, pageEnd]);

  const layout = useMemo(() => layoutFor(columns), [columns]);
  const { state } = model.reading;
  const head = useMemo(() => (state === null ? '' : overview(state, now, glyphs)), [state, now, glyphs]);
  const bottom = bottomText(model, pane === 0, now, glyphs);
  if (page !== null) {
    const { title } = page;
    const frame = { columns, height: whole, colour, glyphs, hints: keyHints(model, columns, glyphs) };
    const heading = stale === null ? title : `${title}  (${stale})`;
    return <ScreenPage {...frame} title={heading} lines={page.lines} top={model.pageTop} notice={bottom} />;
  }
  const line = (text: string, style?: Segment['style']) => (
    <Line segments={[{ text: truncate(text, columns, glyphs.ellipsis), style }]} colour={colour} />
  );
  const age = freshness(model, now);
  const hints = keyHints(model, columns - age.length - 2, glyphs);
  const row = rowAtCursor(model);
  return (
    <Box flexDirection="column" width={columns}>
      {line(['dstack', head, filterText(model)].filter(Boolean).join('  '), 'bold')}
      {stale === null ? null : line(stale, 'red')}
      {line(titleLine(layout, glyphs), 'dim')}
      <Box flexDirection="column" height={height}>
        {model.rows.length === 0
          ? line(emptyText(model))
          : inView(model).map(({ row: one, index }) => (
              <RowView
                key={rowKey(one)}
                row={one}
                details={model.details}
                selected={index === model.cursor}
                marked={one.kind === 'run' && model.marks.includes(one.run.name)}
                layout={layout}
                now={now}
                glyphs={glyphs}
                colour={colour}
              />
            ))}
      </Box>
      {pane === 0 ? null : (
        <Box flexDirection="column" height={pane}>
          {line(row ? `${plainText(rowKey(row))} ` : '', 'bold')}
          {(row ? factLines(row, model.details, now, columns, glyphs) : [])
            .slice(0, PANE_LINES)
            .map((segments, index) => (
              // Lines keep their places: it is what stands in them that changes.
              // biome-ignore lint/suspicious/noArrayIndexKey: see above
              <Line key={index} segments={segments} colour={colour} />
            ))}
        </Box>
      )}
      <Box flexDirection="column" height={bottomLines}>
        {inLines(bottom, columns, bottomLines, glyphs).map((text, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: lines keep their places
          <Box key={index}>{line(text, model.question === null ? undefined : 'yellow')}</Box>
        ))}
      </Box>
      {line(`${hints}${' '.repeat(Math.max(2, columns - cellWidth(hints) - age.length))}${age}`, 'dim')}
    </Box>
  );
}

interface RowViewProps {
  readonly row: Row;
  readonly details: Details;
  readonly selected: boolean;
  readonly marked: boolean;
  readonly layout: Layout;
  readonly now: number;
  readonly glyphs: Glyphs;
  readonly colour: boolean;
}

const RowView = memo(function RowView({ row, details, colour, ...look }: RowViewProps) {
  return <Line segments={rowLine(row, details, look)} colour={colour} />;
});

/** A text in so many lines; cut where there is no more room for it. */
function inLines(text: string, columns: number, count: number, glyphs: Glyphs): string[] {
  const wrapped = wrapAnsi(text, columns, { hard: true }).split('\n');
  const last = truncate(wrapped.slice(count - 1).join(' '), columns, glyphs.ellipsis);
  return [...wrapped.slice(0, count - 1), last];
}

function inView({ rows, top, height }: StatusModel): { row: Row; index: number }[] {
  return rows.slice(top, top + height).map((row, offset) => ({ row, index: top + offset }));
}

/** What covers the list, if anything does. */
function pageOf(
  model: StatusModel,
  text: readonly Segment[][],
  now: number,
  columns: number,
  glyphs: Glyphs,
): { title: string; lines: readonly Segment[][] } | null {
  const { page, details } = model;
  if (page === null) return null;
  if (page.kind === 'help')
    return { title: 'Keys and symbols', lines: textLines(helpText(glyphs, columns), columns) };
  if (page.kind === 'text') return { title: plainText(page.title), lines: text };
  const row = rowOf(model, page.target);
  const lines = row ? factLines(row, details, now, columns, glyphs) : textLines('It has gone.', columns);
  return { title: plainText(nameOf(page.target)), lines };
}
