import { realpathSync } from 'node:fs';
import type { Allowances } from '../config/allowances.ts';
import type { Mount } from '../executor/executor.ts';
import type { Access } from '../language/job-spec.ts';

/** What a runner lets jobs have whose machine says nothing of it. */
export const nothingAllowed: Allowances = { mounts: [], network: [], capabilities: [] };

/** Is anything allowed at all? */
export function isAnything(allowed: Allowances | undefined): allowed is Allowances {
  return allowed !== undefined && Object.values(allowed).some((list) => list.length > 0);
}

/** What a container may have of this machine; or why a job can't have what it asks for, as a clause about the job. */
export type Granted = { readonly mounts: readonly Mount[] } | { readonly lacking: string };

const notAllowed = 'which this runner does not allow (its setting runner.allow)';

/**
 * What this machine lets a job have. Sources of mounts are judged, and mounted, by where they really are: a link in an
 * allowed folder leads nowhere else.
 */
export function grant(allowed: Allowances, access: Access | undefined): Granted {
  if (!access) return { mounts: [] };
  const { network } = access;
  if (network === 'host' && !allowed.network.includes(network)) {
    return { lacking: `needs the network of the machine, ${notAllowed}` };
  }
  const refused = access.capabilities.filter((name) => !allowed.capabilities.includes(name));
  if (refused.length > 0) {
    return { lacking: `needs the capability ${refused.join(', ')}, ${notAllowed}` };
  }
  const mounts: Mount[] = [];
  for (const { source, target, readOnly } of access.mounts) {
    const place = realPlace(source);
    const lacking = place === null ? 'which is not there' : mountFault(allowed, place, readOnly);
    if (place === null || lacking !== null) return { lacking: `needs ${source} of the machine, ${lacking}` };
    mounts.push({ source: place, target, readOnly });
  }
  return { mounts };
}

/** @param place its real path */
function mountFault({ mounts }: Allowances, place: string, readOnly: boolean): string | null {
  const roots = mounts.flatMap(({ path, writable }) => {
    const real = realPlace(path);
    return real === null ? [] : [{ path: real, writable }];
  });
  const own = roots.filter((root) => isIn(place, root.path));
  if (own.length === 0) return notAllowed;
  if (!readOnly && !own.some(({ writable }) => writable)) return 'to which this runner lets no job write';
  // A job could put a link to anywhere in its place at the last moment.
  const above = own.find((root) => root.writable && root.path !== place);
  return above ? `which lies in ${above.path}, where jobs may write: only that as a whole can be had` : null;
}

function isIn(place: string, folder: string): boolean {
  return place === folder || place.startsWith(folder === '/' ? '/' : `${folder}/`);
}

function realPlace(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}
