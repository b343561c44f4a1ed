import { useEffect } from 'preact/hooks';
import type { Source } from './source.ts';

/** What somebody does who looks at the page, or comes back to it from another window. */
const signs = ['keydown', 'pointerdown', 'focus'] as const;
/** Milliseconds between two words about it. */
const spacing = 1_000;

/** Tells whoever reads the repository for the page that somebody is looking: what is shown should be new. */
export function usePresence(source: Source): void {
  useEffect(() => {
    if (!source.isLive) return;
    let toldAt = Number.NEGATIVE_INFINITY;
    const tell = () => {
      if (performance.now() - toldAt < spacing) return;
      toldAt = performance.now();
      // Without an answer the feed says so.
      source.get(['look']).catch(() => {});
    };
    for (const sign of signs) window.addEventListener(sign, tell);
    return () => {
      for (const sign of signs) window.removeEventListener(sign, tell);
    };
  }, [source]);
}
