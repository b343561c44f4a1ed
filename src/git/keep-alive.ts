import type { ChildProcess } from 'node:child_process';

/** A process that is kept for later must not keep the program alive while it is idle. */
export function unreference(child: ChildProcess): void {
  child.unref();
  for (const stream of streamsOf(child)) stream?.unref?.();
}

/** One that has something to answer must. */
export function reference(child: ChildProcess): void {
  child.ref();
  for (const stream of streamsOf(child)) stream?.ref?.();
}

function streamsOf({ stdin, stdout, stderr }: ChildProcess) {
  return [stdin, stdout, stderr] as unknown as ({ ref?(): void; unref?(): void } | null)[];
}
