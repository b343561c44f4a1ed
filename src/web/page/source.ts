import type { FailureAnswer, FeedLine } from '../answer-types.ts';

/** Where the page gets what it shows: a `dstack ui` that runs, or the files of an export. */
export interface Source {
  readonly isLive: boolean;
  /** The answer to a question, such as `['log', RUN, JOB, '0']`. @throws Error with words for people */
  get<T>(question: readonly string[]): Promise<T>;
  /** Calls back with each change until it ends: with an error if there is no connection. */
  feed(onLine: (line: FeedLine) => void, onEnd: (error: string) => void): () => void;
  /** The bytes of a file that a job has left, as an address for an image or a download, to be given back. */
  file(run: string, job: string, path: string, type: string): Promise<{ url: string; release(): void }>;
}

export class SourceError extends Error {
  readonly hint: string | undefined;

  constructor({ error, hint }: FailureAnswer) {
    super(error);
    this.hint = hint;
  }
}

const ended = '`dstack ui` does not answer: has it been ended?';

/** @param token what the server wants to see */
export function liveSource(token: string): Source {
  const ask = async (question: readonly string[], signal?: AbortSignal): Promise<Response> => {
    const address = `/api/${question.map(encodeURIComponent).join('/')}`;
    const headers = { Authorization: `Bearer ${token}` };
    const options: RequestInit = { headers, cache: 'no-store', ...(signal ? { signal } : {}) };
    const response = await fetch(address, options).catch(() => {
      throw new SourceError({ error: ended });
    });
    if (response.ok) return response;
    throw new SourceError((await response.json()) as FailureAnswer);
  };
  return {
    isLive: true,
    get: async (question) => (await ask(question)).json(),
    feed(onLine, onEnd) {
      const leaving = new AbortController();
      void (async () => {
        try {
          const response = await ask(['feed'], leaving.signal);
          for await (const line of linesOf(response)) if (line !== '') onLine(JSON.parse(line) as FeedLine);
          throw new SourceError({ error: ended });
        } catch (error) {
          if (!leaving.signal.aborted) onEnd(error instanceof SourceError ? error.message : ended);
        }
      })();
      return () => leaving.abort();
    },
    async file(run, job, path, type) {
      const bytes = await (await ask(['file', run, job, path])).blob();
      // The type is the page's own choice, whatever the file is: nothing but an image is ever drawn.
      const url = URL.createObjectURL(new Blob([bytes], { type }));
      return { url, release: () => URL.revokeObjectURL(url) };
    },
  };
}

async function* linesOf(response: Response): AsyncGenerator<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let begun = '';
  for (;;) {
    const part = await reader?.read();
    if (!part || part.done) return;
    const lines = (begun + part.value).split('\n');
    begun = lines.pop() as string;
    yield* lines;
  }
}
