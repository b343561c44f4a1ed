import type { Process, Sign, VirtualClock } from './clock.ts';
import type { Host } from './host.ts';

/** How a runner's updates of refs reach the host. */
export interface Outbox {
  push(updates: number, apply: () => void): Process;
}

/** @param grouped what waits while a push is under way goes together in the next one; otherwise each goes alone, at once */
export function openOutbox(clock: VirtualClock, host: Host, grouped: boolean): Outbox {
  if (!grouped) return { push: host.push };
  let waiting: { updates: number; apply: () => void; arrived: Sign }[] = [];
  let isPushing = false;
  function* pushAll(): Process {
    while (waiting.length > 0) {
      const group = waiting;
      waiting = [];
      const updates = group.reduce((sum, one) => sum + one.updates, 0);
      yield* host.push(updates, () => {
        for (const { apply } of group) apply();
      });
      for (const { arrived } of group) arrived.give();
    }
    isPushing = false;
  }
  return {
    *push(updates, apply) {
      const arrived = clock.sign();
      waiting.push({ updates, apply, arrived });
      if (!isPushing) {
        isPushing = true;
        clock.start(pushAll());
      }
      yield { ms: Number.POSITIVE_INFINITY, sign: arrived };
    },
  };
}
