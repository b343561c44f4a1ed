import type { PatternNode, SecretPatterns } from './secret-patterns.ts';

/** Takes secrets out of a stream of bytes; the same, however the stream is cut into pieces. */
export interface Masker {
  /** @returns what may be told now; the beginning of what may be a secret is held back, and never for longer than one */
  push(bytes: Uint8Array): Uint8Array;
  /** Nothing has come for a while: what looks like a secret only by its first letters is told. */
  pause(): Uint8Array;
  /** Nothing more comes. Half of a secret or more is hidden as well. */
  end(): Uint8Array;
  readonly holdsBack: boolean;
}

const mask = Buffer.from('***');
/** So many line breaks may stand between two letters of a secret: long ones are wrapped. */
const mostBreaks = 8;
/** Fewer letters than this of a secret may be told. */
const tellingLetters = 4;

interface Thread {
  readonly node: PatternNode;
  readonly start: number;
  readonly breaks: number;
}

/** Simulates the automaton for all places where a secret may have begun; each stretch of secrets becomes one `***`. */
export function createMasker({ starts, pairs }: SecretPatterns): Masker {
  /** Of the whole stream: where what is held begins, and where it ends. */
  let base = 0;
  let position = 0;
  let held: Uint8Array = Buffer.alloc(0);
  let threads: Thread[] = []; // Those that began earlier come first.
  /** In order, apart from each other; what ends before `base` is gone. */
  const found: { start: number; end: number }[] = [];
  let maskedUpTo = -1;

  const find = (start: number, end: number) => {
    let from = start;
    for (let last = found.at(-1); last && last.end >= from; last = found.at(-1)) {
      from = Math.min(from, last.start);
      found.pop();
    }
    found.push({ start: from, end });
  };

  const step = (byte: number) => {
    if (byte === 10 || byte === 13) {
      threads = threads.flatMap(({ node, start, breaks }) =>
        breaks < mostBreaks ? [{ node, start, breaks: breaks + 1 }] : [],
      );
      return;
    }
    const next: Thread[] = [];
    const seen = new Set<PatternNode>();
    // The earliest first, so that of several at one node it is the one that stays.
    const enter = (nodes: readonly PatternNode[] | undefined, start: number) => {
      for (const node of nodes ?? []) {
        if (seen.has(node)) continue;
        seen.add(node);
        if (node.accepts) find(start, position + 1);
        if (node.next.size > 0) next.push({ node, start, breaks: 0 });
      }
    };
    for (const { node, start } of threads) enter(node.next.get(byte), start);
    enter(starts.get(byte), position);
    threads = next;
  };

  /** Tells what lies before a place. */
  const release = (end: number): Uint8Array => {
    const told: Uint8Array[] = [];
    let at = base;
    while (at < end) {
      const first = found[0];
      const clearUpTo = Math.min(first?.start ?? end, end);
      if (at < clearUpTo) {
        told.push(held.subarray(at - base, clearUpTo - base));
        at = clearUpTo;
      } else if (first) {
        if (first.end > at && maskedUpTo !== at) told.push(mask);
        if (first.end > at) maskedUpTo = Math.min(first.end, end);
        at = Math.max(at, maskedUpTo);
        if (first.end <= at) found.shift();
      }
    }
    held = held.subarray(at - base);
    base = at;
    return told.length === 1 && told[0] ? told[0] : Buffer.concat(told);
  };

  return {
    push(bytes) {
      held = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
      for (let at = 0; at < bytes.length; at += 1, position += 1) {
        const byte = bytes[at] as number;
        const second = bytes[at + 1];
        if (threads.length === 0 && second !== undefined && pairs[(byte << 8) | second] === 0) continue;
        step(byte);
      }
      return release(Math.max(base, threads[0]?.start ?? position));
    },
    pause() {
      const isTelling = threads.some(({ node }) => node.depth >= tellingLetters);
      return isTelling ? new Uint8Array() : release(position);
    },
    end() {
      for (const { node, start } of threads) {
        if (node.depth >= tellingLetters && node.depth * 2 >= node.of) find(start, position);
      }
      threads = [];
      return release(position);
    },
    get holdsBack() {
      return base < position;
    },
  };
}

/** A text without secrets; see {@link createMasker}. */
export function maskText(patterns: SecretPatterns, text: string): string {
  const masker = createMasker(patterns);
  return Buffer.concat([masker.push(Buffer.from(text)), masker.end()]).toString();
}
