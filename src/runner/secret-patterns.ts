import { base64Of, type Letter, lettersOf } from './secret-spellings.ts';

/** Where a reader of secrets is within one of them. */
export interface PatternNode {
  /** Where each next byte leads; several ways of writing may begin alike. */
  readonly next: Map<number, PatternNode[]>;
  /** How many letters have been read of how many. */
  readonly depth: number;
  readonly of: number;
  readonly accepts: boolean;
}

/** All the ways in which values can be written, as an automaton that begins anew at every byte. */
export interface SecretPatterns {
  readonly starts: ReadonlyMap<number, readonly PatternNode[]>;
  /** Can these two bytes, as `first << 8 | second`, begin a secret? For skipping what can't, quickly. */
  readonly pairs: Uint8Array;
}

/** A line of a longer secret, such as a private key, is one by itself if it has so many characters. */
const leastLine = 8;

/**
 * What to look for: each value, the same in base64 behind anything, and each longer line of one that has several.
 * @param values of at least four characters each
 */
export function compilePatterns(values: Iterable<string>): SecretPatterns {
  const root = newNode(0, 0);
  for (const value of new Set(values)) {
    for (const text of [value, ...longLines(value)]) add(root, lettersOf(text));
    for (const letters of base64Of(value)) add(root, letters);
  }
  return { starts: root.next, pairs: pairsOf(root) };
}

function longLines(value: string): string[] {
  const lines = value.split(/[\r\n]+/).map((line) => line.trim());
  return lines.length > 1 ? lines.filter((line) => line.length >= leastLine) : [];
}

function newNode(depth: number, of: number): PatternNode & { accepts: boolean } {
  return { next: new Map(), depth, of, accepts: false };
}

function add(root: PatternNode, letters: readonly Letter[]): void {
  let before = root;
  for (const [index, letter] of letters.entries()) {
    const after = newNode(index + 1, letters.length);
    after.accepts = index === letters.length - 1;
    // Ways that begin alike share their nodes.
    const shared = new Map<string, PatternNode>();
    for (const way of letter) {
      let node = before;
      let prefix = '';
      for (const [at, bytes] of way.entries()) {
        prefix += `${bytes} `;
        const isLast = at === way.length - 1;
        const known = isLast ? undefined : shared.get(prefix);
        const target = known ?? (isLast ? after : newNode(index, letters.length));
        if (!known) for (const byte of bytes) connect(node, byte.charCodeAt(0), target);
        if (!isLast) shared.set(prefix, target);
        node = target;
      }
    }
    before = after;
  }
}

function connect(from: PatternNode, byte: number, to: PatternNode): void {
  const targets = from.next.get(byte);
  if (targets) targets.push(to);
  else from.next.set(byte, [to]);
}

function pairsOf(root: PatternNode): Uint8Array {
  const pairs = new Uint8Array(1 << 16);
  for (const [first, nodes] of root.next) {
    // A line may be broken anywhere.
    const seconds = [10, 13, ...nodes.flatMap((node) => [...node.next.keys()])];
    for (const second of seconds) pairs[(first << 8) | second] = 1;
  }
  return pairs;
}
