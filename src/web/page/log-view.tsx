import { useEffect, useRef, useState } from 'preact/hooks';
import { isFinal, type JobView } from '../../ledger/state.ts';
import { findTrouble } from '../../tui/error-lines.ts';
import { findLine } from './find-line.ts';
import { useKeys } from './keys.ts';
import { plainLine, styledTexts } from './log-text.ts';
import { Scrolled } from './scrolled.tsx';
import { pageOf, useLog } from './use-log.ts';
import { useWindow } from './use-window.ts';
import { Failure, plural } from './words.tsx';

const lineHeight = 20;
/** Browsers draw nothing that is higher than some 17 million pixels. */
const mostLines = 800_000;

const isTrouble = (line: string) => findTrouble(line, 0) !== null;

/** The log of a job: follows its end until one scrolls up. */
export function LogView({ run, job }: { run: string; job: JobView }) {
  const { total, lines, read, error, isReading } = useLog(run, job);
  const hidden = Math.max(0, total - mostLines);
  const view = useWindow(total - hidden, lineHeight);
  const [follows, setFollows] = useState(true);
  const [at, setAt] = useState<number | null>(null);
  const [query, setQuery] = useState('');
  const [notice, setNotice] = useState('');
  const input = useRef<HTMLInputElement>(null);

  const { first, end } = view;
  useEffect(() => {
    for (let page = pageOf(first + hidden); page <= pageOf(Math.max(first, end - 1) + hidden); page += 1)
      read(page);
  }, [first, end, hidden, total, read]);
  useEffect(() => {
    if (follows && view.frame.current) view.frame.current.scrollTop = view.frame.current.scrollHeight;
  }, [follows, total]);

  const goToLine = (line: number) => {
    setFollows(false);
    setAt(line);
    view.show(Math.max(0, line - hidden));
  };
  const find = async (direction: 1 | -1, fits: (line: string) => boolean, what: string) => {
    setNotice('searching …');
    const from = at ?? (direction === 1 ? -1 : 0);
    const found = await findLine(
      total,
      (page) => lines(page),
      from,
      direction,
      (line) => fits(plainLine(line)),
    ).catch(() => undefined);
    if (found === undefined) return setNotice('the log could not be read: try again');
    setNotice(found === null ? `no ${what}` : `line ${(found + 1).toLocaleString('en')}`);
    if (found !== null) goToLine(found);
  };
  const search = (direction: 1 | -1) => {
    const text = query.toLowerCase();
    if (text !== '') void find(direction, (line) => line.toLowerCase().includes(text), 'match');
  };
  const nextError = (direction: 1 | -1) => void find(direction, isTrouble, 'line that looks like an error');
  const scroll = () => {
    const frame = view.frame.current;
    view.onScroll();
    if (frame) setFollows(frame.scrollHeight - frame.scrollTop - frame.clientHeight < lineHeight);
  };
  useKeys([
    { keys: ['/'], does: 'search the log', run: () => input.current?.select() },
    { keys: ['n'], does: 'next match', run: () => search(1) },
    { keys: ['N'], does: 'match before', run: () => search(-1) },
    { keys: ['e'], does: 'next error', run: () => nextError(1) },
    { keys: ['E'], does: 'error before', run: () => nextError(-1) },
    { keys: ['f'], does: 'follow the end', run: () => setFollows(true) },
    { keys: ['g'], does: 'first line', run: () => goToLine(hidden) },
    { keys: ['G'], does: 'last line', run: () => setFollows(true) },
  ]);

  return (
    <section class="log" aria-label="Log">
      <div class="bar">
        <label class="grow">
          <span class="hidden">Search the log</span>
          <input
            ref={input}
            type="search"
            placeholder="Search the log"
            value={query}
            onInput={(event) => setQuery(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === 'Enter') search(event.shiftKey ? -1 : 1);
              if (event.key === 'Escape') event.currentTarget.blur();
            }}
          />
        </label>
        <button type="button" onClick={() => nextError(1)}>
          Next error
        </button>
        <label>
          <input
            type="checkbox"
            checked={follows}
            onChange={(event) => setFollows(event.currentTarget.checked)}
          />{' '}
          Follow
        </label>
        <span class="quiet" role="status">
          {notice}
        </span>
        <span class="quiet">
          {isReading ? 'reading … ' : ''}
          {plural(total, 'line')}
        </span>
      </div>
      {error ? <Failure error={error} /> : null}
      {hidden > 0 ? (
        <p class="quiet">
          The first {plural(hidden, 'line')} are not shown here:{' '}
          <code>
            dstack logs {run}/{job.name}
          </code>
        </p>
      ) : null}
      <Scrolled label="Lines of the log" class="terminal" frame={view.frame} onScroll={scroll}>
        <div class="lines" style={{ height: `${(total - hidden) * lineHeight}px` }}>
          {Array.from({ length: Math.max(0, end - first) }, (_, index) => {
            const number = first + index + hidden;
            const line = lines.known(number);
            return (
              <div
                key={number}
                class={number === at ? 'line found' : 'line'}
                style={{ top: `${(number - hidden) * lineHeight}px` }}
              >
                {line === undefined ? ' ' : <Line text={line} />}
              </div>
            );
          })}
        </div>
        {total === 0 ? (
          <p class="quiet">
            {isFinal(job.state) ? 'It has printed nothing.' : 'Nothing has been printed yet.'}
          </p>
        ) : null}
      </Scrolled>
    </section>
  );
}

function Line({ text }: { text: string }) {
  return (
    <>
      {styledTexts(text).map(({ text: part, classes, style }, index) =>
        classes === '' && Object.keys(style).length === 0 ? (
          part
        ) : (
          // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of a line don't move
          <span key={index} class={classes} style={style}>
            {part}
          </span>
        ),
      )}
    </>
  );
}
