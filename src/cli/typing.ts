import { type SpawnSyncOptions, spawnSync } from 'node:child_process';
import { isatty } from 'node:tty';
import { isInForeground } from '../executor/process-table.ts';

/** What is typed on the terminal while lines on it are drawn again and again. */
export interface Typing {
  /** Isn't shown from now on, as far as this process has the terminal for itself; signals come as ever. */
  hide(): void;
  /** Is shown again, as it was before. */
  show(): void;
}

/** Those that end the process without its having a say, and without Node giving the terminal back. */
const deadly = ['SIGHUP', 'SIGQUIT'] as const;

/**
 * Not by raw mode, in which what is typed would be this process's: so it stays with the terminal, for the shell that
 * reads it next. At the end of the process Node itself gives the terminal back as it found it.
 */
export function openTyping(): Typing {
  /** The terminal's settings to go back to; null: they are in force. */
  let before: string | null = null;
  const show = () => {
    for (const signal of deadly) process.off(signal, end);
    if (before !== null && isInForeground()) set(before);
    before = null;
  };
  const end = (signal: NodeJS.Signals) => {
    show();
    process.kill(process.pid, signal);
  };
  return {
    hide() {
      // Who isn't, would be stopped for changing what the shell has set.
      if (before !== null || !isatty(0) || !isInForeground()) return;
      before = set('-g');
      if (before === null || set('-echo') === null) return;
      for (const signal of deadly) process.on(signal, end);
    },
    show,
  };
}

/** Stopped by a Ctrl+Z of this very moment, it would be waited for in vain: the terminal's signals must not reach it. */
const apart = {
  detached: true,
  encoding: 'utf8',
  stdio: ['inherit', 'pipe', 'ignore'],
} satisfies SpawnSyncOptions & { detached: boolean };

/** Calls `stty`. @returns what it prints; null: it couldn't */
function set(settings: string): string | null {
  const { status, stdout } = spawnSync('stty', [settings], apart);
  return status === 0 ? stdout.trim() : null;
}
