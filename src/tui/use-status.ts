import { type RefObject, useCallback, useEffect, useReducer, useRef } from 'react';
import type { JobView, RunView } from '../ledger/state.ts';
import { culpritOf } from './describe.ts';
import {
  type Details,
  emptyStatus,
  type Reading,
  type StatusEvent,
  type StatusModel,
  selectTarget,
  type Target,
  updateStatus,
  wantsOlder,
} from './status-model.ts';
import type { Row } from './status-rows.ts';

/** Where a screen gets what it shows: calls the listener at once with what it has, then with all that is new. */
export interface StateSource {
  subscribe(listener: (reading: Reading) => void): () => void;
  /** Somebody is looking: what is shown should be new. */
  hurry(): void;
}

/** The same for runs of which there may be many. */
export interface StatusSource extends StateSource {
  /** Older runs are wanted, too, if there are. */
  older(): void;
}

/** What of the rows in view is read only for them. */
export interface View {
  /** Those of which jobs are in view. */
  readonly runs: readonly RunView[];
  readonly jobs: readonly JobView[];
  /** The job that is looked at more closely. */
  readonly selected: JobView | null;
}

export interface DetailSource {
  subscribe(listener: (details: Details) => void): () => void;
  /** What is in view now. */
  show(view: View): void;
}

/** The model of the screen, and the way to change it. */
export interface StatusStore {
  readonly model: RefObject<StatusModel>;
  send(event: StatusEvent): void;
}

/** How the screen begins. */
export interface Beginning {
  /** What the cursor stands on at first; null: the newest run. */
  readonly selected?: Target | null | undefined;
  /** What is said until the first key: why one is back from a log, say. */
  readonly notice?: string | null | undefined;
}

export function useStatusStore(
  source: StatusSource,
  details: DetailSource,
  { selected = null, notice = null }: Beginning,
): StatusStore {
  // Not React's state: of several keys that come at once, each must see what the one before it has changed.
  const model = useRef<StatusModel>({ ...emptyStatus(1), notice });
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const send = useCallback((event: StatusEvent) => {
    model.current = updateStatus(model.current, event);
    redraw();
  }, []);
  const awaited = useRef(selected);
  useEffect(
    () =>
      source.subscribe((reading) => {
        send({ type: 'reading', reading });
        if (awaited.current === null || reading.state === null) return;
        model.current = selectTarget(model.current, awaited.current);
        awaited.current = null;
        redraw();
      }),
    [source, send],
  );
  useEffect(() => details.subscribe((found) => send({ type: 'details', details: found })), [details, send]);
  return { model, send };
}

/** Tells the sources what is in view, so that nothing else need be read. */
export function useView(model: StatusModel, source: StatusSource, details: DetailSource): void {
  const { rows, top, height, cursor } = model;
  useEffect(() => {
    if (wantsOlder(model)) source.older();
  });
  useEffect(() => {
    details.show(viewOf(rows.slice(top, top + height), rows[cursor]));
  }, [details, rows, top, height, cursor]);
}

function viewOf(rows: readonly Row[], atCursor: Row | undefined): View {
  const jobs = rows.flatMap((row) =>
    row.kind === 'job' ? row.job : (culpritOf(row.run) ?? onlyJobOf(row.run)),
  );
  return {
    runs: [...new Set(rows.flatMap((row) => (row.kind === 'job' ? row.run : [])))],
    jobs: [...new Set(jobs)],
    selected: atCursor?.kind === 'job' ? atCursor.job : null,
  };
}

function onlyJobOf({ jobs }: RunView): readonly JobView[] {
  return jobs.length === 1 ? jobs : [];
}
