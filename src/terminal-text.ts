/**
 * Text from a repository, a container or another machine may carry terminal control sequences: they could
 * hide lines, fake output or write to the clipboard. Everything foreign passes through here before it is shown.
 */

// C0, DEL, C1, line separators, zero-width marks, and everything that changes the direction of text.
const UNPRINTABLE =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/**
 * For names, states, error texts: one line, with every control character shown as `\xNN` or `\u{NNNN}`.
 * A line break is a control character too: join or split lines yourself.
 */
export function plainText(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    const hex = character.charCodeAt(0).toString(16);
    return hex.length <= 2 ? `\\x${hex.padStart(2, '0')}` : `\\u{${hex}}`;
  });
}

/** Turns the bytes of a log, in chunks of any size, into text that is safe to print. */
export interface LogSanitizer {
  /** The printable text of this chunk; what is incomplete at its end is held back for the next one. */
  push(bytes: Uint8Array): string;
  /** What was held back, and a reset if a colour is still on. Call it once, after the last chunk. */
  end(): string;
}

// Tab, line feed and carriage return stay; see collapseCarriageReturns for the last one.
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;
// Marks that turn the direction of what follows, by which one text can be made to look like another.
const DIRECTION = /[\u202a-\u202e\u2066-\u2069]/;
const COLOUR_PARAMETERS = /^[0-9;:]*$/;
const MAX_CSI_LENGTH = 256;

type State = 'text' | 'escape' | 'csi' | 'string' | 'string-escape';

/**
 * Keeps text, `\n`, `\t`, `\r` and, if `colour` is set, SGR sequences (colours, bold …); drops every other
 * control character, escape sequence and change of direction, however they are split over chunks. Invalid UTF-8 becomes U+FFFD.
 * Takes linear time; holds at most one CSI sequence of bounded length.
 */
export function createLogSanitizer(options: { colour: boolean }): LogSanitizer {
  const decoder = new TextDecoder('utf-8');
  let state: State = 'text';
  let parameters = '';
  let coloured = false;

  function finishCsi(final: string): string {
    const isColour = final === 'm' && COLOUR_PARAMETERS.test(parameters);
    if (!options.colour || !isColour || parameters.length >= MAX_CSI_LENGTH) return '';
    coloured = !/^0*$/.test(parameters);
    return `\x1b[${parameters}m`;
  }

  function enter(next: State): void {
    state = next;
    parameters = '';
  }

  /** One character that is a control, or stands inside a sequence; returns what to print for it. */
  function step(character: string): string {
    const code = character.charCodeAt(0);
    if (character === '\n' || character === '\r') {
      // A line break ends any sequence, so that an unterminated one cannot swallow the rest of the log.
      enter('text');
      return character;
    }
    if (state === 'string' || state === 'string-escape') {
      if (state === 'string-escape' && character !== '\\') {
        enter('escape');
        return step(character);
      }
      if (code === 0x1b) enter('string-escape');
      else if (state === 'string-escape' || isStringEnd(code)) enter('text');
      return '';
    }
    if (DIRECTION.test(character)) return leave('');
    if (code === 0x1b) enter('escape');
    else if (code === 0x9b) enter('csi');
    else if (isStringStart(code)) enter('string');
    else if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) {
      if (code === 0x18 || code === 0x1a || code >= 0x80) enter('text');
      return character === '\t' && state === 'text' ? character : '';
    } else if (state === 'escape') {
      if (character === '[') enter('csi');
      else if (isStringStart(code + 0x40)) enter('string');
      else if (code > 0x7f) return leave(character);
      else if (code >= 0x30) enter('text');
    } else if (state === 'csi') {
      if (code > 0x7f) return leave(character);
      if (code >= 0x40) {
        const printed = finishCsi(character);
        enter('text');
        return printed;
      }
      if (parameters.length < MAX_CSI_LENGTH) parameters += character;
    } else return character;
    return '';
  }

  /** Not ASCII, so not part of a sequence: the sequence was broken off. */
  function leave(character: string): string {
    enter('text');
    return character;
  }

  function sanitize(text: string): string {
    let output = '';
    let position = 0;
    while (position < text.length) {
      if (state === 'text') {
        CONTROL.lastIndex = position;
        const control = CONTROL.exec(text)?.index ?? text.length;
        output += text.slice(position, control);
        position = control;
        if (position === text.length) break;
      }
      output += step(text.charAt(position));
      position += 1;
    }
    return output;
  }

  return {
    push: (bytes) => sanitize(decoder.decode(bytes, { stream: true })),
    end: () => sanitize(decoder.decode()) + (coloured ? '\x1b[0m' : ''),
  };
}

/** OSC, DCS, SOS, PM, APC as C1 controls; their two-byte forms are ESC and the code minus 0x40. */
function isStringStart(code: number): boolean {
  return code === 0x9d || code === 0x90 || code === 0x98 || code === 0x9e || code === 0x9f;
}

/** BEL, CAN, SUB, ST. */
function isStringEnd(code: number): boolean {
  return code === 0x07 || code === 0x18 || code === 0x1a || code === 0x9c;
}

const SGR = /\x1b\[[0-9;:]*m/g;
const SGR_RESET = /^\x1b\[0*m$/;

/**
 * What a terminal is left showing of one line (without its `\n`) that was drawn again and again after `\r`, as
 * progress bars do: its last state. Takes sanitised text; colours switched on or off in dropped states stay in force.
 */
export function collapseCarriageReturns(line: string): string {
  if (!line.includes('\r')) return line;
  const states = line.split('\r');
  const shown = states.findLastIndex((text) => text.replace(SGR, '') !== '');
  const before = states.slice(0, Math.max(shown, 0)).join('').match(SGR) ?? [];
  const after =
    states
      .slice(shown + 1)
      .join('')
      .match(SGR) ?? [];
  const inForce = before.slice(before.findLastIndex((sgr) => SGR_RESET.test(sgr)) + 1);
  return [...inForce, states[shown] ?? '', ...after].join('');
}
