const newline = 10;
const space = 32;
const caret = 94;
const hash = 35;

/** Where in a `packed-refs` file the id of a ref begins, the space behind it is, its name ends, and the next ref begins. */
interface Line {
  readonly start: number;
  readonly middle: number;
  readonly end: number;
  readonly next: number;
}

/** Is it as Git has written it since 2.19: in the order of the names? Only then can be searched in it. */
export function isSorted(content: Buffer): boolean {
  if (content.length === 0) return true;
  const header = content.toString('latin1', 0, Math.max(0, content.indexOf(newline)));
  return header.startsWith('# pack-refs with:') && header.split(' ').includes('sorted');
}

/**
 * The refs of a sorted `packed-refs` file (gitrepository-layout(5)) that are called `name`, or also those below it, in
 * the order of their names. By halving, for a repository can have very many.
 * @throws Error where a line is not what Git writes
 */
export function* packedRefs(content: Buffer, name: string, below: boolean): Generator<[string, string]> {
  const exact = lineAt(content, firstFrom(content, Buffer.from(name)));
  if (exact && nameOf(content, exact).equals(Buffer.from(name))) yield [name, idOf(content, exact)];
  if (!below) return;
  // What is called `a-b` lies between `a` and `a/b`.
  const prefix = Buffer.from(`${name}/`);
  let line = lineAt(content, firstFrom(content, prefix));
  while (line && nameOf(content, line).subarray(0, prefix.length).equals(prefix)) {
    yield [nameOf(content, line).toString(), idOf(content, line)];
    line = lineAt(content, line.next);
  }
}

function nameOf(content: Buffer, { middle, end }: Line): Buffer {
  return content.subarray(middle + 1, end);
}

function idOf(content: Buffer, { start, middle }: Line): string {
  const id = content.toString('latin1', start, middle);
  if (!/^[0-9a-f]+$/.test(id)) throw new Error('not an id in packed-refs');
  return id;
}

/** Where the first ref begins whose name is not before `name`. */
function firstFrom(content: Buffer, name: Buffer): number {
  let low = content[0] === hash ? content.indexOf(newline) + 1 : 0;
  let high = content.length;
  while (low < high) {
    const line = lineAt(content, startOfLine(content, (low + high) >> 1));
    if (!line) break;
    if (name.compare(content, line.middle + 1, line.end) > 0) low = line.next;
    else high = line.start;
  }
  return low;
}

/** Where the line of a ref begins that has this byte, or what it is peeled to in the line after it. */
function startOfLine(content: Buffer, at: number): number {
  const start = at === 0 ? 0 : content.lastIndexOf(newline, at - 1) + 1;
  return content[start] === caret && start > 0 ? startOfLine(content, start - 1) : start;
}

function lineAt(content: Buffer, start: number): Line | null {
  if (start >= content.length) return null;
  const middle = content.indexOf(space, start);
  const end = content.indexOf(newline, start);
  if (![40, 64].includes(middle - start) || end < middle) throw new Error('not a line of packed-refs');
  const peeled = content[end + 1] === caret;
  const next = peeled ? content.indexOf(newline, end + 1) + 1 : end + 1;
  return { start, middle, end, next: next === 0 ? content.length : next };
}
