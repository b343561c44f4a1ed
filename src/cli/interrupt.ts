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

const usual: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM'];

/** Those, and that the terminal is closed, which may come twice: from the system, and from the shell. */
export const alsoHangUp: readonly NodeJS.Signals[] = [...usual, 'SIGHUP'];

/** Takes over Ctrl+C (and SIGTERM, or what else is given) until released. */
export function onInterrupt(first: InterruptHandler, signals = usual): Interruption {
  let count = 0;
  let handle = first;
  const listener = (signal: NodeJS.Signals) => {
    count += 1;
    handle(count, signal);
  };
  for (const signal of signals) process.on(signal, listener);
  return {
    count: () => count,
    answer(next) {
      handle = next;
    },
    release() {
      for (const signal of signals) process.off(signal, listener);
    },
  };
}
