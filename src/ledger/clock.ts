import { randomUUID } from 'node:crypto';
import { uptime } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** Everything by which the protocol depends on time and chance, so that a simulation can stand in for both. */
export interface Clock {
  /** Seconds on a clock that never jumps and goes on while the machine is suspended. Leases are measured by it. */
  monotonic(): number;
  /** Milliseconds since 1970; may jump. For people's eyes only. */
  now(): number;
  sleep(milliseconds: number): Promise<void>;
  /** Calls `act` again and again; returns what ends that. */
  every(milliseconds: number, act: () => void): () => void;
  /** From 0 up to, and without, 1. */
  random(): number;
  /** A name that nobody has ever used. */
  id(): string;
}

export const systemClock: Clock = {
  monotonic: uptime,
  now: Date.now,
  sleep: (milliseconds) => sleep(milliseconds),
  every(milliseconds, act) {
    const timer = setInterval(act, milliseconds);
    return () => clearInterval(timer);
  },
  random: Math.random,
  id: randomUUID,
};

/** The time as files hold it: ISO 8601. */
export function timeOf(clock: Clock): string {
  return new Date(clock.now()).toISOString();
}
