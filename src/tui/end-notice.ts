import { formatDuration } from '../human-units.ts';
import type { RunView } from '../ledger/state.ts';
import { plainText } from '../terminal-text.ts';
import { jobReason, runReason } from './describe.ts';
import { jobDuration, runDuration } from './duration.ts';

/** How a run, or one job of it, has ended, in a line: `calm-fox-1a2b failed after 3m20s: train: exit code 1`. */
export function endNotice(run: RunView, only: string | null, now: number): string {
  const job = only === null ? undefined : run.jobs.find(({ name }) => name === only);
  const { state } = job ?? run;
  const time = job ? jobDuration(job, now) : runDuration(run, now);
  const reason = job ? jobReason(job) : runReason(run);
  return plainText(
    [
      `${run.name}${job ? `/${job.name}` : ''} ${state}`,
      time === null ? '' : ` after ${formatDuration(time)}`,
      reason === null ? '' : `: ${reason}`,
    ].join(''),
  );
}

// A notification shows about so much.
const longest = 200;

/**
 * What makes a terminal ring, and those that can (iTerm2, kitty, WezTerm, Ghostty, foot …) show a notification on the
 * desktop: BEL, and OSC 9, which others ignore. tmux passes it on if `allow-passthrough` is on.
 */
export function bell(notice: string, env: NodeJS.ProcessEnv): string {
  // They would print it.
  if (env.TERM === 'dumb' || env.TERM === 'linux') return '\x07';
  const text = Array.from(plainText(notice)).slice(0, longest).join('');
  const sequence = `\x1b]9;${text}\x1b\\`;
  return `\x07${env.TMUX ? `\x1bPtmux;${sequence.replaceAll('\x1b', '\x1b\x1b')}\x1b\\` : sequence}`;
}
