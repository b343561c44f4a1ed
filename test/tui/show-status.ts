import { renderStatus, type StatusSource, type Target } from '../../src/tui/status-screen.tsx';
import { sampleState } from './sample-state.ts';

// The live screen with a state that stays as it is; a log is only named, then the screen comes back.
const source: StatusSource = {
  subscribe(listener) {
    listener({ state: sampleState, error: null, readAt: Date.now() });
    return () => {};
  },
};
const stop = async (run: string, job: string | null) => `asked ${run} ${job ?? 'whole'} to stop`;

let selected: Target | null = null;
for (;;) {
  const { action } = await renderStatus({ source, actions: { stop }, selected });
  if (action === 'quit') break;
  selected = action.logs;
  console.log(`log of ${selected.run}/${selected.job}`);
}
console.log('left');
