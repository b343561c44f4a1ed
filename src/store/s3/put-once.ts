import { nameOf, statusOf } from './s3-errors.ts';

/**
 * Puts an object where there is none yet, with the service's own condition for that if it has one, so that of several
 * writers the first one's stays. What is there, but isn't what it should be, is replaced.
 * @param put with the condition, or without one
 * @param isThere whether what was found there is what was to be put
 * @param giveUp when it turns out that there is nothing to do
 */
export type PutOnce = (
  put: (ifNoneMatch?: string) => Promise<unknown>,
  isThere: () => Promise<boolean>,
  giveUp?: () => Promise<unknown>,
) => Promise<void>;

/** For one service: remembers whether it has conditions. */
export function createPutter(): PutOnce {
  let conditional = true;
  return async (put, isThere, giveUp) => {
    if (conditional) {
      try {
        await put('*');
        return;
      } catch (error) {
        const status = statusOf(error);
        if (status === 412 || status === 409) {
          if (await isThere()) {
            await giveUp?.().catch(() => {});
            return;
          }
        } else if (
          status === 501 ||
          /^(NotImplemented|InvalidArgument|InvalidRequest)$/.test(nameOf(error))
        ) {
          conditional = false;
        } else {
          throw error;
        }
      }
    }
    await put();
  };
}
