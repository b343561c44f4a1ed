import { type Ledger, signature } from './ledger.ts';
import { unreachable } from './shared-repository.ts';

/**
 * Pushes a ref that means nothing, and deletes it again: whether a repository takes pushes shows only so.
 * @throws DstackError why it doesn't
 */
export async function tryToWrite(ledger: Ledger): Promise<void> {
  const { shared, names, clock } = ledger;
  const ref = names.cache(`check-${clock.id()}`);
  const input = { parents: [], files: [], message: 'dstack runner check\n', author: signature(ledger) };
  const [commit = null] = await shared.write([input]);
  const created = await shared.push([{ ref, from: null, to: commit }]);
  if (!created.ok) throw unreachable(shared.location, created.failure);
  const deleted = await shared.push([{ ref, from: commit, to: null }]);
  if (!deleted.ok) throw unreachable(shared.location, deleted.failure);
}
