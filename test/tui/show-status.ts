import {
  renderStatus,
  type StatusActions,
  type StatusSource,
  type Target,
} from '../../src/tui/status-screen.tsx';
import { sampleDetails, sampleState } from './sample-state.ts';

// The live screen with a state that stays as it is; a log is only named, then the screen comes back.
const source: StatusSource = {
  subscribe(listener) {
    listener({ state: sampleState, error: null, readAt: Date.now() });
    return () => {};
  },
  older: () => {},
  hurry: () => {},
};
const details = {
  subscribe(listener: (found: typeof sampleDetails) => void) {
    listener(sampleDetails);
    return () => {};
  },
  show: () => {},
};
const actions: Omit<StatusActions, 'logs'> = {
  stop: async ({ run, job }, abort) => `asked ${run} ${job ?? 'whole'} to ${abort ? 'abort' : 'stop'}`,
  rerun: async (run) => `submitted ${run} as new-bee-1111`,
  // A mistake in the screen itself, somewhere outside of React.
  tag: async (_run, tag) => {
    if (tag === 'crash') setImmediate(() => Promise.reject(new Error('this went wrong')));
    return `tagged as ${tag}`;
  },
  diff: async (before, after) =>
    `Code\n  ${before} and ${after}\n\x1b[32m+ new\x1b[39m\n${'line\n'.repeat(100)}`,
};

let selected: Target | null = null;
for (;;) {
  const { action } = await renderStatus({ source, details, actions, selected });
  if (action === 'quit') break;
  selected = action.logs;
  console.log(`log of ${selected.run}/${selected.job}`);
}
console.log('left');
