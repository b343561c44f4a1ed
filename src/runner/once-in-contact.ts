import pRetry from 'p-retry';
import { DstackError } from '../errors.ts';

/** Codes of errors that pass: the shared repository is away, its host has too much to do, another holds a lock. */
const passing = new Set(['unreachable', 'busy', 'lock', 'killed']);

/** Is this an error that passes by itself? */
export function passes(error: unknown): boolean {
  return error instanceof DstackError && passing.has(error.code);
}

/**
 * Does something that needs the shared repository, again and again while that does not answer: an outage must not
 * end a job. What bounds it is the lease.
 * @param isOver there is no more use in it: throws the last error then
 */
export function onceInContact<T>(act: () => Promise<T>, isOver: () => boolean): Promise<T> {
  return pRetry(act, {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: 200,
    maxTimeout: 2_000,
    randomize: true,
    shouldRetry: ({ error }) => passes(error) && !isOver(),
  });
}
