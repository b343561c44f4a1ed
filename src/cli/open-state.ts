import { DstackError } from '../errors.ts';
import { findRun } from '../ledger/find-run.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { openStateReader } from '../ledger/read-state.ts';
import type { LedgerState, RunView } from '../ledger/state.ts';
import { listTags } from '../ledger/tags.ts';
import { openLedgers, type Project } from './project.ts';

/** The states of several ledgers as one: newest run first. */
export function mergeStates(states: readonly LedgerState[]): LedgerState {
  if (states.length === 1) return states[0] as LedgerState;
  return {
    runs: states.flatMap((state) => state.runs).sort((a, b) => (a.submittedAt < b.submittedAt ? 1 : -1)),
    runners: states.flatMap((state) => state.runners),
  };
}

/** Reads every ledger of a project, again and again; remembers what can't change. */
export async function openProjectState(
  project: Project,
): Promise<{ ledgers: Ledger[]; read(): Promise<LedgerState> }> {
  const ledgers = await openLedgers(project);
  const readers = ledgers.map((ledger) => openStateReader(ledger));
  return {
    ledgers,
    read: async () => mergeStates(await Promise.all(readers.map((reader) => reader.read()))),
  };
}

/**
 * Finds a run that a person named, and the ledger that it is in.
 * @throws DstackError `unknown-run`, `ambiguous-run`, `unknown-job`, `unknown-tag`
 */
export async function locateRun(
  project: Project,
  text: string,
): Promise<{ ledger: Ledger; run: RunView; job: string | null }> {
  let failure: unknown;
  const ledgers = await openLedgers(project);
  for (const ledger of ledgers) {
    try {
      const tags = text.startsWith(':') ? await listTags(ledger) : undefined;
      return { ledger, ...findRun(await openStateReader(ledger).read(), text, tags) };
    } catch (error) {
      // A run that isn't here may be in the other ledger; the first one's complaint is the one to show.
      const elsewhere = error instanceof DstackError && /^(unknown-run|unknown-tag)$/.test(error.code);
      if (!elsewhere) throw error;
      failure ??= error;
    }
  }
  throw failure;
}
