import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A shell in a real terminal of its own, without anybody's settings. */
export interface Tmux {
  /** Types text as it is, or presses a key by its tmux name if it is one (`Enter`, `Down`, `Escape`). */
  send(...keys: string[]): void;
  resize(columns: number, rows: number): void;
  /** The lines on the screen, without trailing spaces. */
  screen(): string[];
  /** All of the screen with the sequences that colour it. */
  colours(): string;
  /** A tmux format, such as `#{cursor_flag}`. */
  ask(format: string): string;
  /** Waits until the screen is as wanted; throws with the screen if it never is. */
  until(what: string, wanted: (lines: string[]) => boolean): Promise<string[]>;
  /** Copies what is written to the terminal from now on, byte for byte, into a file, whose path has nothing for a shell. */
  record(file: string): void;
  /** Clears the screen of a shell, and waits for that. */
  clear(): Promise<void>;
  close(): void;
}

const PATIENCE = 60_000;

export function startTmux(columns: number, rows: number, env: Record<string, string>): Tmux {
  const folder = mkdtempSync(join(tmpdir(), 'dstack-tmux-'));
  const tmux = (...args: string[]) =>
    execFileSync('tmux', ['-u', '-f', '/dev/null', '-S', join(folder, 'socket'), ...args], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, HOME: folder, TMPDIR: tmpdir(), LANG: 'C.UTF-8', ...env },
    });
  tmux('new-session', '-d', '-x', String(columns), '-y', String(rows), 'sh');
  const screen = () => tmux('capture-pane', '-p').split('\n').slice(0, -1);
  return {
    send: (...keys) => void tmux('send-keys', ...keys),
    resize: (width, height) => void tmux('resize-window', '-x', String(width), '-y', String(height)),
    screen,
    colours: () => tmux('capture-pane', '-p', '-e'),
    ask: (format) => tmux('display-message', '-p', format).trimEnd(),
    async until(what, wanted) {
      const deadline = Date.now() + PATIENCE;
      for (;;) {
        const lines = screen();
        if (wanted(lines)) return lines;
        if (Date.now() > deadline) throw new Error(`never seen: ${what}; the screen:\n${lines.join('\n')}`);
        await sleep(50);
      }
    },
    record: (file) => void tmux('pipe-pane', `cat > '${file}'`),
    async clear() {
      tmux('send-keys', 'clear', 'Enter');
      // Typed ahead, a command would be awaited by what stood there before.
      await this.until('an empty screen', (lines) => lines.filter((line) => line !== '').length <= 1);
    },
    close() {
      tmux('kill-server');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
