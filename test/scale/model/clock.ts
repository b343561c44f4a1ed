/**
 * What happens one after the other in virtual time: a process yields what it waits for, and goes on then. It is told
 * whether the sign that it waited for has come.
 */
export type Process<T = void> = Generator<Wait, T, boolean>;

export interface Wait {
  /** Milliseconds; infinite: until the sign. */
  readonly ms: number;
  readonly sign?: Sign;
}

/** Something that processes wait for; whoever waits when it is given goes on. */
export interface Sign {
  give(): void;
}

interface Waiting {
  readonly process: Process;
  readonly at: number;
  /** Ties are broken by who came first, so that a simulation is the same every time. */
  readonly order: number;
  readonly signed: boolean;
  ended: boolean;
}

export interface VirtualClock {
  /** Milliseconds since the beginning. */
  now(): number;
  start(process: Process): void;
  sign(): Sign;
  /** Lets everything happen until nothing is left, or `isOver` says so. */
  run(isOver: () => boolean): void;
}

export function virtualClock(): VirtualClock {
  const heap = earliestFirst();
  const waitingFor = new WeakMap<Sign, Waiting[]>();
  let now = 0;
  let order = 0;

  const waitUntil = (process: Process, at: number, signed = false): Waiting => {
    order += 1;
    const waiting = { process, at, order, signed, ended: false };
    if (Number.isFinite(at)) heap.push(waiting);
    return waiting;
  };
  const goOn = (process: Process, signed: boolean) => {
    const { done, value } = process.next(signed);
    if (done) return;
    const waiting = waitUntil(process, now + Math.max(0, value.ms));
    const all = value.sign && waitingFor.get(value.sign);
    if (!all) return;
    while (all.at(-1)?.ended) all.pop();
    all.push(waiting);
  };

  return {
    now: () => now,
    start: (process) => void waitUntil(process, now),
    sign() {
      const sign: Sign = {
        give() {
          const all = waitingFor.get(sign) ?? [];
          waitingFor.set(sign, []);
          for (const waiting of all) {
            if (waiting.ended) continue;
            waiting.ended = true;
            waitUntil(waiting.process, now, true);
          }
        },
      };
      waitingFor.set(sign, []);
      return sign;
    },
    run(isOver) {
      while (!isOver()) {
        const next = heap.pop();
        if (!next) return;
        if (next.ended) continue;
        next.ended = true;
        now = next.at;
        goOn(next.process, next.signed);
      }
    },
  };
}

/** A binary heap. */
function earliestFirst(): { push(waiting: Waiting): void; pop(): Waiting | undefined } {
  const heap: Waiting[] = [];
  const isBefore = (a: Waiting, b: Waiting) => a.at < b.at || (a.at === b.at && a.order < b.order);
  return {
    push(waiting) {
      let at = heap.length;
      while (at > 0) {
        const above = (at - 1) >> 1;
        const other = heap[above] as Waiting;
        if (isBefore(other, waiting)) break;
        heap[at] = other;
        at = above;
      }
      heap[at] = waiting;
    },
    pop() {
      const first = heap[0];
      const last = heap.pop();
      if (!last || heap.length === 0) return first;
      let at = 0;
      for (let below = 1; below < heap.length; below = 2 * at + 1) {
        const [left, right] = [heap[below] as Waiting, heap[below + 1]];
        const lower = right && isBefore(right, left) ? right : left;
        if (isBefore(last, lower)) break;
        heap[at] = lower;
        at = lower === left ? below : below + 1;
      }
      heap[at] = last;
      return first;
    },
  };
}
