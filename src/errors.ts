/**
 * A failure that a person can act on: printed without a stack trace, in one to three lines.
 * Anything else that is thrown is a bug in dstack.
 */
export class DstackError extends Error {
  /** Stable machine-readable word, e.g. `unknown-workflow`. */
  readonly code: string;
  /** What to do next, one line. */
  readonly hint: string | undefined;
  /** 1 = the request could not be met, 2 = wrong usage, 130 = interrupted. */
  readonly exitCode: number;

  constructor(
    code: string,
    message: string,
    options: { hint?: string | undefined; cause?: unknown; exitCode?: number } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'DstackError';
    this.code = code;
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? 1;
  }
}

/** What an error says, and what to do next, in one line: the reason of what failed because of it. */
export function reasonIn(error: unknown): string {
  const hint = error instanceof DstackError && error.hint !== undefined ? `; ${error.hint}` : '';
  return (error instanceof Error ? error.message : String(error)) + hint;
}

/** A {@link DstackError} for wrong usage (exit code 2). */
export function usageError(code: string, message: string, hint?: string): DstackError {
  return new DstackError(code, message, { hint, exitCode: 2 });
}
