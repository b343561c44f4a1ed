import { useStdout } from 'ink';
import { useEffect, useReducer, useState } from 'react';

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

function terminalSize(stdout: NodeJS.WriteStream): { columns: number; rows: number } {
  const [columns, rows] = stdout.getWindowSize?.() ?? [stdout.columns, stdout.rows];
  // A terminal that does not tell its size says 0.
  return { columns: columns || 80, rows: rows || 24 };
}
