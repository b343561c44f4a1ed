import { exportedSource } from './exported-source.ts';
import { liveSource, type Source } from './source.ts';

const kept = 'dstack-token';

/**
 * The source of this page; null: it was opened without the token. The token comes behind the `#`, which no browser sends
 * anywhere, and is taken out of the address at once. It is kept where only pages of this very address can see it, so that
 * more tabs of it can be opened.
 */
export function openSource(): Source | null {
  if (window.dstackExport) return exportedSource(window.dstackExport);
  const [path = '', query = ''] = window.location.hash.slice(1).split('?');
  const parameters = new URLSearchParams(query);
  const given = parameters.get('token');
  if (given !== null) {
    window.localStorage.setItem(kept, given);
    parameters.delete('token');
    const rest = parameters.size > 0 ? `?${parameters}` : '';
    window.history.replaceState(null, '', `#${path || '/'}${rest}`);
  }
  const token = given ?? window.localStorage.getItem(kept);
  return token === null ? null : liveSource(token);
}
