import type { VirtualClock } from './clock.ts';

/** Something that does so much at a time, first come, first served: processors, a line. */
export interface Machine {
  /** Takes on more. @returns milliseconds from now until that is done */
  work(ms: number): number;
  /** How long it has worked, all that it consists of together; milliseconds. */
  busy(): number;
}

export function machine(clock: VirtualClock, parts: number): Machine {
  const freeAt = new Float64Array(parts);
  let busy = 0;
  return {
    work(ms) {
      let first = 0;
      for (let part = 1; part < parts; part += 1) if (freeAt[part]! < freeAt[first]!) first = part;
      const end = Math.max(clock.now(), freeAt[first]!) + ms;
      freeAt[first] = end;
      busy += ms;
      return end - clock.now();
    },
    busy: () => busy,
  };
}
