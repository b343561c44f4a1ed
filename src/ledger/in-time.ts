import { setTimeout as sleep } from 'node:timers/promises';
import { unreachable } from './shared-repository.ts';

/** A listing that waits for another one, which may hang for longer than there is time: `limit` milliseconds. */
export async function inTime<T>(
  limit: number,
  location: string,
  act: (left: () => number) => Promise<T>,
): Promise<T> {
  const until = performance.now() + limit;
  const tooLate = () =>
    unreachable(location, { code: 'unreachable', words: 'it does not answer in time', hint: undefined });
  const timeout = new AbortController();
  try {
    return await Promise.race([
      act(() => {
        const left = until - performance.now();
        if (left <= 0) throw tooLate();
        return left;
      }),
      sleep(limit, undefined, { signal: timeout.signal }).then(() => Promise.reject(tooLate())),
    ]);
  } finally {
    timeout.abort();
  }
}
