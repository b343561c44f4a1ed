import Anser from 'anser';

/** A piece of a line in one style. */
export interface StyledText {
  readonly text: string;
  /** Class names for the sixteen colours that a theme has, and for bold and the like. */
  readonly classes: string;
  /** Colours of their own. */
  readonly style: { readonly color?: string; readonly backgroundColor?: string };
}

/** A sanitised line of a log, taken apart by its colours. Pure. */
export function styledTexts(line: string): StyledText[] {
  if (!line.includes('\x1b')) return [{ text: line, classes: '', style: {} }];
  return Anser.ansiToJson(line, { json: true, use_classes: true, remove_empty: true }).map((part) => {
    const front = colourOf(part.fg, part.fg_truecolor);
    const back = colourOf(part.bg, part.bg_truecolor);
    return {
      text: part.content,
      classes: [
        ...(front?.name ? [front.name] : []),
        ...(back?.name ? [`${back.name}-back`] : []),
        ...part.decorations.map((decoration) => `ansi-${decoration}`),
      ].join(' '),
      style: {
        ...(front?.colour ? { color: front.colour } : {}),
        ...(back?.colour ? { backgroundColor: back.colour } : {}),
      },
    };
  });
}

function colourOf(
  name: string | null,
  truecolour: string | null,
): { readonly name?: string; readonly colour?: string } | null {
  if (!name) return null;
  if (truecolour) return { colour: `rgb(${truecolour})` };
  const number = Number(/^ansi-palette-(\d+)$/.exec(name)?.[1] ?? Number.NaN);
  return Number.isNaN(number) ? { name } : { colour: paletteColour(number) };
}

/** Of the 256 colours those behind the sixteen: a cube of 6 × 6 × 6, then grey. */
function paletteColour(number: number): string {
  if (number >= 232)
    return `rgb(${Array(3)
      .fill(8 + (number - 232) * 10)
      .join(', ')})`;
  const cube = number - 16;
  const levels = [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6];
  return `rgb(${levels.map((level) => (level === 0 ? 0 : 55 + level * 40)).join(', ')})`;
}

/** The text of a line without its colours. */
export function plainLine(line: string): string {
  return line.replace(/\x1b\[[0-9;:]*m/g, '');
}
