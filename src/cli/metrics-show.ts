import { type Measurements, measurementOf } from '../ledger/measurements.ts';
import type { Measured } from '../ledger/read-measured.ts';
import { plainText } from '../terminal-text.ts';
import { paint } from '../tui/colours.ts';
import { truncate } from '../tui/fit-text.ts';
import { chartsInLines, metricsCharts } from '../tui/metrics-charts.ts';
import { describeMeasurements } from '../tui/metrics-table.ts';
import { openTextScreen } from '../tui/text-screen.ts';
import { chartOptions, type MetricsOptions, printMetrics } from './metrics-print.ts';
import { say, warn } from './terminal.ts';

/** Shows what is measured while it is. */
export interface MetricsShow {
  /** All that there is by now. */
  measured(all: readonly Measured[]): void;
  /** It can't be looked at: what was shown stands. */
  trouble(error: Error): void;
  end(all: readonly Measured[]): void;
}

/** Charts that fill the terminal; what they show in the end stays on it. */
export function showCharts(options: MetricsOptions, leave: (exitCode: number) => void): MetricsShow {
  const { stdout, stdin } = process;
  let shown: readonly Measured[] = [];
  let notice: string | null = null;
  const screen = openTextScreen(stdout, stdin, (key) => {
    if (key === 'q') leave(0);
    else if (key === '\x03') leave(130);
  });
  const draw = () => {
    const { columns: width, rows } = stdout;
    const drawing = { ...chartOptions(options), width };
    const size = chartsInLines(rows - 1, width, shown, drawing);
    const waiting = `${truncate('nothing has been measured yet', width)}\n`;
    const text = shown.length > 0 ? metricsCharts(shown, { ...drawing, ...size }).text : waiting;
    const lines = text.split('\n').slice(0, -1);
    const foot = truncate(notice ?? 'q leaves', width, drawing.glyphs.ellipsis);
    screen.show([...lines.slice(0, rows - 1), paint(notice === null ? 'dim' : 'red', foot, drawing.colour)]);
  };
  stdout.on('resize', draw);
  return {
    measured(all) {
      shown = all;
      notice = null;
      draw();
    },
    trouble(error) {
      notice = `connection lost: ${plainText(error.message)}`;
      draw();
    },
    end(all) {
      stdout.off('resize', draw);
      screen.close();
      if (all.length > 0) printMetrics(all, options);
    },
  };
}

/** A line for each line that is measured: as JSON, or for people. */
export function showPoints({ json }: MetricsOptions): MetricsShow {
  const told = new Map<string, Map<unknown, string>>();
  let troubled = false;
  const print = ({ run, job }: Measured, point: Measurements) => {
    const line = json
      ? JSON.stringify({ run, job, point })
      : plainText(`${run}/${job}  ${describeMeasurements(point, Number.POSITIVE_INFINITY)}`);
    process.stdout.write(`${line}\n`);
  };
  return {
    measured(all) {
      troubled = false;
      for (const measured of all) {
        const name = `${measured.run}/${measured.job}`;
        const before = told.get(name) ?? new Map<unknown, string>();
        told.set(name, before);
        measured.points.forEach((point, index) => {
          // An attempt may tell of a step anew, and then perhaps something else.
          const step = measurementOf(point, 'step') ?? Symbol.for(`line ${index}`);
          const text = JSON.stringify(point);
          if (before.get(step) !== text) print(measured, point);
          before.set(step, text);
        });
      }
    },
    trouble(error) {
      if (!troubled) warn(`${error.message}; trying again until it answers`);
      troubled = true;
    },
    end(all) {
      if (all.length === 0) say('nothing was measured');
    },
  };
}
