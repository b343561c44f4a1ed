import { parseCommit, parseTrailers } from '../git/object-reader.ts';
import { openRefFiles } from '../git/ref-files.ts';
import type { RefUpdater } from '../git/ref-updater.ts';
import { listRefs } from '../git/refs.ts';
import { linkOf, type NewLink, writeLinks } from './history.ts';
import type { Ledger } from './ledger.ts';
import { newestFirst } from './newest-first.ts';
import { refNames } from './refs.ts';
import type { RunView } from './state.ts';
import { ownNames } from './sync.ts';

/** A run that has just ended hardly lies deeper in the chain; where it does, the next sync finds it. */
const deepest = 50;

interface Link extends NewLink {
  readonly name: string;
  readonly parent: string | null;
}

/**
 * Puts one run that has ended where it belongs in the history of one's own repository: at the top, but for runs that were
 * submitted after it. Needs no look at any other run, so it costs the same however many there are; what others have done is
 * for the next sync.
 */
export async function addToHistory(
  ledger: Ledger,
  run: RunView,
  ownRefs: Pick<RefUpdater, 'update'>,
): Promise<void> {
  const { local } = ledger.shared;
  const { history } = refNames(ownNames(ledger).prefix);
  // Another process may write it at the same time; whoever can't get in leaves it to the next sync.
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    const refs = openRefFiles(local).list([history]) ?? (await listRefs(local.gitDir, [history]));
    const tip = refs.get(history) ?? null;
    const top = await topWith(ledger, run, tip);
    if (top === null) return;
    const { done } = await ownRefs.update([{ ref: history, from: tip, to: top }], true);
    if (done.size > 0) return;
  }
}

/** Writes the links that are new with this run above a tip. @returns the new tip; null if there is nothing to do, or too much */
async function topWith(ledger: Ledger, run: RunView, tip: string | null): Promise<string | null> {
  const wanted = linkOf(run);
  const later: Link[] = [];
  let below = tip;
  while (below !== null) {
    const link = await readLink(ledger, below);
    if (link === null || later.length === deepest) return null;
    if (link.name === run.name) {
      if (link.message.trimEnd() === wanted.message.trimEnd()) return null;
      below = link.parent;
      break;
    }
    if (newestFirst<Pick<RunView, 'name' | 'submittedAt'>>(link, run) > 0) break;
    later.unshift(link);
    below = link.parent;
  }
  return writeLinks(ledger.shared.local, below, [wanted, ...later], ledger.shared);
}

async function readLink({ shared }: Ledger, id: string): Promise<Link | null> {
  const object = await shared.read(id);
  if (object?.type !== 'commit') return null;
  const { message, author, committedAt, parents } = parseCommit(object.content);
  return {
    name: new Map(parseTrailers(message)).get('Dstack-Run') ?? '',
    submittedBy: author,
    submittedAt: new Date(committedAt).toISOString(),
    message,
    parent: parents[0] ?? null,
  };
}
