import type { Lease } from '../ledger/decide.ts';
import { readLog } from '../ledger/log-chunks.ts';
import { whyFollowed } from '../ledger/reasons.ts';
import type { Workplace } from './workplace.ts';

/** What stands between the log of earlier attempts and that of this one. */
export function takeoverNotice({ claim }: Lease, runner: string): Buffer {
  return Buffer.from(`\ndstack: ${whyFollowed(claim)}; attempt ${claim.attempt + 1} begins on ${runner}\n`);
}

/** What earlier attempts have left of the log. */
export async function* earlierLog(work: Workplace, over: Lease): AsyncGenerator<Uint8Array> {
  const readStored = (sha256: string) => work.store.read(sha256);
  for await (const { bytes } of readLog(work.ledger.shared, over.commit, 0, readStored)) yield bytes;
}
