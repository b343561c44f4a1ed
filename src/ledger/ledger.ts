import { hostname } from 'node:os';
import type { Repository } from '../git/repository.ts';
import type { Signature } from '../git/write-commits.ts';
import { withArchive } from './archive/with-archive.ts';
import { type Clock, systemClock } from './clock.ts';
import { openSharedRepository } from './open-shared-repository.ts';
import { type RefNames, refNames } from './refs.ts';
import type { SharedRepository } from './shared-repository.ts';
import { type HostAbilities, withStandIns } from './with-stand-ins.ts';

/** A shared repository, the ref names in it, and in whose name commits are made. */
export interface Ledger {
  readonly shared: SharedRepository;
  readonly names: RefNames;
  readonly host: HostAbilities;
  readonly who: { readonly name: string; readonly email: string };
  readonly clock: Clock;
  close(): void;
}

/** What the host lets be done with refs; where it isn't said, what branches and tags mostly allow, or other refs. */
export interface HostSettings {
  readonly rewind?: boolean | undefined;
  readonly delete?: boolean | undefined;
}

export interface LedgerOptions {
  /** Own objects are written here. */
  local: Repository;
  /** A Git remote's name, a URL or a path. */
  remote: string;
  refPrefix?: string | undefined;
  host?: HostSettings | undefined;
  /** What relative paths are relative to; the local repository's folder by default. */
  folder?: string | undefined;
  /** Asked whenever something is to be written in their name. */
  who?: () => Ledger['who'];
}

/** @throws DstackError if the remote can't be one, or is a path without a repository */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const names = refNames(options.refPrefix);
  const shared = await openSharedRepository(options.local, options.remote, options.folder);
  const host = hostAbilities(names, options.host);
  const { who = () => ({ name: 'dstack', email: `dstack@${hostname()}` }) } = options;
  return {
    shared: onHost(shared, names, host),
    names,
    host,
    get who() {
      return who();
    },
    clock: systemClock,
    close: () => shared.close(),
  };
}

export function hostAbilities(
  names: RefNames,
  { rewind, delete: deletes }: HostSettings = {},
): HostAbilities {
  // Hosts guard branches and tags.
  const guarded = /^refs\/(heads|tags)\//.test(names.prefix);
  return { rewind: rewind ?? !guarded, delete: deletes ?? !guarded };
}

/**
 * A shared repository in which every ref can be replaced and deleted, whatever the host refuses, and what is archived
 * is found by its name.
 */
export function onHost(shared: SharedRepository, names: RefNames, host: HostAbilities): SharedRepository {
  // History: created once, or grown.
  const areas = ['runs', 'jobs', 'archive', 'pruned'] as const;
  const immutable = [...areas.map(names.area), names.notes].map((area) => `${area}/`);
  const whole = withStandIns(shared, host, (ref) => immutable.some((area) => ref.startsWith(area)));
  return withArchive(whole, names);
}

export function signature(ledger: Ledger): Signature {
  return { ...ledger.who, time: ledger.clock.now() };
}
