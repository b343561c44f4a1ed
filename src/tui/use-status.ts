import { type Key, useApp, useInput, useStdout } from 'ink';
import { useCallback, useEffect, useReducer, useRef, useState } from 'react';
import {
  emptyStatus,
  type Reading,
  type StatusEvent,
  type StatusModel,
  selectTarget,
  type Target,
  targetOf,
  updateStatus,
} from './status-model.ts';

/** Where the screen gets what it shows: calls the listener at once with what it has, then with all that is new. */
export interface StatusSource {
  subscribe(listener: (reading: Reading) => void): () => void;
}

export interface StatusActions {
  /** Asks for a run or a job to be stopped; resolves to a line that says what came of it. */
  stop(run: string, job: string | null): Promise<string>;
  /** The user wants to read a log (of all jobs: null) and leaves the screen. */
  logs(run: string, job: string | null): void;
}

/** The model of the screen, and the way to change it. */
export function useStatusModel(source: StatusSource, selected: Target | null) {
  // Not React's state: of several keys that come at once, each must see what the one before it has changed.
  const model = useRef<StatusModel>(emptyStatus(1));
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
  return { model, send };
}

/** Redraws every second, so that elapsed times tick; returns the time, in whole seconds, as milliseconds since 1970. */
export function useSeconds(clock: () => number): number {
  const [, tick] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    const timer = setInterval(tick, 1000);
    return () => clearInterval(timer);
  }, []);
  return Math.floor(clock() / 1000) * 1000;
}

/** The terminal's size now; the component is drawn again when it changes. */
export function useTerminalSize(): { columns: number; rows: number } {
  const { stdout } = useStdout();
  const [size, setSize] = useState(() => terminalSize(stdout));
  useEffect(() => {
    const update = () => setSize(terminalSize(stdout));
    stdout.on('resize', update);
    return () => {
      stdout.off('resize', update);
    };
  }, [stdout]);
  return size;
}

const listKeys: Readonly<Record<string, StatusEvent>> = {
  j: { type: 'move', by: 1 },
  k: { type: 'move', by: -1 },
  g: { type: 'move', by: Number.NEGATIVE_INFINITY },
  G: { type: 'move', by: Number.POSITIVE_INFINITY },
  ' ': { type: 'toggle' },
  '\r': { type: 'toggle' },
  '/': { type: 'mode', mode: 'filter' },
  '?': { type: 'mode', mode: 'help' },
  s: { type: 'ask-stop' },
};

/** Keys to events and actions. */
export function useStatusKeys(
  { model, send }: ReturnType<typeof useStatusModel>,
  actions: StatusActions,
): void {
  const { exit } = useApp();
  const left = useRef(false);

  const leave = () => {
    left.current = true;
    exit();
  };

  const stop = () => {
    const target = model.current.stopping;
    send({ type: 'mode', mode: 'list' });
    if (target === null) return;
    send({ type: 'notice', notice: `stopping ${target.run}${target.job === null ? '' : `/${target.job}`}` });
    actions.stop(target.run, target.job).then(
      (answer) => send({ type: 'notice', notice: answer }),
      (error: unknown) =>
        send({ type: 'notice', notice: error instanceof Error ? error.message : String(error) }),
    );
  };

  const logs = () => {
    const row = model.current.rows[model.current.cursor];
    if (row === undefined) return;
    const target = targetOf(row);
    actions.logs(target.run, target.job);
    leave();
  };

  const command = (character: string) => {
    const event = listKeys[character];
    if (event !== undefined) send(event);
    else if (character === 'l') logs();
    else if (character === 'q') leave();
  };

  const type = (character: string) => {
    const { mode, filter } = model.current;
    if (left.current) return;
    if (mode === 'confirm' && character.toLowerCase() === 'y') stop();
    else if (mode === 'confirm' || mode === 'help') send({ type: 'mode', mode: 'list' });
    else if (mode === 'list') command(character);
    else if (character === '\r' || character === '\n') send({ type: 'mode', mode: 'list' });
    else if (character >= ' ') send({ type: 'filter', filter: filter + character });
  };

  const goBack = () => {
    const { mode } = model.current;
    if (mode === 'filter' || mode === 'list') send({ type: 'filter', filter: '' });
    send({ type: 'mode', mode: 'list' });
  };

  useInput((input, key) => {
    const { filter, mode, height } = model.current;
    const by = movement(key, height);
    if (key.escape) goBack();
    else if (by !== 0 && (mode === 'list' || mode === 'filter')) send({ type: 'move', by });
    else if ((key.backspace || key.delete) && mode === 'filter') {
      send({ type: 'filter', filter: [...filter].slice(0, -1).join('') });
    } else if (key.return) type('\r');
    else if (!key.ctrl && !key.meta) for (const character of input) type(character);
  });
}

function movement(key: Key, height: number): number {
  if (key.upArrow) return -1;
  if (key.downArrow) return 1;
  if (key.pageUp) return -height;
  if (key.pageDown) return height;
  if (key.home) return Number.NEGATIVE_INFINITY;
  return key.end ? Number.POSITIVE_INFINITY : 0;
}

function terminalSize(stdout: NodeJS.WriteStream): { columns: number; rows: number } {
  const [columns, rows] = stdout.getWindowSize?.() ?? [stdout.columns, stdout.rows];
  // A terminal that does not tell its size says 0.
  return { columns: columns || 80, rows: rows || 24 };
}
