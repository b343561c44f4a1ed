/** Sizes in pixels. Six tenths of the font size is the width of a character in nearly every monospaced font. */
const fontSize = 14;
const columnWidth = fontSize * 0.6;
const lineHeight = 19;
const margin = 16;

const background = '#16181d';
const foreground = '#d6d9de';
/** The 16 colours of a terminal. */
const palette = [
  ...['#3b4048', '#ef6b73', '#8fce72', '#e2b65c', '#6cb2f2', '#c991e8', '#57c5cf', '#d6d9de'],
  ...['#7a828e', '#ff8b92', '#aee896', '#f2cf85', '#93caff', '#dcb0f5', '#82dde5', '#ffffff'],
];

interface Style {
  bold: boolean;
  dim: boolean;
  inverse: boolean;
  colour: string | null;
  backdrop: string | null;
}

/** Text of one style, and the column at which it begins. */
interface Segment {
  column: number;
  text: string;
  style: Style;
}

const plain: Style = { bold: false, dim: false, inverse: false, colour: null, backdrop: null };

/**
 * Draws what `tmux capture-pane -e -p` prints, as an SVG with text that can be selected.
 * @param lines with SGR sequences (16 colours, bold, dim, inverse), each character one column wide
 * @param columns the width of the terminal
 * @param title what a screen reader says
 * @throws Error for a style that it can't show
 */
export function terminalSvg(lines: readonly string[], columns: number, title: string): string {
  const width = Math.ceil(columns * columnWidth) + 2 * margin;
  const height = lines.length * lineHeight + 2 * margin;
  let style = plain;
  const body = lines.flatMap((line, row) => {
    const { segments, after } = segmentsOf(line, style);
    style = after;
    return drawLine(segments, margin + row * lineHeight);
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" rx="8" fill="${background}"/>`,
    `<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="${fontSize}" fill="${foreground}">`,
    ...body,
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

/** Takes a line apart; a style that is on at its end goes on in the next one. */
function segmentsOf(line: string, before: Style): { segments: Segment[]; after: Style } {
  const segments: Segment[] = [];
  let style = before;
  let column = 0;
  for (const piece of line.split(/(\x1b\[[0-9;]*m)/)) {
    if (piece.startsWith('\x1b[')) {
      style = styled(style, piece.slice(2, -1).split(';').map(Number));
    } else if (piece !== '') {
      segments.push({ column, text: piece, style });
      column += lengthOf(piece);
    }
  }
  return { segments, after: style };
}

function styled(before: Style, codes: readonly number[]): Style {
  let style = before;
  for (const code of codes) {
    if (code === 0) style = plain;
    else if (code === 1) style = { ...style, bold: true };
    else if (code === 2) style = { ...style, dim: true };
    else if (code === 7) style = { ...style, inverse: true };
    else if (code === 22) style = { ...style, bold: false, dim: false };
    else if (code === 27) style = { ...style, inverse: false };
    else if (code >= 30 && code <= 37) style = { ...style, colour: colourAt(code - 30) };
    else if (code === 39) style = { ...style, colour: null };
    else if (code >= 40 && code <= 47) style = { ...style, backdrop: colourAt(code - 40) };
    else if (code === 49) style = { ...style, backdrop: null };
    else if (code >= 90 && code <= 97) style = { ...style, colour: colourAt(code - 82) };
    else if (code >= 100 && code <= 107) style = { ...style, backdrop: colourAt(code - 92) };
    else throw new Error(`the picture cannot show the terminal style ${codes.join(';')}`);
  }
  return style;
}

function colourAt(index: number): string {
  return palette[index] ?? foreground;
}

function drawLine(segments: readonly Segment[], top: number): string[] {
  const boxes = segments.flatMap(({ column, text, style }) => {
    const fill = style.inverse ? (style.colour ?? foreground) : style.backdrop;
    const size = `width="${pixels(lengthOf(text))}" height="${lineHeight}"`;
    return fill === null ? [] : [`<rect x="${at(column)}" y="${top}" ${size} fill="${fill}"/>`];
  });
  const spans = segments.flatMap((segment) => wordsOf(segment).map(drawWords));
  return spans.length === 0 ? boxes : [...boxes, `<text y="${top + fontSize}">${spans.join('')}</text>`];
}

/** What stands between gaps of two and more columns: each gets its place, whatever the width of the font. */
function wordsOf({ column, text, style }: Segment): Segment[] {
  return [...text.matchAll(/\S+(?: \S+)*/g)].map((match) => ({
    column: column + lengthOf(text.slice(0, match.index)),
    text: match[0],
    style,
  }));
}

function drawWords({ column, text, style }: Segment): string {
  const fill = style.inverse ? (style.backdrop ?? background) : style.colour;
  const attributes = [
    `x="${at(column)}" textLength="${pixels(lengthOf(text))}"`,
    ...(fill === null ? [] : [`fill="${fill}"`]),
    ...(style.bold ? ['font-weight="bold"'] : []),
    ...(style.dim ? ['fill-opacity="0.65"'] : []),
  ];
  return `<tspan ${attributes.join(' ')}>${escaped(text)}</tspan>`;
}

const lengthOf = (text: string) => [...text].length;
const at = (column: number) => round(margin + column * columnWidth);
const pixels = (columns: number) => round(columns * columnWidth);
const round = (length: number) => Number(length.toFixed(1));

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
