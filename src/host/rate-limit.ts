/** A bucket of permits that fills by itself: so many at once, so many a second after that. */
export interface RateLimit {
  /** Takes a permit; false: there is none left at the moment. */
  take(): boolean;
}

/** @param now milliseconds of a monotonic clock */
export function rateLimit(
  { burst, perSecond }: { readonly burst: number; readonly perSecond: number },
  now: () => number = () => performance.now(),
): RateLimit {
  let permits = burst;
  let filledAt = now();
  return {
    take() {
      const time = now();
      permits = Math.min(burst, permits + ((time - filledAt) / 1000) * perSecond);
      filledAt = time;
      if (permits < 1) return false;
      permits -= 1;
      return true;
    },
  };
}
