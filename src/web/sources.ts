import type { Ledger } from '../ledger/ledger.ts';
import type { ReadStored } from '../ledger/log-chunks.ts';
import type { JobId } from '../ledger/refs.ts';
import type { JobView, LedgerState, RunView } from '../ledger/state.ts';
import type { Manifest } from '../store/manifest.ts';
import type { Store } from '../store/store.ts';

/** A run, and the ledger that it is in. */
export interface FoundRun {
  readonly ledger: Ledger;
  readonly run: RunView;
}

/** What the page is made of: the project's ledgers and stores, opened by who shows it. */
export interface Sources {
  /** A folder of the user's clone, for Git. */
  readonly folder: string;
  /** A run by its full name, as it stands. @throws DstackError `unknown-run`, `unreachable` and the like */
  find(name: string): Promise<FoundRun>;
  /** The tags of each run, by its name. */
  tags(): Promise<ReadonlyMap<string, readonly string[]>>;
  /** What a finished job has left; null: nothing. */
  manifest(ledger: Ledger, job: JobView): Promise<Manifest | null>;
  /** @throws DstackError `no-store` */
  openStore(ledger: Ledger): Promise<Store>;
  /** Does something with what a job has left, and says so where that was pruned. */
  orPruned<T>(ledger: Ledger, id: JobId, work: () => Promise<T>): Promise<T>;
}

export interface LiveReading {
  readonly state: LedgerState | null;
  readonly error: string | null;
  /** Milliseconds since 1970. */
  readonly readAt: number;
}

/** What a live page shows, read again at every sign of a change. */
export interface LiveState {
  subscribe(listener: (reading: LiveReading) => void): () => void;
  /** Somebody is looking: what is shown should be new. */
  hurry(): void;
}

/** Reads from the store what of a job's streams is there, and says so where that was pruned. */
export async function storedReader(sources: Sources, ledger: Ledger, id: JobId): Promise<ReadStored> {
  const store = await sources.openStore(ledger).catch(() => null);
  return store && ((sha256) => sources.orPruned(ledger, id, () => store.read(sha256)));
}
