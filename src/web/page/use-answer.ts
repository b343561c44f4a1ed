import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { Source } from './source.ts';

export const SourceContext = createContext<Source | null>(null);

export function useSource(): Source {
  const source = useContext(SourceContext);
  if (source === null) throw new Error('there is no source');
  return source;
}

export interface Asked<T> {
  /** The newest answer; null: none yet. */
  readonly answer: T | null;
  readonly error: Error | null;
}

/**
 * Asks a question, and again when `version` is another one; until the answer is there, the one before stands.
 * @param question null: nothing is asked
 */
export function useAnswer<T>(question: readonly string[] | null, version = ''): Asked<T> {
  const source = useSource();
  const key = question === null ? null : JSON.stringify(question);
  const [asked, setAsked] = useState<Asked<T> & { key: string | null }>({ key, answer: null, error: null });
  useEffect(() => {
    if (question === null) return;
    let left = false;
    source.get<T>(question).then(
      (answer) => !left && setAsked({ key, answer, error: null }),
      (error: Error) => !left && setAsked((before) => ({ ...before, key, error })),
    );
    return () => {
      left = true;
    };
  }, [source, key, version]);
  return asked.key === key ? asked : { answer: null, error: null };
}
