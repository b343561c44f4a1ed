import { DstackError } from '../errors.ts';

/**
 * Reads or writes what a change of a ref needs, again and again while the shared repository is away.
 * @param giveUp asked before each further try: true ends with the last error
 */
export async function throughOutage<T>(
  act: () => Promise<T>,
  giveUp: (attempt: number) => boolean | Promise<boolean>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await act();
    } catch (error) {
      const isOutage = error instanceof DstackError && error.code === 'unreachable';
      if (!isOutage || (await giveUp(attempt))) throw error;
    }
  }
}
