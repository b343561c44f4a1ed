import { useLayoutEffect, useRef } from 'preact/hooks';

/** What a key does, for the page and for its help. */
export interface KeyBinding {
  /** As `KeyboardEvent.key` has them; any of them. */
  readonly keys: readonly string[];
  readonly does: string;
  run(): void;
}

const active = new Set<{ readonly current: readonly KeyBinding[] }>();

/** All keys that mean something now. */
export function activeBindings(): KeyBinding[] {
  return [...active].flatMap(({ current }) => current);
}

/** Binds keys for as long as the component is there; while something is typed or a dialog is open they mean nothing. */
export function useKeys(bindings: readonly KeyBinding[]): void {
  const newest = useRef(bindings);
  newest.current = bindings;
  // Not after the next frame: what one sees one may have answered by then.
  useLayoutEffect(() => {
    const follow = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (isTyping(event.target) || document.querySelector('dialog[open]')) return;
      const binding = newest.current.find(({ keys }) => keys.includes(event.key));
      if (!binding) return;
      event.preventDefault();
      binding.run();
    };
    active.add(newest);
    document.addEventListener('keydown', follow);
    return () => {
      active.delete(newest);
      document.removeEventListener('keydown', follow);
    };
  }, []);
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return target.type !== 'checkbox';
  return target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement;
}
