import { collapseCarriageReturns, createLogSanitizer } from '../terminal-text.ts';
import type { RecordFile } from './formats.ts';
import { logBytesInGit, readLog } from './log-chunks.ts';
import type { SharedRepository } from './shared-repository.ts';

/** Bytes kept of a long log's end. */
export const logTailBytes = 64 << 10;

/**
 * A finished job's log as people read it in `git log --notes`: plain text, progress bars in their last state;
 * of a long one the head, the tail and a pointer to the whole. A function of the finished commit alone, so that
 * whoever settles a job writes the same note.
 */
export async function logNote(
  shared: Pick<SharedRepository, 'read' | 'local'>,
  commit: string,
  record: RecordFile,
): Promise<string> {
  const head: Uint8Array[] = [];
  let bytes = 0;
  if (record.log.bytes > 0) {
    for await (const piece of readLog(shared, commit, 0, null)) {
      if (bytes >= logBytesInGit) break;
      head.push(piece.bytes);
      bytes += piece.bytes.length;
    }
  }
  const heading = `${record.job} (${record.state}${record.reason ? `: ${record.reason}` : ''})\n\n`;
  const tail = await shared.read(`${commit}:log-tail`);
  if (tail?.type !== 'blob') return heading + plainLog(Buffer.concat(head));
  const omitted = Math.max(0, record.log.bytes - Math.min(bytes, logBytesInGit) - tail.content.length);
  return [
    heading,
    plainLog(Buffer.concat(head).subarray(0, logBytesInGit)),
    `\n[${omitted} bytes are left out here; the whole log is sha256 ${record.log.sha256} in the store]\n\n`,
    plainLog(tail.content),
  ].join('');
}

/** Raw output as plain text: no escapes, no overwritten lines, valid UTF-8, a newline at the end. */
function plainLog(bytes: Uint8Array): string {
  const sanitizer = createLogSanitizer({ colour: false });
  const text = sanitizer.push(bytes) + sanitizer.end();
  const lines = text.split('\n').map(collapseCarriageReturns);
  return lines.at(-1) === '' ? lines.join('\n') : `${lines.join('\n')}\n`;
}
