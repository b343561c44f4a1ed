import type { CommitInput } from '../git/write-commits.ts';
import { chunkFiles, listChunks, type NewChunk, type StreamName, streams } from './log-chunks.ts';
import type { SharedRepository } from './shared-repository.ts';

type Waiting = Readonly<Record<StreamName, readonly NewChunk[]>>;

/** What a job has told and its claim doesn't hold yet. */
export interface ChunkOutbox {
  add(more: Partial<Waiting>): void;
  /** Has anything arrived, of this attempt or an earlier one? */
  hasArrived(): boolean;
  /** What waits now: more may be added while it is on its way. */
  load(): {
    readonly isEmpty: boolean;
    /** Files of the claim's tree. */
    readonly files: CommitInput['files'];
    /** It has arrived. */
    arrived(): void;
  };
}

/** @param over the commit of a claim that is taken over: chunks are numbered after those which earlier attempts left */
export async function openOutbox(
  shared: Pick<SharedRepository, 'read' | 'local'>,
  over: string | null,
): Promise<ChunkOutbox> {
  const next = { log: 0, metrics: 0 };
  for (const stream of over === null ? [] : streams) {
    next[stream] = ((await listChunks(shared, over as string, 0, stream)).at(-1)?.number ?? -1) + 1;
  }
  let waiting: Waiting = { log: [], metrics: [] };
  return {
    add({ log = [], metrics = [] }) {
      waiting = { log: [...waiting.log, ...log], metrics: [...waiting.metrics, ...metrics] };
    },
    hasArrived: () => streams.some((stream) => next[stream] > 0),
    load() {
      const loaded = waiting;
      return {
        isEmpty: streams.every((stream) => loaded[stream].length === 0),
        files: streams.flatMap((stream) => [...chunkFiles(loaded[stream], next[stream], stream)]),
        arrived() {
          const rest = (stream: StreamName) => waiting[stream].slice(loaded[stream].length);
          waiting = { log: rest('log'), metrics: rest('metrics') };
          for (const stream of streams) next[stream] += loaded[stream].length;
        },
      };
    },
  };
}
