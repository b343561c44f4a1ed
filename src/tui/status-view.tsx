import { Box } from 'ink';
import { memo, useEffect, useMemo } from 'react';
import { plainText } from '../terminal-text.ts';
import { truncate } from './fit-text.ts';
import type { Glyphs } from './glyphs.ts';
import { Line, type Segment } from './screen-line.tsx';
import {
  fullDetail,
  type Layout,
  layoutFor,
  overview,
  rowLine,
  staleness,
  titleLine,
} from './status-line.ts';
import { type StatusModel, type Target, unfinishedJobs, updateStatus } from './status-model.ts';
import { type Row, rowKey } from './status-rows.ts';
import {
  type StatusActions,
  type StatusSource,
  useSeconds,
  useStatusKeys,
  useStatusModel,
  useTerminalSize,
} from './use-status.ts';

export interface StatusScreenProps {
  readonly source: StatusSource;
  readonly actions: StatusActions;
  readonly colour: boolean;
  readonly glyphs: Glyphs;
  /** What the cursor stands on at first; null: the newest run. */
  readonly selected?: Target | null;
  /** Milliseconds since 1970; a fixed one for a picture. */
  readonly clock?: () => number;
}

// Overview, titles, details, keys.
const FRAME_LINES = 4;

/** The live screen: every run and its jobs as a tree, of which only what is in view is drawn. */
export function StatusScreen({
  source,
  actions,
  colour,
  glyphs,
  selected = null,
  clock = Date.now,
}: StatusScreenProps) {
  const status = useStatusModel(source, selected);
  const { columns, rows: lines } = useTerminalSize();
  const now = useSeconds(clock);
  useStatusKeys(status, actions);

  const { reading, mode } = status.model.current;
  const stale = staleness(reading, now);
  // One line less than the terminal has: a line break after the last one would scroll it.
  const height = Math.max(1, lines - 1 - FRAME_LINES - (stale === null ? 0 : 1));
  const { send } = status;
  useEffect(() => send({ type: 'height', height }), [send, height]);
  const model = updateStatus(status.model.current, { type: 'height', height });

  const layout = useMemo(() => layoutFor(columns), [columns]);
  const head = useMemo(
    () => (reading.state === null ? '' : overview(reading.state, now, glyphs)),
    [reading.state, now, glyphs],
  );
  const line = (text: string, style?: Segment['style']) => (
    <Line segments={[{ text: truncate(text, columns, glyphs.ellipsis), style }]} colour={colour} />
  );
  return (
    <Box flexDirection="column" width={columns}>
      {line(['dstack', head, filterText(model)].filter(Boolean).join('  '), 'bold')}
      {stale === null ? null : line(stale, 'red')}
      {line(titleLine(layout, glyphs), 'dim')}
      <Box flexDirection="column" height={height}>
        {mode === 'help'
          ? helpLines(glyphs)
              .slice(0, height)
              .map((text) => <Box key={text}>{line(text)}</Box>)
          : (listView(model, { layout, now, glyphs, colour }) ?? line(emptyText(model)))}
      </Box>
      {line(bottomText(model, now, glyphs), model.mode === 'confirm' ? 'yellow' : undefined)}
      {line(keyHints(model, columns, glyphs), 'dim')}
    </Box>
  );
}

interface RowLook {
  readonly layout: Layout;
  readonly now: number;
  readonly glyphs: Glyphs;
  readonly colour: boolean;
}

function listView(model: StatusModel, look: RowLook) {
  const { rows, top, height, cursor } = model;
  if (rows.length === 0) return null;
  return rows
    .slice(top, top + height)
    .map((row, index) => <RowView key={rowKey(row)} row={row} selected={top + index === cursor} {...look} />);
}

const RowView = memo(function RowView(props: RowLook & { row: Row; selected: boolean }) {
  const { row, layout, now, selected, glyphs, colour } = props;
  return <Line segments={rowLine(row, layout, now, selected, glyphs)} colour={colour} />;
});

function filterText({ filter, mode, rows }: StatusModel): string {
  if (mode === 'filter') return `/${plainText(filter)}_`;
  return filter === '' ? '' : `/${plainText(filter)} (${rows.filter((row) => row.kind === 'run').length})`;
}

function emptyText({ reading, filter }: StatusModel): string {
  if (reading.state === null) return reading.error === null ? 'Reading the repository' : '';
  if (filter !== '') return 'Nothing matches the filter. Esc clears it.';
  return 'No runs yet. Start one: dstack run WORKFLOW';
}

function bottomText(model: StatusModel, now: number, glyphs: Glyphs): string {
  const row = model.rows[model.cursor];
  if (model.mode === 'confirm' && model.stopping !== null && row !== undefined) {
    const { run, job } = model.stopping;
    const count = unfinishedJobs(row).length;
    const jobs = job === null ? ` (${count} unfinished ${count === 1 ? 'job' : 'jobs'})` : '';
    return `Stop ${plainText(job === null ? run : `${run}/${job}`)}${jobs}? y/n`;
  }
  if (model.notice !== null) return plainText(model.notice);
  return row === undefined ? '' : fullDetail(row, now, glyphs);
}

/** As many hints as fit, the most needed first. */
function keyHints(model: StatusModel, columns: number, glyphs: Glyphs): string {
  if (model.mode === 'filter') return 'type to filter  enter keep  esc clear';
  if (model.mode === 'confirm') return 'y stop  n keep running';
  if (model.mode === 'help') return 'any key: back';
  const hints = ['q quit', '? help', 'l logs', 's stop', 'enter fold', '/ filter', `${glyphs.upDown} move`];
  let text = '';
  for (const hint of hints) {
    const longer = text === '' ? hint : `${text}  ${hint}`;
    if (longer.length > columns) break;
    text = longer;
  }
  return text;
}

function helpLines(glyphs: Glyphs): string[] {
  const { state } = glyphs;
  return [
    `${glyphs.upDown}, j k     move`,
    'page up/down   move by a screen; g G to either end',
    'enter, space   fold or unfold a run',
    'l              read the log of the run or job',
    's              stop the run or job',
    '/              show only what matches; esc shows all',
    'q, ctrl+c      leave',
    '',
    ...Object.entries(state).map(([name, symbol]) => `${symbol} ${name}`),
  ];
}
