import type { RefObject } from 'preact';
import { useRef } from 'preact/hooks';
import { useKeys } from './keys.ts';

/** Moves the focus through the links of a list that are marked with `data-row`. */
export function useRowKeys(what: string): RefObject<HTMLElement> {
  const frame = useRef<HTMLElement>(null) as RefObject<HTMLElement>;
  const move = (to: (at: number, last: number) => number) => {
    const rows = [...(frame.current?.querySelectorAll<HTMLElement>('[data-row]') ?? [])];
    const at = rows.indexOf(document.activeElement as HTMLElement);
    rows[Math.max(0, Math.min(to(at, rows.length - 1), rows.length - 1))]?.focus();
  };
  useKeys([
    { keys: ['j', 'ArrowDown'], does: `next ${what}`, run: () => move((at) => at + 1) },
    { keys: ['k', 'ArrowUp'], does: `${what} before`, run: () => move((at) => at - 1) },
    { keys: ['g', 'Home'], does: `first ${what}`, run: () => move(() => 0) },
    { keys: ['G', 'End'], does: `last ${what}`, run: () => move((_, last) => last) },
  ]);
  return frame;
}
