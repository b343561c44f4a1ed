import { randomBytes } from 'node:crypto';

/** A line by which it shows that an entrypoint has started the shell: some are programs that never do. */
export interface LaunchMark {
  /** Prints it, as a command of a shell; what is printed does not occur in the command. */
  readonly command: string;
  /** Takes the line out of a container's output. */
  output(chunk: Uint8Array): void;
  /** No more output comes. */
  end(): void;
  seen(): boolean;
}

/** @param onSeen called once */
export function createLaunchMark(deliver: (chunk: Uint8Array) => void, onSeen: () => void): LaunchMark {
  const [first, second] = [`dstack-${randomBytes(8).toString('hex')}`, randomBytes(8).toString('hex')];
  const line = Buffer.from(`${first}${second}\n`);
  let held: Uint8Array = Buffer.alloc(0);
  let seen = false;
  const say = (bytes: Uint8Array) => {
    if (bytes.length > 0) deliver(bytes);
  };
  return {
    command: `printf '%s%s\\n' ${first} ${second}`,
    output(chunk) {
      if (seen) return deliver(chunk);
      const all = Buffer.concat([held, chunk]);
      const at = all.indexOf(line);
      if (at >= 0) {
        seen = true;
        onSeen();
        say(all.subarray(0, at));
        say(all.subarray(at + line.length));
        return;
      }
      const kept = beginningAtEnd(all, line);
      say(all.subarray(0, all.length - kept));
      held = all.subarray(all.length - kept);
    },
    end() {
      if (!seen) say(held);
    },
    seen: () => seen,
  };
}

/** How many bytes at the end of a text may be the beginning of a line. */
function beginningAtEnd(text: Buffer, line: Buffer): number {
  for (let length = Math.min(text.length, line.length - 1); length > 0; length -= 1) {
    if (text.subarray(text.length - length).equals(line.subarray(0, length))) return length;
  }
  return 0;
}
