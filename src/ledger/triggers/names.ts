import { createHash } from 'node:crypto';
import { letters } from '../names.ts';

/** The same for whoever sees the same push: so, and since a name is given once, it starts one run. */
export function nameOfPushed(workflow: string, ref: string, commit: string): string {
  return `${stem(workflow)}-${commit.slice(0, 10)}-${suffix(['push', workflow, ref, commit])}`;
}

/** The same for whoever finds the same time due. @param due milliseconds since 1970 */
export function nameOfScheduled(workflow: string, due: number): string {
  const time = new Date(due)
    .toISOString()
    .replace(/[-:]|\.\d+Z$/g, '')
    .toLowerCase();
  return `${stem(workflow)}-${time}-${suffix(['schedule', workflow, String(due)])}`;
}

/** Room for what comes after it, and legal before a hyphen. */
function stem(workflow: string): string {
  return workflow.slice(0, 32).replace(/[^a-z0-9]+$/, '');
}

/** Six of 31 letters: 30 bits, beside those of the commit. */
function suffix(parts: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest();
  return [...hash.subarray(0, 6)].map((byte) => letters[byte % letters.length]).join('');
}
