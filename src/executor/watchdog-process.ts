// The watchdog, as a process: reads what to guard from its stdin, and ends it all when that closes without a `bye`.
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { type JobGroup, killBearers, killJob } from './job-group.ts';
import type { GuardKind, WatchdogMessage } from './watchdog.ts';

// Who ends the session or the service ends the runner too, and that is what we are here for.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

const guarded = new Map<string, { kind: GuardKind; id: string }>();
let saidBye = false;

for await (const line of createInterface({ input: process.stdin })) {
  const message = parse(line);
  if (message?.do === 'bye') saidBye = true;
  if (message?.do === 'add') guarded.set(`${message.kind} ${message.id}`, message);
  if (message?.do === 'remove') guarded.delete(`${message.kind} ${message.id}`);
}
if (!saidBye) await Promise.all([...guarded.values()].map(end));

/** The last line may be half a line. */
function parse(line: string): WatchdogMessage | undefined {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

async function end({ kind, id }: { kind: GuardKind; id: string }): Promise<void> {
  if (kind === 'group') await killJob(JSON.parse(id) as JobGroup);
  else if (kind === 'nonce') await killBearers(id);
  else await removeContainer(id);
}

/** Tries for a while: Docker may be starting again. A sweep finds what is left then. */
async function removeContainer(name: string): Promise<void> {
  const { connectDocker } = await import('./docker-connection.ts');
  const container = connectDocker({ timeout: 30_000 }).docker.getContainer(name);
  for (let tries = 0; tries < 20; tries++) {
    try {
      await container.remove({ force: true, v: true });
      return;
    } catch (error) {
      if ((error as { statusCode?: number }).statusCode === 404) return;
      await sleep(1_000);
    }
  }
}
