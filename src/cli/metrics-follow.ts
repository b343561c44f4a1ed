import type { Measured } from '../ledger/read-measured.ts';
import { openStateReader } from '../ledger/read-state.ts';
import { openWake, untilNextLook } from '../ledger/wake.ts';
import { onInterrupt } from './interrupt.ts';
import { isOnScreen, type MetricsOptions } from './metrics-print.ts';
import { type MetricsShow, showCharts, showPoints } from './metrics-show.ts';
import { hasEnded, readSources, type Source } from './metrics-sources.ts';
import type { Project } from './project.ts';

/** Shows what jobs measure until they have ended: on a terminal as charts, in a pipe as lines. */
export async function followMetrics(
  project: Project,
  sources: readonly Source[],
  options: MetricsOptions,
): Promise<void> {
  let exitCode: number | null = null;
  let leave = (_exitCode: number) => {};
  const leaving = new Promise<void>((resolve) => {
    leave = (code) => {
      exitCode ??= code;
      resolve();
    };
  });
  const ledgers = [...new Set(sources.map(({ ledger }) => ledger))];
  const wakes = ledgers.map((ledger) => openWake(ledger.shared));
  const readers = new Map(ledgers.map((ledger) => [ledger, openStateReader(ledger)]));
  const interruption = onInterrupt(() => leave(130));
  const show: MetricsShow = isOnScreen(options) ? showCharts(options, leave) : showPoints(options);
  let all: readonly Measured[] = [];
  let current = sources;
  try {
    while (exitCode === null) {
      const from = performance.now();
      try {
        current = await Promise.all(
          current.map(async (source) => {
            const state = await readers.get(source.ledger)?.read(source.run.name);
            return { ...source, run: state?.runs[0] ?? source.run };
          }),
        );
        all = await readSources(current);
        show.measured(all);
        if (current.every(hasEnded)) break;
      } catch (error) {
        show.trouble(error as Error);
      }
      const rest = performance.now() - from;
      const looks = wakes.map((wake) => untilNextLook(wake, project.config.runner.poll, rest));
      await Promise.race([leaving, ...looks]);
    }
  } finally {
    interruption.release();
    for (const wake of wakes) wake.close();
    show.end(all);
  }
  if (exitCode !== null) process.exitCode = exitCode;
}
