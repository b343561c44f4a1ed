import { useEffect, useState } from 'preact/hooks';

/** Where in the page one is, as it stands behind the `#`: `/run/NAME`, `/compare/A,B?x=step`. */
export interface Route {
  readonly words: readonly string[];
  readonly query: URLSearchParams;
}

export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#/, '').split('?');
  const words = path.split('/').filter((word) => word !== '');
  return { words: words.map(decoded), query: new URLSearchParams(query) };
}

function decoded(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}

/** An address within the page. */
export function linkTo(words: readonly string[], query: Readonly<Record<string, string>> = {}): string {
  const filled = Object.entries(query).filter(([, value]) => value !== '');
  const search = filled.length > 0 ? `?${new URLSearchParams(filled)}` : '';
  return `#/${words.map(encodeURIComponent).join('/')}${search}`;
}

export function goTo(words: readonly string[], query: Readonly<Record<string, string>> = {}): void {
  window.location.hash = linkTo(words, query);
}

/** Changes the address without a step in the browser's history. */
export function replaceRoute(words: readonly string[], query: Readonly<Record<string, string>>): void {
  window.history.replaceState(null, '', linkTo(words, query));
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(window.location.hash));
  useEffect(() => {
    const follow = () => setRoute(parseRoute(window.location.hash));
    window.addEventListener('hashchange', follow);
    return () => window.removeEventListener('hashchange', follow);
  }, []);
  return route;
}
