import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type ExecutorsOptions, openExecutors } from '../../src/runner/executors.ts';

const folder = mkdtempSync(join(tmpdir(), 'executors-'));
const before = process.env.DOCKER_HOST;
test.before(() => {
  // Docker is expected where there is none.
  process.env.DOCKER_HOST = `unix://${join(folder, 'docker.sock')}`;
});
test.after(() => {
  if (before === undefined) delete process.env.DOCKER_HOST;
  else process.env.DOCKER_HOST = before;
  rmSync(folder, { recursive: true, force: true });
});

const open = (options: Partial<ExecutorsOptions>) =>
  openExecutors({ requested: undefined, imagesOptional: false, watchdog: undefined, ...options });

test('without Docker, a runner leaves jobs with an image to others, and says so', async () => {
  const executors = await open({});
  assert.match(executors.note ?? '', /not installed or not running.*only jobs without an image/);
  assert.match(executors.away({ image: 'python:3.12' }) ?? '', /^needs Docker, which does not answer here/);
  assert.is(executors.away({ image: null }), null);
  assert.is(executors.choose({ image: null })?.executor.kind, 'process');
  assert.is(executors.description, 'process');
  await executors.close();
});

test("without Docker, a run on one's own machine ignores images, and says so in the log", async () => {
  const executors = await open({ imagesOptional: true });
  assert.match(executors.note ?? '', /without their images/);
  const chosen = executors.choose({ image: 'python:3.12' });
  assert.is(chosen?.executor.kind, 'process');
  assert.match(chosen?.notice ?? '', /python:3\.12 is not used/);
  await executors.close();
});

test('plain processes, when asked for, run everything', async () => {
  const executors = await open({ requested: 'process' });
  assert.is(executors.note, null);
  assert.is(executors.choose({ image: 'python:3.12' })?.executor.kind, 'process');
  assert.is(executors.choose({ image: null })?.notice, null);
  await executors.close();
});

test('Docker, when asked for and absent, is an error with the remedy', async () => {
  const error = await open({ requested: 'docker' }).catch((e) => e);
  assert.is(error.code, 'no-executor');
  assert.match(error.hint, /install Docker/);
});

test.run();
