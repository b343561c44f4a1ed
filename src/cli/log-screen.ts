import { isFinal, type RunView } from '../ledger/state.ts';
import { openWake } from '../ledger/wake.ts';
import { plainText } from '../terminal-text.ts';
import { openLogDocument } from '../tui/log-document.ts';
import { beingRead, openLogPager } from '../tui/log-pager.ts';
import { jobPrefixes } from '../tui/log-view.ts';
import { leavableWake } from './leavable-wake.ts';
import { eventsOf, type LogSource, logOf, tellIfCached } from './log-events.ts';
import { glyphsOf, hasColour } from './terminal.ts';

/**
 * Shows logs on a screen of their own until the user leaves it; they are read meanwhile, and grow if the jobs go on.
 * @param options.follow begins at the end, and stays there
 */
export async function showLogScreen(source: LogSource, options: { follow: boolean }): Promise<void> {
  const { renderLog } = await import('../tui/screens.ts');
  const { run, job, jobs } = source;
  const colour = hasColour(process.stdout);
  const prefixes = jobPrefixes(
    jobs.map((one) => one.name),
    { colour },
  );
  const document = openLogDocument();
  const listeners = new Set<() => void>();
  const changed = () => {
    for (const listener of listeners) listener();
  };
  const pager = openLogPager({
    document,
    title: plainText(job === null ? run.name : `${run.name}/${job}`),
    prefixes: jobs.map(({ name }) => prefixes.get(name) ?? ''),
    colour,
    glyphs: glyphsOf(process.stdout),
    follow: options.follow,
    changed,
  });
  const wake = leavableWake(openWake(source.ledger.shared));
  const number = new Map(jobs.map(({ name }, index) => [name, index]));

  const stateIn = (view: RunView) => view.jobs.find(({ name }) => name === job)?.state ?? view.state;
  const read = async () => {
    if (jobs.every((one) => isFinal(one.state))) {
      pager.state(beingRead);
      for (const [index, one] of jobs.entries()) {
        for await (const { at, bytes } of logOf(source, one)) {
          if (wake.left) return;
          document.append(index, at, bytes);
          changed();
        }
        document.end(index);
      }
      pager.state(stateIn(run), true);
      if (document.lineCount() === 0) for (const one of jobs) tellIfCached(one, pager.note);
      return;
    }
    for await (const event of eventsOf(source, wake)) {
      if (wake.left) return;
      if (event.kind === 'log') document.append(number.get(event.job) ?? 0, event.at, event.bytes);
      else if (event.kind === 'run') {
        const state = stateIn(event.run);
        pager.state(state, isFinal(state));
        for (const one of event.run.jobs) if (isFinal(one.state)) document.end(number.get(one.name) ?? -1);
      } else pager.note(event.kind === 'gone' ? 'the run is gone' : plainText(event.error.message));
      changed();
    }
  };
  const reading = read()
    .catch((error: unknown) => {
      if (!wake.left) pager.note(plainText((error as Error).message));
    })
    .finally(changed);
  try {
    await renderLog({
      pager,
      subscribe(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      colour,
    });
  } finally {
    wake.leave();
    await reading;
    wake.close();
    document.close();
  }
}
