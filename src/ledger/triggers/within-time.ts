import { Script } from 'node:vm';
import { DstackError } from '../../errors.ts';

const call = new Script('act()');

/**
 * What is computed from a foreign text, a pattern that takes for ever included, must not hold up a runner, nor end it.
 * @param limit milliseconds
 * @throws DstackError `takes-too-long`; `not-understood` for what `act` throws and is none; or what is
 */
export function withinTime<T>(act: () => T, limit = 5_000): T {
  try {
    return call.runInNewContext({ act }, { timeout: limit }) as T;
  } catch (error) {
    if (error instanceof DstackError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') {
      throw new DstackError('takes-too-long', `it takes longer than ${limit / 1000} s to make sense of it`, {
        hint: 'have fewer and shorter expressions in .dstack/',
      });
    }
    // The text has found a mistake in dstack.
    throw new DstackError('not-understood', `dstack can't make sense of it: ${message}`, {
      cause: error,
      hint: '`dstack validate` in a clone tells more; it may be a bug in dstack',
    });
  }
}

/** Codes of errors that say something of what was pushed. */
const ofTheText = new Set([
  ...['invalid-workflows', 'no-workflows', 'plan-too-large', 'unknown-workflow', 'unknown-variable'],
  ...['files-too-large', 'takes-too-long', 'not-understood'],
]);

/** What is wrong with what was pushed. @throws the error itself, if it is about something else */
export function problemOf(error: unknown): string {
  if (error instanceof DstackError && ofTheText.has(error.code)) return error.message;
  throw error;
}
