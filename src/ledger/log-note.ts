import { collapseCarriageReturns, createLogSanitizer } from '../terminal-text.ts';
import type { RecordFile } from './formats.ts';
import { listChunks, logBytesInGit } from './log-chunks.ts';
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
  const heading = `${record.job} (${record.state}${record.reason ? `: ${record.reason}` : ''})\n\n`;
  const { head, whole } = await readHead(shared, commit);
  const tail = await shared.read(`${commit}:log-tail`);
  if (tail?.type === 'blob') {
    const omitted = Math.max(0, record.log.bytes - head.length - tail.content.length);
    const where = record.log.stored
      ? `the whole log is sha256 ${record.log.sha256} in the store`
      : 'not kept whole';
    return `${heading}${plainLog(head)}\n[${omitted} bytes are left out here; ${where}]\n\n${plainLog(tail.content)}`;
  }
  // Of a runner that died there is no tail.
  return heading + plainLog(head) + (whole ? '' : '\n[the rest is left out here; `dstack logs` shows it]\n');
}

/** What Git has of the log from its beginning on, and whether that is all of it. */
async function readHead(
  shared: Pick<SharedRepository, 'read' | 'local'>,
  commit: string,
): Promise<{ head: Buffer; whole: boolean }> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for (const chunk of await listChunks(shared, commit)) {
    if (chunk.stored || bytes >= logBytesInGit) {
      return { head: Buffer.concat(pieces).subarray(0, logBytesInGit), whole: false };
    }
    const blob = await shared.read(chunk.blob);
    if (blob?.type !== 'blob') continue;
    pieces.push(blob.content);
    bytes += blob.content.length;
  }
  return { head: Buffer.concat(pieces).subarray(0, logBytesInGit), whole: bytes <= logBytesInGit };
}

/** Raw output as plain text: no escapes, no overwritten lines, valid UTF-8, a newline at the end. */
function plainLog(bytes: Uint8Array): string {
  const sanitizer = createLogSanitizer({ colour: false });
  const text = sanitizer.push(bytes) + sanitizer.end();
  const lines = text.split('\n').map(collapseCarriageReturns);
  return lines.at(-1) === '' ? lines.join('\n') : `${lines.join('\n')}\n`;
}
