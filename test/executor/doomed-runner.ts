// A process that starts a job and is then killed by a test: doomed-runner.ts <docker|process> <spec as JSON> [watchdog]
import { createDockerExecutor } from '../../src/executor/docker-executor.ts';
import { createProcessExecutor } from '../../src/executor/process-executor.ts';
import { startWatchdog } from '../../src/executor/watchdog.ts';

const [kind, spec, watchdogScript] = process.argv.slice(2);
const watchdog = watchdogScript === undefined ? undefined : startWatchdog({ watchdogScript });
const executor = kind === 'docker' ? createDockerExecutor({ watchdog }) : createProcessExecutor({ watchdog });
const execution = await executor.start(JSON.parse(spec ?? ''), {
  output: (chunk) => process.stdout.write(chunk),
  phase: () => {},
  port: () => {},
});
const result = await execution.finished;
await watchdog?.close();
console.log(JSON.stringify(result));
