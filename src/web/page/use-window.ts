import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

/** Of a long list of rows of one height: those that are drawn. */
export interface RowWindow {
  readonly first: number;
  /** Behind the last. */
  readonly end: number;
  readonly frame: RefObject<HTMLElement>;
  onScroll(): void;
  /** Brings a row into view, in the middle if it is far off. */
  show(row: number): void;
}

/** Rows beyond those in view that are drawn, too, so that nothing flickers. */
const beyond = 10;

/** @param height of a row, in pixels; @param head pixels above the first row that don't scroll */
export function useWindow(count: number, height: number, head = 0): RowWindow {
  const frame = useRef<HTMLElement>(null) as RefObject<HTMLElement>;
  const [view, setView] = useState({ top: 0, height: 600 });
  const look = () => {
    const element = frame.current;
    if (!element) return;
    const next = { top: element.scrollTop, height: element.clientHeight };
    setView((before) => (before.top === next.top && before.height === next.height ? before : next));
  };
  useEffect(() => {
    look();
    const observer = new ResizeObserver(look);
    if (frame.current) observer.observe(frame.current);
    return () => observer.disconnect();
  }, []);
  return {
    first: Math.max(0, Math.min(count, Math.floor(view.top / height) - beyond)),
    end: Math.min(count, Math.ceil((view.top + view.height) / height) + beyond),
    frame,
    onScroll: look,
    show(row) {
      const element = frame.current;
      if (!element) return;
      const [top, bottom] = [row * height, (row + 1) * height];
      const inside = element.clientHeight - head;
      const isFar = bottom < element.scrollTop || top > element.scrollTop + inside;
      if (isFar) element.scrollTop = top - inside / 2;
      else if (top < element.scrollTop) element.scrollTop = top;
      else if (bottom > element.scrollTop + inside) element.scrollTop = bottom - inside;
    },
  };
}
