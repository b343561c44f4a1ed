import type { Access } from '../language/job-spec.ts';

/** What a runner lets containers have beyond every other one, as its card says it. */
export interface Allowed {
  readonly mounts: readonly { readonly path: string; readonly writable: boolean }[];
  readonly network: readonly string[];
  readonly capabilities: readonly string[];
}

/**
 * What a job asks for of it that it can't have there, as far as can be seen from elsewhere, where links in the paths are
 * not known: the runner itself looks more closely. Pure.
 */
export function accessShortfalls(access: Access | undefined, allowed: Allowed | undefined) {
  const found: { needs: string; has: string; distance: number }[] = [];
  if (!access) return found;
  const lacks = (needs: string) => found.push({ needs, has: 'no such allowance', distance: 1 });
  if (access.network === 'host' && !allowed?.network.includes('host')) lacks('the network of the machine');
  const missing = access.capabilities.filter((name) => !allowed?.capabilities.includes(name));
  if (missing.length > 0) lacks(`the capability ${missing.join(', ')}`);
  const mount = access.mounts.find(({ source, readOnly }) => !mayMount(source, readOnly, allowed));
  if (mount) lacks(`${shortPath(mount.source)} of the machine${mount.readOnly ? '' : ', to write there'}`);
  return found;
}

function mayMount(source: string, readOnly: boolean, allowed: Allowed | undefined): boolean {
  return (allowed?.mounts ?? []).some(
    ({ path, writable }) =>
      (readOnly || writable) && (source === path || source.startsWith(path === '/' ? path : `${path}/`)),
  );
}

/** Of what others have written: no more than is needed to know it again. */
function shortPath(path: string): string {
  return path.length > 60 ? `…${path.slice(-59)}` : path;
}
