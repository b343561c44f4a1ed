const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * Milliseconds as a person reads them, at most six characters up to 99 days: `0.9s`, `12s`, `3m04s`, `2h15m`,
 * `3d4h`, `120d`. Cut, not rounded, so that a ticking clock never shows a second that has not passed.
 */
export function formatDuration(ms: number): string {
  const time = Math.max(0, ms);
  if (time < SECOND) return `${Math.floor(time / 100) / 10}s`;
  if (time < MINUTE) return `${Math.floor(time / SECOND)}s`;
  if (time < HOUR) return `${Math.floor(time / MINUTE)}m${pad(Math.floor((time % MINUTE) / SECOND))}s`;
  if (time < DAY) return `${Math.floor(time / HOUR)}h${pad(Math.floor((time % HOUR) / MINUTE))}m`;
  const days = Math.floor(time / DAY);
  return days < 100 ? `${days}d${Math.floor((time % DAY) / HOUR)}h` : `${days}d`;
}

function pad(number: number): string {
  return String(number).padStart(2, '0');
}
