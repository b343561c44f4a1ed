/** A grid of dots in a grid of characters. What is drawn last lies on top. */
export interface Canvas {
  /** Dots from left to right, and from top to bottom. */
  readonly width: number;
  readonly height: number;
  /** Draws a straight line between two dots, both included, which may be the same. */
  line(from: Dot, to: Dot, layer: number): void;
  /** The characters, row by row; null where nothing was drawn. */
  rows(): readonly (readonly (Mark | null)[])[];
}

export interface Dot {
  readonly x: number;
  /** From the top. */
  readonly y: number;
}

export interface Mark {
  readonly layer: number;
  /** The dots of a character of Braille, as Unicode numbers them; of a canvas with a dot in each character always 1. */
  readonly dots: number;
}

/** Two by four dots in each character, as Braille has them. */
export const brailleDots = { across: 2, down: 4 };
/** A dot in each character. */
export const singleDots = { across: 1, down: 1 };

/** Bits of the dots of Braille, by row and column. */
const brailleBits = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
];

/** @param columns characters from left to right */
export function createCanvas(columns: number, rows: number, { across, down } = brailleDots): Canvas {
  const [width, height] = [columns * across, rows * down];
  const dots = new Uint8Array(columns * rows);
  const layers = new Int32Array(columns * rows).fill(-1);
  const set = (x: number, y: number, layer: number) => {
    if (x < 0 || y < 0 || x >= width || y >= height) return;
    const place = Math.floor(y / down) * columns + Math.floor(x / across);
    dots[place] = (dots[place] ?? 0) | (brailleBits[y % down]?.[x % across] ?? 0);
    layers[place] = layer;
  };
  return {
    width,
    height,
    line(from, to, layer) {
      const [wide, high] = [to.x - from.x, to.y - from.y];
      const steps = Math.max(1, Math.abs(wide), Math.abs(high));
      for (let step = 0; step <= steps; step += 1)
        set(Math.round(from.x + (wide * step) / steps), Math.round(from.y + (high * step) / steps), layer);
    },
    rows: () =>
      Array.from({ length: rows }, (_, row) =>
        Array.from({ length: columns }, (_, column) => {
          const place = row * columns + column;
          const layer = layers[place] ?? -1;
          return layer < 0 ? null : { layer, dots: dots[place] ?? 0 };
        }),
      ),
  };
}

/** The character of Braille with these dots. */
export function brailleCharacter(dots: number): string {
  return String.fromCharCode(0x2800 + dots);
}
