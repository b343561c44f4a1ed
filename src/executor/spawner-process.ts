// The spawner, as a process: starts what its stdin asks for, and says on its stdout what becomes of it.
import { closeSync, constants, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { startChild } from './children.ts';
import { type JobGroup, jobIsAlive } from './job-group.ts';
import { signalProcess } from './process-table.ts';
import type { SpawnAnswer, SpawnRequest } from './spawner.ts';

// Who ends the session or the service ends the runner too, and its stdin tells us of that.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.stdout.on('error', () => {}); // The end of stdin follows.

/** What has not been waited for yet, so that its ids are nobody else's. */
const running = new Set<JobGroup>();

const say = (answer: SpawnAnswer) => process.stdout.write(`${JSON.stringify(answer)}\n`);

say({ is: 'ready' });
for await (const line of createInterface({ input: process.stdin })) void start(line);
// A runner that leaves in order has nothing running. Of what was started just now a watchdog may not know yet.
for (const { group } of running) signalProcess(-group, 'SIGKILL');
process.exit();

async function start(line: string): Promise<void> {
  let request: SpawnRequest;
  try {
    request = JSON.parse(line);
  } catch {
    return; // The last line of a runner that was killed may be half a line.
  }
  const { id, output, ...spec } = request;
  let writer: number;
  try {
    writer = openWriter(output);
  } catch (error) {
    say({ is: 'failed', id, message: String(error), here: true });
    return;
  }
  try {
    const started = startChild(spec, writer);
    closeSync(writer);
    const { job, exited } = await started;
    running.add(job);
    say({ is: 'started', id, job });
    const exit = await exited;
    running.delete(job);
    say({ is: 'ended', id, exit: { ...exit, nothingLeft: !jobIsAlive(job) } });
  } catch (error) {
    say({ is: 'failed', id, message: (error as Error).message, here: false });
  }
}

/** To open a pipe for writing waits for a reader, and there may be none any more: meanwhile this process is one. */
function openWriter(path: string): number {
  const both = openSync(path, constants.O_RDWR);
  try {
    return openSync(path, constants.O_WRONLY);
  } finally {
    closeSync(both);
  }
}
