import type { Ledger } from '../ledger/ledger.ts';
import type { LedgerState } from '../ledger/state.ts';
import { listTags } from '../ledger/tags.ts';
import { openWake } from '../ledger/wake.ts';
import { liveSource } from './live-source.ts';
import { openProjectState } from './open-state.ts';
import { openLedgerStore, type Project } from './project.ts';
import { statusActions } from './status-actions.ts';
import { detailSource } from './status-details.ts';

/** The live screen; leaving it for a log comes back to it. */
export async function showLiveStatus(
  project: Project,
  select: (state: LedgerState) => LedgerState,
): Promise<void> {
  const [{ renderStatus }, { showLogs }] = await Promise.all([
    import('../tui/screens.ts'),
    import('./logs.ts'),
  ]);
  const { ledgers, read } = await openProjectState(project, { whole: true });
  const wakes = ledgers.map((ledger) => openWake(ledger.shared));
  const tags = tagReader(ledgers, () => source.hurry());
  const source = liveSource(
    wakes,
    async (atLeast) => select(withTags(await read(atLeast), tags.now())),
    project.config.runner.poll,
  );
  const stores = new Map<Ledger, ReturnType<typeof openLedgerStore>>();
  const details = detailSource(ledgers, async (ledger) => {
    const opening = stores.get(ledger) ?? openLedgerStore(project, ledger);
    stores.set(ledger, opening);
    const store = await opening.catch(() => null);
    return store && ((sha256, range) => store.read(sha256, range));
  });
  const actions = statusActions(project, ledgers, () => {
    tags.refresh();
    source.hurry();
  });
  let selected: { run: string; job: string | null } | null = null;
  let notice: string | null = null;
  try {
    for (;;) {
      const { action } = await renderStatus({ source, details, actions, selected, notice });
      if (action === 'quit') return;
      selected = action.logs;
      const { run, job } = action.logs;
      // A log that can't be had, as in an outage, is no reason to lose what the screen has.
      notice = await showLogs(project, job === null ? run : `${run}/${job}`).then(
        () => null,
        (error: Error) => error.message,
      );
    }
  } finally {
    source.close();
    for (const wake of wakes) wake.close();
    for (const ledger of ledgers) ledger.close();
  }
}

/** Milliseconds after which tags are read again: it is people who make them, now and then. */
const tagsFor = 30_000;

/** The tags of runs, by the runs' commits, as of a short while ago: nobody waits for them. */
function tagReader(ledgers: readonly Ledger[], changed: () => void) {
  let known: ReadonlyMap<string, readonly string[]> = new Map();
  let next = Number.NEGATIVE_INFINITY;
  const read = async () => {
    const found = new Map<string, string[]>();
    for (const ledger of ledgers)
      for (const { tag, commit } of (await listTags(ledger)).values())
        found.set(commit, [...(found.get(commit) ?? []), tag]);
    known = found;
    changed();
  };
  return {
    now() {
      if (performance.now() > next) {
        next = performance.now() + tagsFor;
        // Without contact the screen says so already.
        read().catch(() => {});
      }
      return known;
    },
    refresh() {
      next = Number.NEGATIVE_INFINITY;
    },
  };
}

function withTags(state: LedgerState, tags: ReadonlyMap<string, readonly string[]>): LedgerState {
  if (tags.size === 0) return state;
  const runs = state.runs.map((run) => {
    const own = tags.get(run.commit);
    return own ? { ...run, tags: own } : run;
  });
  return { ...state, runs };
}
