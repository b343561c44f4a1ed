import type { JobState } from '../ledger/state.ts';

/** The symbols of a screen: each state has its own, so that a screen without colours says the same. */
export interface Glyphs {
  readonly state: Readonly<Record<JobState, string>>;
  readonly pointer: string;
  /** Beside the pointer: it is one of those that were chosen. */
  readonly mark: string;
  readonly open: string;
  readonly closed: string;
  readonly branch: string;
  readonly lastBranch: string;
  readonly trunk: string;
  readonly ellipsis: string;
  readonly separator: string;
  readonly upDown: string;
  /** The lines of a chart's axes, and the marks on them. */
  readonly axis: {
    readonly side: string;
    readonly sideTick: string;
    readonly corner: string;
    readonly bottom: string;
    readonly bottomTick: string;
  };
  readonly arrow: string;
}

export const unicodeGlyphs: Glyphs = {
  state: {
    submitted: '○',
    claimed: '◌',
    pulling: '↓',
    running: '●',
    uploading: '↑',
    done: '✔',
    failed: '✖',
    stopped: '■',
    aborted: '⊘',
    skipped: '↷',
    cached: '≡',
  },
  pointer: '❯',
  mark: '◆',
  open: '▾',
  closed: '▸',
  branch: '├',
  lastBranch: '└',
  trunk: '│',
  ellipsis: '…',
  separator: ' · ',
  upDown: '↑↓',
  axis: { side: '│', sideTick: '┤', corner: '└', bottom: '─', bottomTick: '┬' },
  arrow: '→',
};

export const asciiGlyphs: Glyphs = {
  state: {
    submitted: '.',
    claimed: 'o',
    pulling: 'v',
    running: '*',
    uploading: '^',
    done: '+',
    failed: 'x',
    stopped: '#',
    aborted: '!',
    skipped: '-',
    cached: '=',
  },
  pointer: '>',
  mark: '*',
  open: '-',
  closed: '+',
  branch: '|',
  lastBranch: '`',
  trunk: '|',
  ellipsis: '~',
  separator: ', ',
  upDown: 'up/down',
  axis: { side: '|', sideTick: '+', corner: '+', bottom: '-', bottomTick: '+' },
  arrow: '->',
};

/** Unicode symbols if the locale says that the terminal shows UTF-8 (POSIX: the first of the three that is set). */
export function glyphsForLocale(env: NodeJS.ProcessEnv): Glyphs {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
  return /utf-?8/i.test(locale) ? unicodeGlyphs : asciiGlyphs;
}

/** Foreign text in the characters that the terminal shows. Of what isn't ASCII, jobs write the blocks of progress bars most. */
export function inGlyphs(text: string, glyphs: Glyphs): string {
  if (glyphs !== asciiGlyphs) return text;
  return text.replace(/[\u2588-\u258f]/g, '#').replace(/[^\x20-\x7e]/gu, '?');
}
