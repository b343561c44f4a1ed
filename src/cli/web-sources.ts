import type { Ledger } from '../ledger/ledger.ts';
import { readClaimTip } from '../ledger/live.ts';
import { isFinal, type RunView } from '../ledger/state.ts';
import { listTags } from '../ledger/tags.ts';
import { readManifest } from '../runner/job-inputs.ts';
import type { Store } from '../store/store.ts';
import type { FoundRun, LiveState, Sources } from '../web/sources.ts';
import { orPruned } from './explain-pruned.ts';
import { locateRun, type openProjectState } from './open-state.ts';
import { openLedgerStore, type Project } from './project.ts';

type ProjectState = Awaited<ReturnType<typeof openProjectState>>;

/** Milliseconds for which tags are taken to be what they were: they are listed by themselves. */
const tagsLast = 10_000;

export interface WebSources extends Sources {
  /** Passes a state on, and remembers it, so that what is asked about it is not read again. */
  watched(live: LiveState): LiveState;
}

/** So many archived runs that were asked for are remembered. */
const mostRemembered = 100;

/**
 * The project as the page sees it.
 * @param reader what the state is read by now; in its ledgers the runs are that are asked for
 * @param located runs that have been found already
 */
export function openWebSources(
  project: Project,
  reader: () => ProjectState,
  located: readonly FoundRun[] = [],
): WebSources {
  const stores = new WeakMap<Ledger, Promise<Store>>();
  const found = new Map(located.map((one) => [one.run.name, one]));
  let runs: ReadonlyMap<string, RunView> = new Map();
  let known: { tags: ReadonlyMap<string, readonly string[]>; until: number } | null = null;

  return {
    folder: project.folder,
    watched: (live) => ({
      subscribe: (listener) =>
        live.subscribe((reading) => {
          if (reading.state) runs = new Map(reading.state.runs.map((run) => [run.name, run]));
          listener(reading);
        }),
      hurry: live.hurry,
    }),
    async find(name) {
      const run = runs.get(name);
      const ledger = run && reader().homeOf(run);
      if (run && ledger) return { ledger, run };
      const known = found.get(name);
      if (known) return known;
      const one = await locateRun(project, name, reader().ledgers);
      // What has ended stays as it is; its full name is another one than what was asked for, perhaps.
      if (isFinal(one.run.state) && one.run.name === name) found.set(name, one);
      for (const old of [...found.keys()].slice(0, -mostRemembered)) found.delete(old);
      return one;
    },
    async tags() {
      if (known && performance.now() < known.until) return known.tags;
      const tags = new Map<string, string[]>();
      for (const ledger of reader().ledgers)
        for (const { tag, message } of (await listTags(ledger)).values())
          tags.set(message.run, [...(tags.get(message.run) ?? []), tag]);
      known = { tags, until: performance.now() + tagsLast };
      return tags;
    },
    async manifest(ledger, { commit, state, artifacts }) {
      if (!artifacts || commit === null || !isFinal(state)) return null;
      await ledger.shared.obtain([commit]);
      const tip = await readClaimTip(ledger, commit);
      return tip.kind === 'finished' ? readManifest(ledger, commit, tip.record) : null;
    },
    openStore(ledger) {
      const store = stores.get(ledger) ?? openLedgerStore(project, ledger);
      stores.set(ledger, store);
      return store;
    },
    orPruned,
  };
}
