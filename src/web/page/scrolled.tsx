import type { ComponentChildren, RefObject } from 'preact';

interface ScrolledProps {
  /** What is in it, for who can't see it. */
  readonly label: string;
  readonly class?: string;
  readonly frame?: RefObject<HTMLElement>;
  readonly onScroll?: () => void;
  readonly children: ComponentChildren;
}

/** A part of the page that scrolls by itself, also without a mouse. */
export function Scrolled({ label, class: name = 'frame', frame, onScroll, children }: ScrolledProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable without a mouse
    <section aria-label={label} class={name} ref={frame} onScroll={onScroll} tabIndex={0}>
      {children}
    </section>
  );
}
