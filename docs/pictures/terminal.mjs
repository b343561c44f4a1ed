import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const executable = fileURLToPath(new URL('../../dist/dstack.js', import.meta.url));
const patience = 120_000;

/** A real terminal, by tmux, on the stage. */
export function openTerminal(stage) {
  const tmux = (...args) =>
    execFileSync('tmux', ['-u', '-f', '/dev/null', '-S', path.join(stage.folder, 'tmux'), ...args], {
      cwd: stage.project,
      env: { ...stage.env, TERM: 'xterm-256color' },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  return {
    /**
     * What `dstack` with these arguments has on the screen, with its colours, once that is as wanted; then it is ended.
     * @param {string[]} args
     * @param {{columns: number, rows: number, until: (text: string) => boolean}} wanted
     * @returns {Promise<string[]>} its lines
     */
    async show(args, { columns, rows, until }) {
      const size = ['-x', String(columns), '-y', String(rows)];
      tmux('new-session', '-d', ...size, 'sh');
      tmux('set-option', '-w', 'remain-on-exit', 'on');
      tmux('respawn-window', '-k', process.execPath, executable, ...args);
      try {
        const end = performance.now() + patience;
        for (;;) {
          await sleep(300);
          const lines = tmux('capture-pane', '-e', '-p').trimEnd().split('\n');
          const text = lines.join('\n');
          if (until(text)) return lines.filter((line) => !/Pane is dead/.test(line));
          if (performance.now() > end) throw new Error(`not what is wanted:\n${text}`);
        }
      } finally {
        tmux('kill-server');
      }
    },
    /** Ends what may be left of it. */
    close() {
      try {
        tmux('kill-server');
      } catch {
        // There is none.
      }
    },
  };
}
