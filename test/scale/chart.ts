/** A line of a chart: its points in order of x. */
export interface Line {
  readonly name: string;
  readonly points: readonly { x: number; y: number }[];
}

export interface Chart {
  readonly title: string;
  readonly x: { label: string; ticks: readonly number[]; log?: boolean };
  readonly y: { label: string; ticks: readonly number[]; log?: boolean };
  readonly lines: readonly Line[];
}

const width = 640;
const height = 360;
const plot = { left: 70, right: 500, top: 48, bottom: 300 };
/** Seen well on white and on black, and apart by those who confuse red and green (Okabe and Ito). */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00'];
const grey = '#7f8790';

/** Draws lines between points, as an SVG without a background, so that it fits a light and a dark page. */
export function drawChart({ title, x, y, lines }: Chart): string {
  const across = scale(x, plot.left, plot.right);
  const up = scale(y, plot.bottom, plot.top);
  const xAxis = x.ticks.flatMap((tick) => [
    `<line x1="${across(tick)}" x2="${across(tick)}" y1="${plot.bottom}" y2="${plot.bottom + 4}" stroke="${grey}"/>`,
    text(across(tick), plot.bottom + 20, number(tick), 'middle'),
  ]);
  const yAxis = y.ticks.flatMap((tick) => [
    `<line x1="${plot.left}" x2="${plot.right}" y1="${up(tick)}" y2="${up(tick)}" stroke="${grey}" stroke-opacity="0.35"/>`,
    text(plot.left - 8, up(tick) + 4, number(tick), 'end'),
  ]);
  const drawn = lines.flatMap(({ name, points }, index) => {
    const colour = colours[index % colours.length] as string;
    const path = points.map((point) => `${across(point.x)},${up(point.y)}`).join(' ');
    const dots = points.map(
      (point) => `<circle cx="${across(point.x)}" cy="${up(point.y)}" r="3" fill="${colour}"/>`,
    );
    const legend = plot.top + 10 + index * 20;
    return [
      `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      ...dots,
      `<line x1="${plot.right + 14}" x2="${plot.right + 34}" y1="${legend}" y2="${legend}" stroke="${colour}" stroke-width="2"/>`,
      text(plot.right + 40, legend + 4, name, 'start'),
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" font-family="system-ui, sans-serif" font-size="12" fill="${grey}">`,
    `<title>${escaped(title)}</title>`,
    text(plot.left, 20, title, 'start', 'font-size="14" font-weight="bold"'),
    text(plot.left, 38, y.label, 'start'),
    ...yAxis,
    ...xAxis,
    text((plot.left + plot.right) / 2, plot.bottom + 42, x.label, 'middle'),
    ...drawn,
    '</svg>',
    '',
  ].join('\n');
}

/** From a value to a place between `from` and `to`, the first tick and the last. */
function scale({ ticks, log }: Chart['x'], from: number, to: number): (value: number) => number {
  const at = (value: number) => (log ? Math.log(value) : value);
  const [first = 0, last = 1] = [ticks[0], ticks.at(-1)];
  return (value) => {
    const share = (at(value) - at(first)) / (at(last) - at(first));
    return Number((from + Math.min(1, Math.max(0, share)) * (to - from)).toFixed(1));
  };
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}

function text(x: number, y: number, words: string, anchor: string, more = ''): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" ${more}>${escaped(words)}</text>`.replace(
    ' >',
    '>',
  );
}

function escaped(words: string): string {
  return words.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
