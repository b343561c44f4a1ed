import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { formatDuration } from '../../human-units.ts';
import { isFinal } from '../../ledger/state.ts';
import { describeVariables, personName } from '../../tui/describe.ts';
import { formatAge } from '../../tui/duration.ts';
import type { RunSummary } from '../answer-types.ts';
import { useKeys } from './keys.ts';
import { goTo, linkTo, parseRoute, replaceRoute } from './route.ts';
import { filterRuns, type RunFilter } from './run-filter.ts';
import { Scrolled } from './scrolled.tsx';
import { useSource } from './use-answer.ts';
import type { Standing } from './use-feed.ts';
import { useWindow } from './use-window.ts';
import { plural, State, useNow, Waiting } from './words.tsx';

const rowHeight = 34;
const headHeight = 34;

export interface Marks {
  readonly marked: readonly string[];
  toggle(run: string): void;
  clear(): void;
}

export function RunsPage({ standing, marks }: { standing: Standing; marks: Marks }) {
  const [, redraw] = useState(0);
  const setFilter = (change: Partial<RunFilter>) => {
    const { text, ...rest } = { ...filterInForce(), ...change };
    replaceRoute([], { q: text, ...rest });
    redraw((count) => count + 1);
  };
  if (standing.runs === null) return <Waiting what="Reading the repository" />;
  const filter = filterInForce();
  const shown = filterRuns(standing.runs, filter);
  return (
    <main>
      <h1 class="hidden">Runs</h1>
      <Filters standing={standing} filter={filter} setFilter={setFilter} shown={shown.length} />
      <MarkBar marks={marks} standing={standing} />
      {shown.length === 0 ? (
        <p class="quiet">
          {standing.runs.length === 0
            ? 'No runs yet. Start one: dstack run WORKFLOW'
            : 'No run fits the filter.'}
        </p>
      ) : (
        <RunTable runs={shown} marks={marks} />
      )}
      <Archived standing={standing} />
    </main>
  );
}

/** As the address has it, so that it can be handed on. */
function filterInForce(): RunFilter {
  const { query } = parseRoute(window.location.hash);
  return {
    ...{ text: query.get('q') ?? '', workflow: query.get('workflow') ?? '' },
    ...{ state: query.get('state') ?? '', tag: query.get('tag') ?? '' },
  };
}

function Filters(props: {
  standing: Standing;
  filter: RunFilter;
  setFilter: (change: Partial<RunFilter>) => void;
  shown: number;
}) {
  const { standing, filter, setFilter, shown } = props;
  const input = useRef<HTMLInputElement>(null);
  const runs = standing.runs ?? [];
  useKeys([
    { keys: ['/'], does: 'filter', run: () => input.current?.select() },
    {
      keys: ['Escape'],
      does: 'show all again',
      run: () => setFilter({ text: '', workflow: '', state: '', tag: '' }),
    },
  ]);
  const choice = (name: 'workflow' | 'state' | 'tag', values: readonly string[]) =>
    values.length === 0 ? null : (
      <label>
        {name}{' '}
        <select value={filter[name]} onChange={(event) => setFilter({ [name]: event.currentTarget.value })}>
          <option value="">any</option>
          {[...new Set([...values, ...(filter[name] ? [filter[name]] : [])])].sort().map((value) => (
            <option key={value} value={value}>
              {value}
            </option>
          ))}
        </select>
      </label>
    );
  return (
    <search class="filters">
      <label class="grow">
        <span class="hidden">Filter the runs</span>
        <input
          ref={input}
          type="search"
          placeholder="Filter: name, variable, tag …"
          value={filter.text}
          onInput={(event) => setFilter({ text: event.currentTarget.value })}
          onKeyDown={(event) => {
            if (event.key === 'Escape' || event.key === 'Enter') event.currentTarget.blur();
            if (event.key === 'Escape') setFilter({ text: '' });
          }}
        />
      </label>
      {choice('workflow', [...new Set(runs.map(({ workflow }) => workflow))])}
      {choice('state', [...new Set(runs.map(({ state }) => state))])}
      {choice('tag', [...new Set(runs.flatMap(({ tags }) => tags))])}
      <span class="quiet" role="status">
        {shown === runs.length
          ? plural(shown, 'run')
          : `${shown.toLocaleString('en')} of ${plural(runs.length, 'run')}`}
      </span>
    </search>
  );
}

function MarkBar({ marks, standing }: { marks: Marks; standing: Standing }) {
  const { marked, clear } = marks;
  const compare = () => marked.length > 0 && goTo(['compare', marked.join(',')]);
  const diff = () => marked.length === 2 && goTo(['diff', ...olderFirst(marked, standing)]);
  useKeys([
    { keys: ['c'], does: 'compare the marked runs', run: compare },
    { keys: ['d'], does: 'what differs between the two marked runs', run: diff },
  ]);
  if (marked.length === 0) return null;
  return (
    <section class="marks" aria-label="Marked runs">
      <span>{marked.join(', ')}</span>
      <button type="button" onClick={compare}>
        Compare
      </button>
      {marked.length === 2 ? (
        <button type="button" onClick={diff}>
          Differences
        </button>
      ) : null}
      <button type="button" class="plain" onClick={clear}>
        Clear
      </button>
    </section>
  );
}

export function olderFirst(runs: readonly string[], { byName }: Standing): string[] {
  const time = (run: string) => byName.get(run)?.submittedAt ?? '';
  return [...runs].sort((a, b) => (time(a) < time(b) ? -1 : 1));
}

function RunTable({ runs, marks }: { runs: readonly RunSummary[]; marks: Marks }) {
  const now = useNow(true);
  const [cursor, setCursor] = useState<number | null>(null);
  const awaited = useRef<number | null>(null);
  const view = useWindow(runs.length, rowHeight, headHeight);
  const at = cursor === null ? null : Math.min(cursor, runs.length - 1);
  const moveTo = (row: number) => {
    const next = Math.max(0, Math.min(row, runs.length - 1));
    view.show(next);
    awaited.current = next;
    setCursor(next);
  };
  useKeys([
    { keys: ['j', 'ArrowDown'], does: 'next run', run: () => moveTo(at === null ? 0 : at + 1) },
    { keys: ['k', 'ArrowUp'], does: 'run before', run: () => moveTo(at === null ? 0 : at - 1) },
    { keys: ['g', 'Home'], does: 'first run', run: () => moveTo(0) },
    { keys: ['G', 'End'], does: 'last run', run: () => moveTo(runs.length - 1) },
    {
      keys: ['x'],
      does: 'mark the run',
      run: () => at !== null && marks.toggle((runs[at] as RunSummary).name),
    },
  ]);
  // The cursor is the focus: what reads the page aloud follows it, and Enter opens the run. One that is far off is drawn
  // only once the list has been scrolled there.
  useLayoutEffect(() => {
    const link = view.frame.current?.querySelector<HTMLElement>(`[data-row="${awaited.current}"] a`);
    if (!link) return;
    awaited.current = null;
    link.focus({ preventScroll: true });
  });
  const spare = (count: number) =>
    count > 0 ? (
      <tr>
        <td class="spare" colSpan={9} style={{ height: `${count * rowHeight}px` }} />
      </tr>
    ) : null;
  return (
    <Scrolled label="Runs" class="frame list" frame={view.frame} onScroll={view.onScroll}>
      <table aria-rowcount={runs.length + 1}>
        <thead>
          <tr>
            <th class="mark">
              <span class="hidden">Marked</span>
            </th>
            <th>Run</th>
            <th>Workflow</th>
            <th>State</th>
            <th class="number">Time</th>
            <th class="number wide">Age</th>
            <th class="number wide">Jobs</th>
            <th class="wide">By</th>
            <th class="details">Variables and notes</th>
          </tr>
        </thead>
        <tbody>
          {spare(view.first)}
          {runs.slice(view.first, view.end).map((run, index) => (
            <RunRow
              key={run.name}
              run={run}
              row={view.first + index}
              now={now}
              isMarked={marks.marked.includes(run.name)}
              toggle={() => marks.toggle(run.name)}
              onFocus={() => setCursor(view.first + index)}
            />
          ))}
          {spare(runs.length - view.end)}
        </tbody>
      </table>
    </Scrolled>
  );
}

function RunRow(props: {
  run: RunSummary;
  row: number;
  now: number;
  isMarked: boolean;
  toggle: () => void;
  onFocus: () => void;
}) {
  const { run, row, now, isMarked, toggle, onFocus } = props;
  const end = run.finishedAt ?? (isFinal(run.state) ? null : now);
  const time =
    run.startedAt === null || end === null ? null : new Date(end).getTime() - Date.parse(run.startedAt);
  return (
    <tr data-row={row} aria-rowindex={row + 2} class={isMarked ? 'marked' : ''} onFocusIn={onFocus}>
      <td class="mark">
        <input type="checkbox" checked={isMarked} onChange={toggle} aria-label={`Mark ${run.name}`} />
      </td>
      <td>
        <a href={linkTo(['run', run.name])}>{run.name}</a>
      </td>
      <td>{run.workflow}</td>
      <td>
        <State state={run.state} />
      </td>
      <td class="number">{time === null ? '' : formatDuration(time)}</td>
      <td class="number wide" title={run.submittedAt}>
        {formatAge(run.submittedAt, now)}
      </td>
      <td class="number wide">
        {run.jobs.ended}/{run.jobs.all}
      </td>
      <td class="wide">{personName(run.submittedBy)}</td>
      <td class="details">
        {run.tags.map((tag) => (
          <span class="tag" key={tag}>
            {tag}
          </span>
        ))}
        <span class="code">{describeVariables(run.variables)}</span> <span class="quiet">{run.reason}</span>
      </td>
    </tr>
  );
}

function Archived({ standing }: { standing: Standing }) {
  const source = useSource();
  const [asked, setAsked] = useState(false);
  if (standing.archived === 0) return null;
  if (!source.isLive) return null;
  const ask = () => {
    setAsked(true);
    source.get(['all']).catch(() => setAsked(false));
  };
  return (
    <p>
      <button type="button" onClick={ask} disabled={asked}>
        {asked ? 'Reading' : 'Show'} {plural(standing.archived, 'older run')}
        {asked ? '…' : ''}
      </button>
    </p>
  );
}
