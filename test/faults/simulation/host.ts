import type { HostKind } from './server.ts';

/** A host of the kinds that there are, and how much trouble there is with it. */
export function drawHost(draw: () => number): HostKind {
  const level = draw() * 0.12;
  const atomic = draw() < 0.6;
  const host = {
    lost: draw() * level,
    answerLost: draw() * level,
    late: draw() * level * 0.3,
    crash: draw() * level * 0.5,
    torn: draw() * 0.5,
    atomic,
    isolated: atomic || draw() < 0.5,
    rewind: draw() < 0.75,
    delete: draw() < 0.75,
  };
  // Not a draw of its own, so that what other seeds have found stays what it was.
  return { ...host, near: atomic && host.rewind && host.delete };
}
