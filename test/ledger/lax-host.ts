// What `receive.procReceiveRefs` calls: it sets refs to what a push says, whatever they were. A host that guards nothing.
import { execFileSync } from 'node:child_process';
import { readSync, writeSync } from 'node:fs';

function read(length: number): string {
  const bytes = Buffer.alloc(length);
  for (let filled = 0; filled < length; ) {
    const count = readSync(0, bytes, filled, length - filled, null);
    if (count === 0) process.exit(0);
    filled += count;
  }
  return bytes.toString('utf8');
}

/** The lines up to a flush. */
function readLines(): string[] {
  const lines: string[] = [];
  for (;;) {
    const length = Number.parseInt(read(4), 16);
    if (length === 0) return lines;
    lines.push(read(length - 4).replace(/\n$/, ''));
  }
}

function write(...lines: string[]): void {
  const packets = lines.map((line) => `${(line.length + 4).toString(16).padStart(4, '0')}${line}`);
  writeSync(1, `${packets.join('')}0000`);
}

readLines();
write('version=1');
const refs = readLines().map((line) => {
  const [, to = '', ref = ''] = line.split(' ');
  execFileSync('git', ['update-ref', ...(/^0+$/.test(to) ? ['-d', ref] : [ref, to])]);
  return ref;
});
write(...refs.map((ref) => `ok ${ref}`));
