import type { Logger } from 'pino';
import type { Allowances } from '../config/allowances.ts';
import type { GpuMeter } from '../executor/gpu-use.ts';
import type { Repository } from '../git/repository.ts';
import type { Claimant } from '../ledger/claims.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { LiveReader } from '../ledger/live.ts';
import type { ContentCache } from '../store/content-cache.ts';
import type { KeptFolders } from '../store/kept-folders.ts';
import type { Store } from '../store/store.ts';
import type { EndHook } from './end-hook.ts';
import type { Executors } from './executors.ts';
import type { Secrets } from './secrets.ts';
import type { Settler } from './settler.ts';
import type { Snapshots } from './snapshot-cache.ts';

/** What every job of a runner shares. */
export interface Workplace {
  readonly ledger: Ledger;
  readonly reader: LiveReader;
  readonly store: Store;
  readonly inputCache?: ContentCache | undefined;
  readonly setupCache?: KeptFolders | undefined;
  /** Says in the store that it has something of this run. */
  noteRun(run: string, commit: string): Promise<void>;
  readonly executors: Executors;
  readonly gpuMeter: GpuMeter;
  readonly secrets: Secrets;
  readonly allow?: Allowances | undefined;
  readonly cache: Repository;
  readonly snapshots: Snapshots;
  readonly claimant: Claimant;
  /** Takes over what has ended. */
  readonly settler: Settler;
  /** Is told of each end that is written here. */
  readonly endHook?: EndHook | undefined;
  /** Work folders are made in here; nobody else may enter it. */
  readonly folder: string;
  /** Milliseconds between SIGTERM and SIGKILL. */
  readonly grace: number;
  readonly log: Logger;
  /** Fetches into the object cache one after the other. */
  oneAtATime<T>(act: () => Promise<T>): Promise<T>;
}
