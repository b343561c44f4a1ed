/** Takes over Ctrl+C (and SIGTERM) until released. */
export function onInterrupt(handle: (count: number, signal: NodeJS.Signals) => void): {
  count(): number;
  release(): void;
} {
  let count = 0;
  const listener = (signal: NodeJS.Signals) => {
    count += 1;
    handle(count, signal);
  };
  process.on('SIGINT', listener);
  process.on('SIGTERM', listener);
  return {
    count: () => count,
    release() {
      process.off('SIGINT', listener);
      process.off('SIGTERM', listener);
    },
  };
}
