import type { LedgerState } from '../ledger/state.ts';
import type { FeedLine, RunSummary } from './answer-types.ts';
import type { LiveReading, LiveState, Sources } from './sources.ts';
import { summarise } from './summaries.ts';

/** What there is, for any number of pages: the repository is looked at once for all of them, and not at all without any. */
export interface Feed {
  /**
   * Calls the listener with all that there is, then with what changes.
   * @param listener returns false if it can't take that now: it is told later, all at once, what it has missed
   */
  subscribe(listener: (line: FeedLine) => boolean): () => void;
  /** Somebody is looking at a page: what it shows should be new. */
  hurry(): void;
}

export function openFeed(live: LiveState, sources: Pick<Sources, 'tags'>): Feed {
  const listeners = new Set<() => void>();
  let unsubscribe: (() => void) | null = null;
  let last: Standing = { runs: new Map(), archived: 0, runners: 0, readAt: null, error: null };
  let state: LedgerState | null = null;
  let tags: ReadonlyMap<string, readonly string[]> = new Map();

  /** What was read last, though its tags may still be on their way. */
  let newest: LiveReading | null = null;

  const publish = ({ state: read, readAt, error }: LiveReading) => {
    const runs = (state?.runs ?? []).map((run) => summarise(run, tags.get(run.name) ?? []));
    last = {
      runs: new Map(runs.map((run) => [run.name, run])),
      archived: state?.archived ?? 0,
      runners: state?.runners.length ?? 0,
      readAt: read === null ? null : readAt,
      error,
    };
    for (const listener of [...listeners]) listener();
  };
  const begin = () =>
    live.subscribe(async (reading) => {
      newest = reading;
      state = reading.state ?? state;
      // They are no part of the state, and change for themselves.
      if (reading.error === null) tags = await sources.tags().catch(() => tags);
      // Not what was read before they came: since then the repository may have ceased to answer.
      publish(newest);
    });

  return {
    subscribe(listener) {
      let told: Standing | null = null;
      const tell = () => {
        const standing = last;
        if (listener(changesBetween(told, standing))) told = standing;
      };
      listeners.add(tell);
      // What others have been shown may be of a while ago.
      if (unsubscribe) live.hurry();
      else unsubscribe = begin();
      tell();
      return () => {
        listeners.delete(tell);
        if (listeners.size > 0) return;
        unsubscribe?.();
        unsubscribe = null;
      };
    },
    hurry: () => live.hurry(),
  };
}

interface Standing extends Omit<FeedLine, 'runs' | 'gone'> {
  readonly runs: ReadonlyMap<string, RunSummary>;
}

/** What a reader of the one has to be told to know the other. Pure. */
export function changesBetween(before: Standing | null, now: Standing): FeedLine {
  const { runs: all, ...rest } = now;
  const runs = [...all.values()].filter(({ name, version }) => before?.runs.get(name)?.version !== version);
  const gone = [...(before?.runs.keys() ?? [])].filter((name) => !all.has(name));
  return { ...rest, runs, gone };
}
