import { createHash } from 'node:crypto';
import { join } from 'node:path';
import pRetry from 'p-retry';
import { DstackError } from '../errors.ts';
import { fetchRefs, listRemoteRefs } from '../git/fetch.ts';
import { openObjectReader } from '../git/object-reader.ts';
import { push } from '../git/push.ts';
import { forgetRefs, listRefs } from '../git/refs.ts';
import type { Repository } from '../git/repository.ts';
import { writeCommits } from '../git/write-commits.ts';
import { inOrder } from './in-order.ts';
import { inTime } from './in-time.ts';
import { mirrors } from './refs.ts';
import { exactly, type SharedRepository, unreachable, withoutPassword } from './shared-repository.ts';

/** Anything that has to be fetched from: its refs are mirrored in the local repository under a prefix of their own. */
export function openByFetching(local: Repository, remote: string, address: string): SharedRepository {
  const location = withoutPassword(address);
  const mirror = `${mirrors}/${createHash('sha256').update(address).digest('hex').slice(0, 12)}`;
  const reader = openObjectReader(local.gitDir);
  // Two fetches into the same refs would get in each other's way.
  const oneAtATime = inOrder();

  const fetchPrefixes = async (prefixes: readonly string[], limit?: number) => {
    // Without a refspec Git would fetch, and prune, whatever the user has configured for this remote.
    if (prefixes.length === 0) return new Map<string, string>();
    const refspecs = prefixes.map((prefix) => {
      const below = prefix.replace(/\/$/, '');
      // Without a slash before it, the star matches the ref of that very name as well as those below it.
      return `+${below}*:${join(mirror, below)}*`;
    });
    const fetchOnce = async () => {
      const options = { prune: true, limit, tips: ['refs/heads/*', `${mirror}/*`] };
      let failure = await fetchRefs(local, remote, refspecs, options);
      if (
        failure?.words.includes(mirror) &&
        /bad object|missing object|reference broken/.test(failure.words)
      ) {
        // Refs of the mirror that a power cut has emptied, perhaps, would be in the way for ever.
        await forgetRefs(local, mirror);
        failure = await fetchRefs(local, remote, refspecs, options);
      }
      if (failure) throw unreachable(location, failure);
    };
    await pRetry(fetchOnce, {
      retries: 3,
      minTimeout: 50,
      randomize: true,
      // Another process of this repository's fetches, too; and a killed Git is no reason to give up.
      shouldRetry: ({ error }) => error instanceof DstackError && ['lock', 'killed'].includes(error.code),
    });
    const refs = await listRefs(
      local.gitDir,
      prefixes.map((prefix) => `${mirror}/${prefix}`),
    );
    return new Map([...refs].map(([ref, id]) => [ref.slice(mirror.length + 1), id]));
  };

  return {
    location,
    remote,
    local,
    path: null,
    list: (prefixes, { limit } = {}) =>
      limit === undefined
        ? oneAtATime(() => fetchPrefixes(prefixes))
        : inTime(limit, location, (left) => oneAtATime(async () => fetchPrefixes(prefixes, left()))),
    async tips(refs) {
      const found = await listRemoteRefs(local, remote, refs);
      if ('failure' in found) throw unreachable(location, found.failure);
      return exactly(refs, found.refs);
    },
    read: (name) => reader.read(name),
    async obtain(ids) {
      // A listing has fetched what refs point at; what is archived has none of its own.
      const known = await Promise.all(ids.map((id) => reader.read(id)));
      const missing = ids.filter((_, index) => !known[index]);
      if (missing.length === 0) return;
      const failure = await oneAtATime(() => fetchRefs(local, remote, missing));
      if (failure) throw unreachable(location, failure);
    },
    write: (commits) => writeCommits(local, commits, reader),
    push: (updates, options) =>
      push(local, remote, updates, { ...options, atomic: options?.atomic ?? false }),
    close: () => reader.close(),
  };
}
