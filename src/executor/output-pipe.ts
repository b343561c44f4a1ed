import { execFile } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

/** How long a pipe that somebody still holds open may be silent before it is given up, in milliseconds. */
const silenceMs = 500;

export interface OutputPipe {
  /** File descriptor for a child's stdout and stderr. Close it once the child has it. */
  readonly writer: number;
  closeWriter(): void;
  /** Resolves once all that was written has been delivered, to be called when every writer has ended. */
  drained(): Promise<void>;
  /** Gives the pipe up where no child was started. */
  destroy(): void;
}

/**
 * One pipe for stdout and stderr, so that their order is kept. It is a real one, made by mkfifo: Node's own are
 * sockets, and a job's `echo … >/dev/stderr` can't open those.
 */
export async function openOutputPipe(output: (chunk: Uint8Array) => void): Promise<OutputPipe> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'dstack-pipe-'));
  try {
    const fifo = path.join(folder, 'output');
    await promisify(execFile)('mkfifo', ['-m', '600', fifo]);
    // Without O_NONBLOCK the opening would wait for a writer.
    const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    return pipeOf(reader, openSync(fifo, constants.O_WRONLY), output);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function pipeOf(readFd: number, writer: number, output: (chunk: Uint8Array) => void): OutputPipe {
  const reader = new Socket({ fd: readFd, readable: true, writable: false });
  const closed = new Promise<void>((resolve) => {
    reader.once('close', () => resolve());
  });
  let lastChunk = 0;
  reader.on('data', (chunk) => {
    lastChunk = performance.now();
    output(chunk);
  });
  reader.on('error', () => {}); // 'close' follows.
  let writerOpen = true;
  const closeWriter = () => {
    if (writerOpen) closeSync(writer);
    writerOpen = false;
  };
  return {
    writer,
    closeWriter,
    async drained() {
      lastChunk = performance.now();
      const watch = setInterval(() => {
        if (performance.now() - lastChunk > silenceMs) reader.destroy();
      }, 50);
      await closed;
      clearInterval(watch);
    },
    destroy() {
      closeWriter();
      reader.destroy();
    },
  };
}
