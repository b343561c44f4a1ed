import type { Logger } from 'pino';

/** What a runner does about what it sees will be tried at the next look if it fails. @returns undefined then */
export function triedAgain(
  log: Pick<Logger, 'warn'>,
): <T>(what: string, carryOut: () => Promise<T>) => Promise<T | undefined> {
  return async (what, carryOut) => {
    try {
      return await carryOut();
    } catch (error) {
      log.warn({ action: what, error: (error as Error).message }, 'will be tried again');
      return undefined;
    }
  };
}
