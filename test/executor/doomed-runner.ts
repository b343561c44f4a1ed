// A process that starts a job and is then killed by a test:
// doomed-runner.ts <docker|process> <spec as JSON> [<watchdog> [<spawner>]]
import { createDockerExecutor } from '../../src/executor/docker-executor.ts';
import type { ExecutionSpec, Executor } from '../../src/executor/executor.ts';
import { createProcessExecutor } from '../../src/executor/process-executor.ts';
import { startWatchdog } from '../../src/executor/watchdog.ts';

const [kind, text = '', watchdogScript, script] = process.argv.slice(2);
const spec = JSON.parse(text) as ExecutionSpec;
const watchdog = watchdogScript ? startWatchdog({ watchdogScript }) : undefined;
const spawner = script ? { script, worthwhile: 1, idleLimit: 600_000 } : undefined;
const executor =
  kind === 'docker' ? createDockerExecutor({ watchdog }) : createProcessExecutor({ watchdog, spawner });

/** Has one job after the other say who has started it, until that is the spawner. */
async function warmUp(executor: Executor): Promise<void> {
  for (let parent = process.pid; parent === process.pid; ) {
    let said = '';
    const output = (chunk: Uint8Array) => {
      said += Buffer.from(chunk).toString();
    };
    const events = { output, phase: () => {}, port: () => {} };
    const job = await executor.start({ ...spec, commands: ['echo $PPID'] }, events);
    await job.finished;
    parent = Number(said);
  }
}

if (spawner) await warmUp(executor);
const execution = await executor.start(spec, {
  output: (chunk) => process.stdout.write(chunk),
  phase: () => {},
  port: () => {},
});
const result = await execution.finished;
await executor.close();
await watchdog?.close();
console.log(JSON.stringify(result));
