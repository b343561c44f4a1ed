/**
 * The ways to write one character: each a row of bytes, each byte given by all that it may be (as Latin-1 characters,
 * `fF` for a digit whose case is free).
 */
export type Letter = readonly (readonly string[])[];

const named: Readonly<Record<string, readonly string[]>> = {
  ' ': ['+'],
  '"': ['""', '&quot;'],
  "'": ["''", "'\\''", `'"'"'`, '&apos;'],
  '&': ['&amp;'],
  '<': ['&lt;'],
  '>': ['&gt;'],
};

/** What stands behind a backslash for a control character. */
const escapes: Readonly<Record<string, string>> = {
  '\n': 'n',
  '\r': 'r',
  '\t': 't',
  '\b': 'b',
  '\f': 'f',
  '\v': 'v',
  '\x07': 'a',
  '\x1b': 'eE',
};

/** One backslash, or as many as become of it if the whole is escaped again. */
const once = [['\\'], ['\\', '\\']];
/** The same before what is escaped itself, such as a quote. */
const again = [1, 2, 3, 4, 7].map((count) => Array<string>(count).fill('\\'));

/**
 * The characters of a text as they may stand in a log: as they are, or escaped as by URLs, JSON, shells, C, HTML, one or
 * two of these on top of each other. Line breaks count as part of what follows, since they may be missing.
 */
export function lettersOf(text: string): Letter[] {
  const letters: Letter[] = [];
  let breaks = 0;
  for (const character of text.replace(/^[\r\n]+|[\r\n]+$/g, '').replace(/\r\n?/g, '\n')) {
    if (character === '\n') breaks += 1;
    else {
      const ways = waysOf(character);
      letters.push(breaks === 0 ? ways : ways.flatMap((way) => [way, ...brokenBefore(way, breaks)]));
      breaks = 0;
    }
  }
  return letters;
}

/** Raw line breaks need no way of their own: what reads a log passes over them. */
function brokenBefore(way: readonly string[], breaks: number): string[][] {
  const lineFeeds = escapedWays('\n');
  const carriageReturns = escapedWays('\r');
  const pairs = carriageReturns.map((first, index) => [...first, ...(lineFeeds[index] as string[])]);
  return [...lineFeeds, ...pairs].map((one) => [...Array(breaks).fill(one).flat(), ...way]);
}

function waysOf(character: string): Letter {
  // Nothing escapes these.
  if (/[A-Za-z0-9]/.test(character)) return [[character]];
  const raw = bytesOf(character).map((byte) => String.fromCharCode(byte));
  const behindBackslash = character >= ' ' && character < '\x7f' ? [character] : [];
  return [
    raw,
    ...escapedWays(character),
    ...behindBackslash.flatMap((one) => again.map((before) => [...before, one])),
    ...(named[character] ?? []).map((text) => [...text]),
  ];
}

function escapedWays(character: string): string[][] {
  const bytes = bytesOf(character);
  const units = [...Array(character.length).keys()].map((at) => character.charCodeAt(at));
  const point = character.codePointAt(0) ?? 0;
  const short = escapes[character];
  return [
    bytes.flatMap((byte) => ['%', ...hex(byte, 2)]),
    bytes.flatMap((byte) => ['%', '2', '5', ...hex(byte, 2)]),
    ['&', '#', ...String(point), ';'],
    ['&', '#', 'xX', ...hex(point, 1), ';'],
    ...once.flatMap((before) => [
      bytes.flatMap((byte) => [...before, 'x', ...hex(byte, 2)]),
      bytes.flatMap((byte) => [...before, ...byte.toString(8).padStart(3, '0')]),
      units.flatMap((unit) => [...before, 'u', ...hex(unit, 4)]),
      ...(short === undefined ? [] : [[...before, short]]),
    ]),
  ];
}

const hex = (value: number, digits: number): string[] =>
  [...value.toString(16).padStart(digits, '0')].map((digit) =>
    /\d/.test(digit) ? digit : digit + digit.toUpperCase(),
  );

const bytesOf = (character: string): number[] => [...Buffer.from(character)];

/** How base64's last two digits are written: as such, for URLs, and escaped. */
const digits62: Letter = [['+-'], ['%', '2', 'bB'], ['\\', 'u', '0', '0', '2', 'bB']];
const digits63: Letter = [['/_'], ['%', '2', 'fF'], ['\\', '/'], ['\\', 'u', '0', '0', '2', 'fF']];

/**
 * What a text becomes in base64 behind a number of other bytes that leaves 0, 1 or 2 when divided by three; without the
 * digits at either end that depend on its neighbours, too.
 */
export function base64Of(text: string): Letter[][] {
  const bytes = Buffer.from(text);
  return [0, 2, 3].map((start, before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    const end = Math.floor(((before + bytes.length) * 8) / 6);
    return [...encoded.slice(start, end)].map((digit) =>
      digit === '+' ? digits62 : digit === '/' ? digits63 : [[digit]],
    );
  });
}
