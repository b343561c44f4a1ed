import type { ArtifactsAnswer, FeedLine, TextAnswer, TrialsAnswer } from '../answer-types.ts';
import { type Source, SourceError } from './source.ts';

/** What an export's first script says: which file of `data/` has the answer to which question. */
export interface ExportIndex {
  readonly answers: Readonly<Record<string, number>>;
  readonly feed: FeedLine;
  /** The runs in it, as they are in questions about all of them. */
  readonly runs: string;
}

declare global {
  interface Window {
    /** An {@link ExportIndex} as JSON. */
    dstackExport?: string;
    /** What each file of `data/` calls, with JSON. */
    dstackAnswer?: (number: number, answer: string) => void;
  }
}

/**
 * The files of an export. They are scripts, since a page that was opened from a folder may load nothing else.
 */
export function exportedSource(json: string): Source {
  const index = JSON.parse(json) as ExportIndex;
  const waiting = new Map<number, (answer: string) => void>();
  window.dstackAnswer = (number, answer) => waiting.get(number)?.(answer);

  const load = (number: number): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const script = document.createElement('script');
      const end = (work: () => void) => {
        waiting.delete(number);
        script.remove();
        work();
      };
      waiting.set(number, (answer) => end(() => resolve(JSON.parse(answer))));
      script.onerror = () => end(() => reject(new SourceError({ error: `data/${number}.js is missing` })));
      script.src = `data/${number}.js`;
      document.head.append(script);
    });

  const loaded = new Map<number, Promise<unknown>>();
  const get = async <T>(question: readonly string[]): Promise<T> => {
    const [kind, ...words] = question;
    if (kind === 'trials')
      return trialsOf(await answerTo<TrialsAnswer>(['trials', index.runs]), words[0]) as T;
    return answerTo<T>(question);
  };
  const answerTo = async <T>(question: readonly string[]): Promise<T> => {
    const key = JSON.stringify(question);
    const number = Object.hasOwn(index.answers, key) ? index.answers[key] : undefined;
    if (number === undefined) throw new SourceError({ error: 'this is not in the export' });
    const known = loaded.get(number) ?? load(number);
    loaded.set(number, known);
    known.catch(() => loaded.delete(number));
    // Logs can be long: only what was asked for last is kept.
    for (const old of [...loaded.keys()].slice(0, -50)) loaded.delete(old);
    return known as Promise<T>;
  };

  return {
    isLive: false,
    get,
    feed(onLine) {
      onLine(index.feed);
      return () => {};
    },
    async file(run, job, path, type) {
      if (type === 'image/svg+xml') {
        // As a file it would be a page of its own, with scripts: it comes as text, and is drawn as an image.
        const { text } = await answerTo<TextAnswer>(['text', run, job, path]);
        const url = URL.createObjectURL(new Blob([text ?? ''], { type }));
        return { url, release: () => URL.revokeObjectURL(url) };
      }
      const { entries } = await answerTo<ArtifactsAnswer>(['artifacts', run, job]);
      const file = entries.find((entry) => entry.path === path)?.file;
      if (file === undefined || file === null)
        throw new SourceError({ error: 'this file was too large to be in the export' });
      return { url: file, release() {} };
    },
  };
}

/** Those of some of the runs. */
function trialsOf({ trials }: TrialsAnswer, runs = ''): TrialsAnswer {
  const names = new Set(runs.split(','));
  return { trials: trials.filter(({ run }) => names.has(run)) };
}
