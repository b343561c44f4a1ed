/** A duration as people read it at a glance: `0.4s`, `12s`, `3m04s`, `2h15m`, `3d4h`. */
export function formatDuration(milliseconds: number): string {
  const total = Math.max(0, milliseconds) / 1000;
  if (total < 9.95) return `${total.toFixed(1)}s`;
  const seconds = Math.round(total);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)}h${two(minutes % 60)}m`;
  const hours = Math.floor(minutes / 60);
  return `${Math.floor(hours / 24)}d${hours % 24}h`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
