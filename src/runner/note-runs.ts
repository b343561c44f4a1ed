import type { Ledger } from '../ledger/ledger.ts';
import type { Store } from '../store/store.ts';
import { noteUser } from '../store/store-users.ts';

/** So many runs are remembered; another is said once more. */
const mostKnown = 1_000;

/** Says in the store of which runs this runner has put something there: once of each. */
export function openRunNotes(
  { shared, names }: Pick<Ledger, 'shared' | 'names'>,
  store: Store,
  runner: string,
): (run: string, commit: string) => Promise<void> {
  const known = new Map<string, Promise<void>>();
  return (run, commit) => {
    const said = known.get(commit);
    if (said) return said;
    if (known.size >= mostKnown) known.clear();
    const user = { repository: shared.location, prefix: names.prefix, by: runner, run, commit };
    const saying = noteUser(store, user);
    known.set(commit, saying);
    saying.catch(() => known.delete(commit));
    return saying;
  };
}
