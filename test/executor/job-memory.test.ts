import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { jobEnvironment } from '../../src/executor/job-environment.ts';
import { jobGroup, killJob } from '../../src/executor/job-group.ts';
import { fileMemory } from '../../src/executor/process-strays.ts';
import { groupIsAlive, startOf } from '../../src/executor/process-table.ts';
import { ownStarter, starterIsAlive } from '../../src/executor/starter.ts';
import { removeFolders, specOf, temporaryFolder } from './support.ts';

test.after.each(removeFolders);

function sleeper() {
  const child = spawn('sleep', ['3600'], { detached: true, stdio: 'ignore' });
  return { pid: child.pid as number, gone: once(child, 'exit') };
}

test('a process is known by its pid and its start', async () => {
  const { pid, gone } = sleeper();
  const start = startOf(pid);
  assert.type(start, 'string');
  assert.is(startOf(pid), start);
  process.kill(pid, 'SIGKILL');
  await gone;
  assert.is(startOf(pid), undefined);
});

test('tells whether a starter is alive', async () => {
  const own = ownStarter();
  assert.ok(starterIsAlive(own));
  const [boot, pid, start] = own.split(':');
  assert.not(starterIsAlive(`${boot}:${pid}:${start}1`), 'another process with the same pid');
  assert.not(starterIsAlive(`another-boot:${pid}:${start}`));
  for (const nonsense of ['', '::', `${boot}:-1:${start}`, `${boot}:1e9:1`])
    assert.not(starterIsAlive(nonsense));
});

test('never kills a later process that got the same pid', async () => {
  const { pid, gone } = sleeper();
  await killJob({ group: pid, start: 'another time', nonce: 'none' });
  assert.ok(groupIsAlive(pid));
  await killJob(jobGroup(pid, 'none'));
  await gone;
  assert.not(groupIsAlive(pid));
});

test('remembers jobs in files, of a dead starter only', () => {
  const folder = path.join(temporaryFolder(), 'jobs');
  const memory = fileMemory(folder);
  assert.equal(memory.strays('gpu-1'), []);
  const job = { group: 4_000_000, start: '1', nonce: '../evil/nonce' };
  memory.remember(job, 'gpu-1', ownStarter());
  assert.is(statSync(folder).mode & 0o777, 0o700);
  assert.equal(memory.strays('gpu-1'), []);
  memory.remember(job, 'gpu-1', 'another-boot:1:1');
  assert.is(memory.strays('gpu-1')[0]?.group, job.group);
  assert.equal(memory.strays('gpu-2'), []);
  memory.forget(job);
  assert.equal(memory.strays('gpu-1'), []);
});

test('takes no notice of files that would make it kill everybody', () => {
  const folder = path.join(temporaryFolder(), 'jobs');
  mkdirSync(folder);
  const record = { start: '1', nonce: 'n', runner: 'gpu-1', starter: 'x:1:1' };
  for (const group of [1, 0, -1, 1.5, '7', null]) {
    writeFileSync(path.join(folder, `${group}.json`), JSON.stringify({ ...record, group }));
  }
  writeFileSync(path.join(folder, 'half.json'), '{"group": 12');
  assert.equal(fileMemory(folder).strays('gpu-1'), []);
});

test('passes on only what a program needs, and nobody can fake an identity', () => {
  const { identity } = specOf([]);
  const host = {
    PATH: '/bin',
    LC_ALL: 'C',
    NVIDIA_VISIBLE_DEVICES: '0',
    AWS_PROFILE: 'secret',
    GIT_ASKPASS: 'x',
    SSH_AUTH_SOCK: 'x',
    NODE_OPTIONS: 'x',
    DOCKER_HOST: 'x',
    PATH_TOKEN: 'x',
  };
  const env = jobEnvironment(
    host,
    { identity, gpus: null, env: { PATH: '/mine', DSTACK_EXECUTION_NONCE: 'fake' } },
    'starter',
  );
  assert.equal(
    Object.keys(env)
      .filter((name) => !name.startsWith('DSTACK_'))
      .sort(),
    ['LC_ALL', 'NVIDIA_VISIBLE_DEVICES', 'PATH'],
  );
  assert.is(env.PATH, '/mine');
  assert.is(env.DSTACK_EXECUTION_NONCE, identity.nonce);
});

test('a job sees the GPUs that are its own, whatever it says itself, and one without sees what its runner sees', () => {
  const identity = { runner: 'r', run: 'a', job: 'b', attempt: 1, nonce: 'n' };
  const visible = (gpus: string[] | null, env: Record<string, string>) =>
    jobEnvironment({ CUDA_VISIBLE_DEVICES: '0,1' }, { identity, gpus, env }, 'starter').CUDA_VISIBLE_DEVICES;
  assert.is(visible(['GPU-a', 'GPU-b'], { CUDA_VISIBLE_DEVICES: '7' }), 'GPU-a,GPU-b');
  assert.is(visible(null, {}), '0,1');
});

test.run();
