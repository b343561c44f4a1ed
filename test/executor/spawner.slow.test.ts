import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { identityVariables } from '../../src/executor/job-environment.ts';
import { createProcessExecutor } from '../../src/executor/process-executor.ts';
import { processesWith } from '../../src/executor/process-table.ts';
import type { Watchdog } from '../../src/executor/watchdog.ts';
import { isAlive } from '../../src/git/is-alive.ts';
import { executorContract } from './contract.ts';
import { exited, removeFolders, run, specOf, start, until } from './support.ts';

const here = path.dirname(fileURLToPath(import.meta.url));
const script = path.join(here, '../../src/executor/spawner-process.ts');
const eager = { script, worthwhile: 1, idleLimit: 600_000 };

const test = suite('spawner');

const bearers = (nonce: string) => processesWith({ [identityVariables.nonce]: nonce }).map(({ pid }) => pid);

function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

/** The spawners that this process has, by what they run. */
function spawners(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return parentOf(pid) === process.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(script);
      } catch {
        return false; // It has ended.
      }
    });
}

/** Runs jobs until one has another parent than this process. @returns its parent's pid */
async function warmUp(executor: ReturnType<typeof createProcessExecutor>): Promise<number> {
  let parent = process.pid;
  await until(async () => {
    const { text } = await run(executor, specOf(['echo $PPID']));
    parent = Number(text());
    return parent !== process.pid;
  }, 'jobs are started by the spawner');
  return parent;
}

const contracted = createProcessExecutor({ spawner: eager });
test.before(async () => {
  await warmUp(contracted);
});
executorContract(test, {
  create: () => contracted,
  image: null,
  leftovers: async (nonce) => bearers(nonce).map((pid) => `process ${pid}`),
});

test('is not there for a few jobs, is for many, and goes when there are no more', async () => {
  const executor = createProcessExecutor({ spawner: { script, worthwhile: 5, idleLimit: 4_000 } });
  try {
    const before = spawners();
    const begun = () => spawners().filter((pid) => !before.includes(pid));
    for (let count = 1; count < 5; count += 1) {
      const { text } = await run(executor, specOf(['echo $PPID']));
      assert.is(Number(text()), process.pid);
      assert.equal(begun(), []);
    }
    assert.equal([await warmUp(executor)], begun());
    await until(() => begun().length === 0, 'it goes');
    assert.is(Number((await run(executor, specOf(['echo $PPID']))).text()), process.pid);
  } finally {
    await executor.close();
    removeFolders();
  }
});

test('its death is the end of what it has started; the next jobs are started as usual', async () => {
  const executor = createProcessExecutor({ spawner: eager });
  try {
    const spawner = await warmUp(executor);
    const job = await start(executor, specOf(["trap '' TERM", 'echo ready', 'sleep 3600']));
    await until(() => job.text().includes('ready'), 'it runs');
    process.kill(spawner, 'SIGKILL');
    const { failure, lost } = await job.finished;
    assert.match(failure ?? '', /starts jobs .* killed/);
    assert.is(lost, true);
    assert.equal(bearers(job.spec.identity.nonce), []);
    assert.equal((await run(executor, specOf(['true']))).result, exited(0));
  } finally {
    await executor.close();
    removeFolders();
  }
});

test('a job that it was to start when it was killed does not go on', async () => {
  const executor = createProcessExecutor({ spawner: eager });
  try {
    const spawner = await warmUp(executor);
    process.kill(spawner, 'SIGSTOP');
    const starting = start(executor, specOf(['sleep 3600']));
    // It goes on with what it has got, and is killed at once.
    process.kill(spawner, 'SIGCONT');
    process.kill(spawner, 'SIGKILL');
    const { finished, spec } = await starting;
    const { exitCode, failure, lost } = await finished;
    assert.ok(exitCode === null && failure !== null && lost, failure ?? '');
    assert.equal(bearers(spec.identity.nonce), []);
  } finally {
    await executor.close();
    removeFolders();
  }
});

test('the watchdog hears of what it has started, but for jobs that have ended by then', async () => {
  const told: string[] = [];
  const watchdog: Watchdog = {
    guard: (_, id) => void told.push(`guard ${id}`),
    release: (_, id) => void told.push(`release ${id}`),
    close: async () => {},
  };
  const executor = createProcessExecutor({ spawner: eager, watchdog });
  try {
    await warmUp(executor);
    const job = await start(executor, specOf(['echo $$', 'sleep 3600']));
    const isOfJob = (line = '') => line.startsWith('guard ') && line.includes(job.spec.identity.nonce);
    await until(() => isOfJob(told.at(-1)), 'told');
    assert.is(JSON.parse((told.at(-1) as string).slice('guard '.length)).group, Number(job.text()));
    await job.execution.stop(0);
    assert.is(told.at(-1), told.at(-2)?.replace('guard', 'release'));
    // Not of one at least, however slow the machine is.
    told.length = 0;
    await until(async () => {
      const before = told.length;
      await run(executor, specOf([':']));
      return told.length === before;
    }, 'one that it does not hear of');
  } finally {
    await executor.close();
    removeFolders();
  }
});

test('where it does not run, jobs are started as usual', async () => {
  const executor = createProcessExecutor({
    spawner: { ...eager, script: path.join(here, 'no-such-script.js') },
  });
  try {
    for (let count = 0; count < 20; count += 1) {
      const { text, result } = await run(executor, specOf(['echo $PPID']));
      assert.equal(result, exited(0));
      assert.is(Number(text()), process.pid);
    }
  } finally {
    await executor.close();
    removeFolders();
  }
});

test('what it has started ends with a runner that is killed, though no watchdog knows of it', async () => {
  const spec = specOf(["trap '' TERM", 'sleep 3600 &', 'echo "ready $PPID"', 'sleep 3600']);
  const args = ['--import', 'tsx', path.join(here, 'doomed-runner.ts'), 'process', JSON.stringify(spec)];
  const child = spawn(process.execPath, [...args, '', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  try {
    await until(() => text.includes('ready'), 'it runs');
    const spawner = Number(/ready (\d+)/.exec(text)?.[1]);
    assert.is.not(spawner, child.pid);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await until(() => bearers(spec.identity.nonce).length === 0, 'nothing of the job is left');
    await until(() => !isAlive(spawner), 'the spawner is gone');
  } finally {
    child.kill('SIGKILL');
    removeFolders();
  }
});

test.run();
