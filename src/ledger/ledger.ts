import { hostname } from 'node:os';
import type { Repository } from '../git/repository.ts';
import type { Signature } from '../git/write-commits.ts';
import { type Clock, systemClock } from './clock.ts';
import { type RefNames, refNames } from './refs.ts';
import { openSharedRepository, type SharedRepository } from './shared-repository.ts';

/** A shared repository, the ref names in it, and in whose name commits are made. */
export interface Ledger {
  readonly shared: SharedRepository;
  readonly names: RefNames;
  readonly who: { readonly name: string; readonly email: string };
  readonly clock: Clock;
  close(): void;
}

export interface LedgerOptions {
  /** Own objects are written here. */
  local: Repository;
  /** A Git remote's name, a URL or a path. */
  remote: string;
  refPrefix?: string | undefined;
  /** What relative paths are relative to; the local repository's folder by default. */
  folder?: string | undefined;
  who?: { name: string; email: string };
}

/** @throws DstackError if the remote can't be one, or is a path without a repository */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const shared = await openSharedRepository(options.local, options.remote, options.folder);
  return {
    shared,
    names: refNames(options.refPrefix),
    who: options.who ?? { name: 'dstack', email: `dstack@${hostname()}` },
    clock: systemClock,
    close: () => shared.close(),
  };
}

export function signature(ledger: Ledger): Signature {
  return { ...ledger.who, time: ledger.clock.now() };
}
