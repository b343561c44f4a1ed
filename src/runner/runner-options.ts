import type { Logger } from 'pino';
import type { Allowances } from '../config/allowances.ts';
import type { Repository } from '../git/repository.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { JobId } from '../ledger/refs.ts';
import type { ContentCache } from '../store/content-cache.ts';
import type { KeptFolders } from '../store/kept-folders.ts';
import type { Store } from '../store/store.ts';
import type { EndHook } from './end-hook.ts';
import type { Executors } from './executors.ts';
import type { Secrets } from './secrets.ts';

/** What a runner is started with. */
export interface RunnerOptions {
  readonly ledger: Ledger;
  readonly store: Store;
  /** What it has of the store's content on its own disk. */
  readonly inputCache?: ContentCache | undefined;
  /** Folders that jobs have left for the next ones. */
  readonly setupCache?: KeptFolders | undefined;
  readonly executors: Executors;
  readonly secrets: Secrets;
  /** What containers may have that ask for it; without it, nothing. */
  readonly allow?: Allowances | undefined;
  readonly cache: Repository;
  /** The same ledger with the cache as its local repository: submits what pushes and schedules start. None: it doesn't. */
  readonly triggers?: Ledger | undefined;
  readonly name: string;
  readonly version: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Its machine can be taken away at short notice: only for jobs that allow that. */
  readonly interruptible?: boolean | undefined;
  /** Where other machines reach this one. */
  readonly address: string;
  readonly concurrency: number;
  /** Milliseconds, all three. */
  readonly lease: number;
  readonly poll: number;
  readonly grace: number;
  /**
   * Called once what former processes of this runner have left is ended, with this one's instance id.
   * @returns those of the former ones: their claims are nobody's, without waiting for a lease
   */
  readonly succeed?: ((instance: string) => ReadonlySet<string>) | undefined;
  /** Where work folders are made. */
  readonly folder: string;
  readonly log: Logger;
  /** Called when something has changed that a reader in this process may want to see. */
  readonly onChange?: (() => void) | undefined;
  /** The user's own program that is told of each outcome. */
  readonly endHook?: EndHook | undefined;
  /** Called when this runner has claimed a job, or has brought one to its end. */
  readonly onJob?: ((id: JobId) => void) | undefined;
  /**
   * Where that costs far less than a look: has anything changed in the queue, or among the branches, since it was asked
   * last? True in doubt; asked while nothing is queued, relied on for a minute at most, and
   * waited for as long as a poll, or 5 s.
   */
  readonly hasChanged?: (() => Promise<boolean>) | undefined;
  /** `drain`: leave when nothing is left to do; `once`: after one job; `run`: when this run has ended. */
  readonly until:
    | { readonly kind: 'told' | 'drain' | 'once' }
    | { readonly kind: 'run'; readonly run: string };
}
