import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { JobView } from '../../ledger/state.ts';
import { type LogAnswer, linesOfPage } from '../answer-types.ts';
import { useSource } from './use-answer.ts';

/** The page that a line is on. */
export const pageOf = (line: number): number => Math.max(0, Math.floor(line / linesOfPage));

/** Milliseconds until what was not there yet is asked for again. */
const pause = 300;
/** Pages of a log that are kept. */
const mostPages = 40;

interface KnownLines {
  (page: number): Promise<readonly string[]>;
  /** A line of a page that is here; undefined: it isn't. */
  known(line: number): string | undefined;
}

interface KnownPage {
  readonly lines: readonly string[];
  /** The commit that all of it is from; null: it was being read. */
  readonly commit: string | null;
  /** There are lines behind it: it stays as it is. */
  readonly isFull: boolean;
}

/** Pages of a log, read as they are needed; the last one again when it grows. */
export function useLog(run: string, job: JobView) {
  const source = useSource();
  const [total, setTotal] = useState(0);
  const [error, setError] = useState<Error | null>(null);
  const [isReading, setReading] = useState(false);
  const [, redraw] = useState(0);
  const pages = useRef(new Map<number, KnownPage>());
  const commit = useRef(job.commit);
  commit.current = job.commit;

  const load = useCallback(
    async (page: number): Promise<readonly string[]> => {
      const known = pages.current.get(page);
      if (known && (known.isFull || known.commit === commit.current)) return known.lines;
      const asked = commit.current;
      const { lines, total: all, isPart } = await source.get<LogAnswer>(['log', run, job.name, String(page)]);
      const isFull = all > (page + 1) * linesOfPage;
      pages.current.set(page, { lines, commit: isPart ? null : asked, isFull });
      for (const old of [...pages.current.keys()].slice(0, -mostPages)) pages.current.delete(old);
      setTotal((before) => Math.max(before, all));
      setReading(isPart);
      return lines;
    },
    [source, run, job.name],
  );
  const read = useCallback(
    (page: number) => {
      load(page).then(
        () => {
          setError(null);
          redraw((count) => count + 1);
        },
        (failure: Error) => setError(failure),
      );
    },
    [load],
  );
  const readEnd = () => read(pageOf(total - 1));
  useEffect(() => {
    if (job.commit !== null) readEnd();
  }, [job.commit, read]);
  // Of a long log the rest comes in a moment.
  useEffect(() => {
    if (!isReading) return;
    const timer = window.setInterval(readEnd, pause);
    return () => window.clearInterval(timer);
  }, [isReading, total, read]);
  const lines: KnownLines = Object.assign(load, {
    known: (line: number) => pages.current.get(pageOf(line))?.lines[line % linesOfPage],
  });
  return { total, lines, read, error, isReading };
}
