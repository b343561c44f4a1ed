import type { ComponentChildren } from 'preact';
import { useEffect, useReducer } from 'preact/hooks';
import type { JobState } from '../../ledger/state.ts';
import { unicodeGlyphs } from '../../tui/glyphs.ts';
import { linkTo } from './route.ts';

/** A state with its symbol and colour. */
export function State({ state, stopping = false }: { state: JobState; stopping?: boolean }) {
  return (
    <span class={`state state-${state}`}>
      <span aria-hidden="true">{unicodeGlyphs.state[state]}</span> {stopping ? 'stopping' : state}
    </span>
  );
}

/** What went wrong, and what to do about it. */
export function Failure({ error }: { error: Error & { hint?: string | undefined } }) {
  return (
    <p class="failure" role="alert">
      {error.message}
      {error.hint ? <span class="hint"> {error.hint}</span> : null}
    </p>
  );
}

export function Waiting({ what }: { what: string }) {
  return (
    <p class="quiet" role="status">
      {what}…
    </p>
  );
}

/** The way back: each part but the last is a link. */
export function Trail({ parts }: { parts: readonly (readonly [string, readonly string[]])[] }) {
  return (
    <nav class="trail" aria-label="Where you are">
      {parts.map(([text, words], index) => (
        <span key={text}>
          {index > 0 ? <span aria-hidden="true"> / </span> : null}
          {index === parts.length - 1 ? (
            <span aria-current="page">{text}</span>
          ) : (
            <a href={linkTo(words)}>{text}</a>
          )}
        </span>
      ))}
    </nav>
  );
}

/** Names and values. */
export function Facts({ children }: { children: ComponentChildren }) {
  return <dl class="facts">{children}</dl>;
}

/** One of them; nothing if it has no value. */
export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  if (children === null || children === undefined || children === '') return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** Milliseconds since 1970, anew every second while something goes on. */
export function useNow(isRunning: boolean): number {
  const [, tick] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    if (!isRunning) return;
    const timer = window.setInterval(() => tick(undefined as never), 1_000);
    return () => window.clearInterval(timer);
  }, [isRunning]);
  return Date.now();
}

export function plural(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}
