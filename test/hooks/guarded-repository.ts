import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import type { RefUpdate } from '../../src/git/push.ts';
import { openRepository } from '../../src/git/repository.ts';
import { checkPush } from '../../src/ledger/guard/check-push.ts';
import { openPushedObjects } from '../../src/ledger/guard/objects.ts';
import { rolesOf } from '../../src/ledger/guard/roles.ts';
import { type Ledger, openLedger } from '../../src/ledger/ledger.ts';
import { refNames } from '../../src/ledger/refs.ts';
import { type Shared, scratchShared } from '../ledger/support.ts';

export const executable = fileURLToPath(new URL('../../dist/dstack.js', import.meta.url));

/** A shared repository with the guard of the built `dstack`, and without the history that the other hook keeps. */
export async function scratchGuardedByHook(): Promise<Shared> {
  const shared = await scratchShared();
  installGuard(shared);
  return shared;
}

export function installGuard({ path }: Pick<Shared, 'path'>): void {
  execFileSync(process.execPath, [executable, 'hook', 'install', '--guard', path], { stdio: 'pipe' });
  execFileSync('rm', [`${path}/hooks/post-receive`]);
}

export const name = (area: string) => `refs/dstack/${area}`;
export const create = (ref: string, to: string): RefUpdate => ({ ref, from: null, to });

/** Somebody whose objects are in the shared repository at once, as those of a push are for the hook. */
export async function insider(shared: Shared): Promise<Ledger> {
  const local = await openRepository(shared.path);
  return openLedger({ local, remote: shared.path, who: () => ({ name: 'eve', email: 'eve@example.org' }) });
}

/** Who may do everything but what an admin may. */
const everybody = { user: 'eve', roles: rolesOf('eve', { submitter: [], runner: [], admin: [] }) };

/** What the guard says of such a push by somebody whose objects are there: `ref: words`, line by line; '' lets it in. */
export async function judge(
  shared: Shared,
  updates: readonly RefUpdate[],
  who: Parameters<typeof checkPush>[3] = everybody,
  ignoresCase = false,
): Promise<string> {
  const objects = openPushedObjects(shared.path, refNames().prefix, {});
  try {
    const refs = shared.refs();
    const pushed = updates.map(({ ref, from, to }) => ({
      ref,
      to,
      from: from === undefined ? (refs.get(ref) ?? null) : from,
    }));
    const faults = await checkPush(pushed, refNames(), objects, who, ignoresCase);
    return faults.map(({ ref, words }) => `${ref}: ${words}`).join('\n');
  } finally {
    objects.close();
  }
}

/** Pushes what must be let in. */
export async function accepted(shared: Shared, ledger: Ledger, ...updates: RefUpdate[]): Promise<void> {
  assert.is(await judge(shared, updates), '');
  const outcome = await ledger.shared.push(updates);
  assert.ok(outcome.ok, outcome.ok ? '' : outcome.failure.words);
}

/** What must not be let in, for such a reason. */
export async function refused(shared: Shared, words: RegExp, ...updates: RefUpdate[]): Promise<void> {
  const said = await judge(shared, updates);
  assert.ok(words.test(said), `${words} is not what is said: ${said || 'nothing, it is let in'}`);
}

export interface RawCommit {
  parents?: readonly string[];
  /** Path → content, or the id of something that is there. */
  files?: Record<string, string | Uint8Array | { id: string; mode?: string }>;
  base?: string;
  message?: string;
}

/** Writes a commit of any kind into a participant's own repository. */
export async function commit(ledger: Ledger, { parents = [], files = {}, base, message = 'x\n' }: RawCommit) {
  const [id] = await ledger.shared.write([
    {
      parents,
      baseTree: base ?? null,
      files: Object.entries(files).map(([path, content]) =>
        typeof content === 'string' || content instanceof Uint8Array
          ? { path, content }
          : { path, ...content },
      ),
      message,
      author: { name: 'Eve', email: 'eve@example.org', time: 1_764_021_600_000 },
    },
  ]);
  return id as string;
}
