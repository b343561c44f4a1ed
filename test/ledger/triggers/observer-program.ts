import { initBareRepository } from '../../../src/git/repository.ts';
import { openLedger } from '../../../src/ledger/ledger.ts';
import { watchTriggers } from '../../../src/ledger/triggers/watch-triggers.ts';

/** Looks again and again until it is killed. Arguments: its own repository, the shared one. */
const [own, remote] = process.argv.slice(2) as [string, string];
const ledger = await openLedger({
  local: await initBareRepository(own),
  remote,
  who: () => ({ name: 'observer', email: 'observer@example.org' }),
});
const watch = watchTriggers(ledger, { patience: 0.5 });
for (;;) {
  await watch.look().catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 50));
}
