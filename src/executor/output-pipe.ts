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

/** So many pipes are made by one process: few at first, then more and more, for a runner of many short jobs. */
const madeAtFirst = 8;
const madeAtMost = 64;

/** Gives each job a pipe for its output. */
export interface OutputPipes {
  /**
   * One pipe for stdout and stderr, so that their order is kept. It is a real one, made by mkfifo: Node's own are
   * sockets, and a job's `echo … >/dev/stderr` can't open those.
   */
  open(output: (chunk: Uint8Array) => void): Promise<OutputPipe>;
  /** Closes those that nobody has used. */
  close(): void;
}

/** @param folder for names that a pipe has for a moment; what is in it when this process is killed is left there */
export function openOutputPipes(folder: string = os.tmpdir()): OutputPipes {
  const unused: Ends[] = [];
  let making: Promise<void> | null = null;
  let count = madeAtFirst;
  const make = async () => {
    unused.push(...(await makePipes(folder, count)));
    count = Math.min(2 * count, madeAtMost);
  };
  return {
    async open(output) {
      for (;;) {
        const ends = unused.pop();
        if (ends) return pipeOf(ends.reader, ends.writer, output);
        making ??= make().finally(() => {
          making = null;
        });
        await making;
      }
    },
    close() {
      for (const { reader, writer } of unused.splice(0)) {
        closeSync(reader);
        closeSync(writer);
      }
    },
  };
}

/** File descriptors of a pipe, which a child has only if it is given them. */
interface Ends {
  readonly reader: number;
  readonly writer: number;
}

/** Nothing is left of them but the open ends: whatever kills this process takes them along. */
async function makePipes(place: string, count: number): Promise<Ends[]> {
  const folder = await mkdtemp(path.join(place, 'dstack-pipe-'));
  const made: Ends[] = [];
  try {
    const fifos = Array.from({ length: count }, (_, index) => path.join(folder, `output-${index}`));
    await promisify(execFile)('mkfifo', ['-m', '600', ...fifos]);
    for (const fifo of fifos) {
      // Without O_NONBLOCK the opening would wait for a writer.
      const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
      made.push({ reader, writer: openSync(fifo, constants.O_WRONLY) });
    }
    return made;
  } catch (error) {
    for (const { reader, writer } of made) {
      closeSync(reader);
      closeSync(writer);
    }
    throw error;
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
