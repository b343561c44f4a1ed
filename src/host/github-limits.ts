/** What GitHub's answers say of whether, and when, more may be asked. */
export interface AnswerHeaders {
  readonly [name: string]: string | number | undefined;
}

const leastSecondary = 60_000;
const longest = 3_600_000;

/**
 * How long to be silent after an answer, by GitHub's own rules: `Retry-After`; with nothing remaining, until the limit is
 * reset, by the server's clock; after a secondary limit that says nothing a minute at least, and twice as long each
 * time. Milliseconds; null: it is not about a limit.
 * @param before how many answers in a row were about a limit
 */
export function silenceAfter(
  { status, headers, message }: { status: number; headers: AnswerHeaders; message: string },
  before: number,
): number | null {
  const refused = status === 403 || status === 429;
  const retryAfter = number(headers['retry-after']);
  if (refused && retryAfter !== null) return within(retryAfter * 1000);
  if (number(headers['x-ratelimit-remaining']) === 0 && (refused || status < 400)) {
    const reset = number(headers['x-ratelimit-reset']);
    const now = Date.parse(String(headers.date ?? ''));
    const left = reset === null ? leastSecondary : reset * 1000 - (Number.isNaN(now) ? Date.now() : now);
    return within(Math.max(1_000, left));
  }
  if (status === 429 || (refused && /rate limit|abuse/i.test(message))) {
    return within(leastSecondary * 2 ** Math.min(before, 6));
  }
  return null;
}

function within(milliseconds: number): number {
  return Math.min(longest, Math.max(0, milliseconds));
}

function number(value: string | number | undefined): number | null {
  return value !== undefined && /^\d{1,12}$/.test(String(value)) ? Number(value) : null;
}
