import type { Wake } from '../ledger/wake.ts';

/** A wake whose waiter can be made to give up: what loops around it ends with an exception. */
export interface LeavableWake extends Wake {
  leave(): void;
  /** If so, an exception out of a loop around it says no more than that. */
  readonly left: boolean;
}

export function leavableWake(wake: Wake): LeavableWake {
  let left = false;
  const goOn = () => {
    if (left) throw new Error('left');
  };
  return {
    get left() {
      return left;
    },
    async wait(milliseconds, sooner) {
      goOn();
      const sign = await wake.wait(milliseconds, sooner);
      goOn();
      return sign;
    },
    notify: wake.notify,
    leave() {
      left = true;
      wake.notify();
    },
    close: wake.close,
  };
}
