/** Ctrl+C (and SIGTERM), which a command answers in its own way from stage to stage. */
export interface Interruption {
  /** How often it has come, whatever the stage. */
  count(): number;
  /** From now on this answers it. */
  answer(handle: InterruptHandler): void;
  /** Gives it back: it ends the process again. */
  release(): void;
}

export type InterruptHandler = (count: number, signal: NodeJS.Signals) => void;

/** Takes over Ctrl+C (and SIGTERM) until released. */
export function onInterrupt(first: InterruptHandler): Interruption {
  let count = 0;
  let handle = first;
  const listener = (signal: NodeJS.Signals) => {
    count += 1;
    handle(count, signal);
  };
  process.on('SIGINT', listener);
  process.on('SIGTERM', listener);
  return {
    count: () => count,
    answer(next) {
      handle = next;
    },
    release() {
      process.off('SIGINT', listener);
      process.off('SIGTERM', listener);
    },
  };
}
