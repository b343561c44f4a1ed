import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import type { SeriesPoints } from '../../ledger/metric-series.ts';
import { formatMeasurement } from '../../tui/metrics-table.ts';
import { useScheme } from './use-scheme.ts';

export interface ChartSeries {
  readonly name: string;
  readonly points: SeriesPoints;
}

/** So many colours there are, as `--series-0` and so on; more series begin again, with dashes. */
const colours = 8;

const height = 240;

interface ChartProps {
  readonly title: string;
  readonly axis: string;
  readonly series: readonly ChartSeries[];
  readonly isLogarithmic?: boolean;
  readonly format?: (value: number) => string;
}

/** Series over each other, with their values where the pointer is. */
export function Chart({
  title,
  axis,
  series,
  isLogarithmic = false,
  format = formatMeasurement,
}: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const scheme = useScheme();
  const logarithmic = isLogarithmic && series.some(({ points }) => points.some(({ y }) => y > 0));
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const width = () => Math.max(160, element.clientWidth);
    const plot = new uPlot(
      optionsOf({ axis, series, format, logarithmic, width: width(), style: getComputedStyle(element) }),
      aligned(series, logarithmic),
      element,
    );
    const observer = new ResizeObserver(() => plot.setSize({ width: width(), height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [series, axis, logarithmic, scheme, format]);
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <div ref={place} role="img" aria-label={`${title}: ${summaryOf(series, format)}`} />
    </figure>
  );
}

/** What the picture says, for who can't see it. */
function summaryOf(series: readonly ChartSeries[], format: (value: number) => string): string {
  const said = series.slice(0, 10).map(({ name, points }) => {
    const last = points.at(-1);
    return `${name} ${last ? format(last.y) : 'nothing'}`;
  });
  return [...said, ...(series.length > said.length ? [`${series.length - said.length} more`] : [])].join(
    ', ',
  );
}

function aligned(series: readonly ChartSeries[], logarithmic: boolean): uPlot.AlignedData {
  const tables = series.map(({ points }): uPlot.AlignedData => {
    const byX = new Map(points.map(({ x, y }) => [x, y]));
    const ys = [...byX.values()].map((y) => (Number.isFinite(y) && (!logarithmic || y > 0) ? y : null));
    return [[...byX.keys()], ys];
  });
  // A series without a point at another one's place has no gap there.
  return tables.length === 0
    ? [[]]
    : uPlot.join(
        tables,
        tables.map((table) => table.map(() => 2)),
      );
}

function optionsOf(given: {
  axis: string;
  series: readonly ChartSeries[];
  format: (value: number) => string;
  logarithmic: boolean;
  width: number;
  style: CSSStyleDeclaration;
}): uPlot.Options {
  const { axis, series, format, logarithmic, width, style } = given;
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const drawn = {
    stroke: colour('--text-quiet'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { stroke: colour('--line'), width: 1 },
  };
  const font = `12px ${style.fontFamily}`;
  return {
    width,
    height,
    scales: { x: { time: false }, y: logarithmic ? { distr: 3 } : {} },
    axes: [
      { ...drawn, font, label: axis, labelSize: 20, labelFont: font, size: 34 },
      {
        ...drawn,
        font,
        size: 64,
        values: (_, values) => values.map((value) => (value === null ? '' : format(value))),
      },
    ],
    legend: { live: true },
    cursor: { drag: { x: true, y: false } },
    series: [
      { label: axis, value: (_, value) => (value === null ? '–' : String(value)) },
      ...series.map(({ name, points }, index) => ({
        label: name,
        stroke: colour(`--series-${index % colours}`),
        dash: index < colours ? [] : [6, 4],
        width: 1.5,
        points: { show: points.length < 30 },
        value: (_: uPlot, value: number | null) => (value === null ? '–' : format(value)),
      })),
    ],
  };
}
