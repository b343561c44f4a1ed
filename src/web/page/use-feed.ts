import { useEffect, useState } from 'preact/hooks';
import type { FeedLine, RunSummary } from '../answer-types.ts';
import type { Source } from './source.ts';

/** All that is known of the runs in the list. */
export interface Standing {
  /** Newest first; null: nothing has been read yet. */
  readonly runs: readonly RunSummary[] | null;
  readonly byName: ReadonlyMap<string, RunSummary>;
  readonly archived: number;
  readonly runners: number;
  readonly readAt: number | null;
  /** Why what is shown may be old. */
  readonly error: string | null;
}

const nothing: Standing = {
  ...{ runs: null, byName: new Map(), archived: 0, runners: 0, readAt: null, error: null },
};

/** Milliseconds until a connection that was lost is tried again. */
const pause = 2_000;

/** What the list shows, as it changes. A page that nobody sees asks for nothing. */
export function useFeed(source: Source): Standing {
  const [standing, setStanding] = useState(nothing);
  useEffect(() => {
    let end: (() => void) | null = null;
    let again: number | undefined;
    const begin = () => {
      // The first line of a connection has all there is.
      let isFirst = true;
      end = source.feed(
        (line) => {
          // The server has read nothing itself yet: what is here stands.
          if (line.readAt === null) return setStanding((before) => ({ ...before, error: line.error }));
          const from = isFirst ? nothing : null;
          isFirst = false;
          setStanding((before) => brought(from ?? before, line));
        },
        (error) => {
          end = null;
          setStanding((before) => ({ ...before, error }));
          again = window.setTimeout(begin, pause);
        },
      );
    };
    const follow = () => {
      window.clearTimeout(again);
      end?.();
      end = null;
      if (document.visibilityState === 'visible') begin();
    };
    follow();
    document.addEventListener('visibilitychange', follow);
    return () => {
      document.removeEventListener('visibilitychange', follow);
      window.clearTimeout(again);
      end?.();
    };
  }, [source]);
  return standing;
}

function brought(before: Standing, line: FeedLine): Standing {
  const { runs, gone, ...rest } = line;
  if (runs.length === 0 && gone.length === 0 && before.runs !== null) return { ...before, ...rest };
  const byName = new Map(before.byName);
  for (const name of gone) byName.delete(name);
  for (const run of runs) byName.set(run.name, run);
  const compare = (a: string, b: string) => (a < b ? 1 : a > b ? -1 : 0);
  const sorted = [...byName.values()].sort(
    (a, b) => compare(a.submittedAt, b.submittedAt) || compare(a.name, b.name),
  );
  return { ...rest, byName, runs: sorted };
}
