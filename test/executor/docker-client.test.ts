import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { answerOf, explainDockerError } from '../../src/executor/docker-client.ts';
import { createDockerExecutor } from '../../src/executor/docker-executor.ts';
import { removeFolders, run, specOf, temporaryFolder } from './support.ts';

/** Runs it with Docker expected somewhere else. */
async function withDockerHost<T>(host: string, body: () => Promise<T>): Promise<T> {
  const before = process.env.DOCKER_HOST;
  process.env.DOCKER_HOST = host;
  try {
    return await body();
  } finally {
    if (before === undefined) delete process.env.DOCKER_HOST;
    else process.env.DOCKER_HOST = before;
  }
}
const noSocket = () => `unix://${path.join(temporaryFolder(), 'docker.sock')}`;
test.after.each(removeFolders);

test('says what to do when Docker is not there', async () => {
  const check = await withDockerHost(noSocket(), () => createDockerExecutor().check());
  assert.is(check.ok, false);
  assert.match(check.detail, /not installed or not running.*docker\.sock/);
  assert.match(check.remedy ?? '', /install Docker.*start it/);
});

test('says what to do when nobody listens, and when the user may not', async () => {
  const check = await withDockerHost('tcp://127.0.0.1:1', () => createDockerExecutor().check());
  assert.match(check.detail, /Docker is not running/);
  assert.match(check.remedy ?? '', /start it/);
  const refused = explainDockerError(Object.assign(new Error('connect EACCES'), { code: 'EACCES' }));
  assert.match(refused.hint ?? '', /usermod -aG docker/);
});

test("passes Docker's own words on, without their control characters", () => {
  const error = Object.assign(new Error('(HTTP code 500)'), {
    statusCode: 500,
    json: { message: 'no \x1b[2Jspace' },
  });
  assert.is(explainDockerError(error).message, 'Docker: no \\x1b[2Jspace');
});

test('does not wait for an answer for ever', async () => {
  const error = await answerOf(new Promise<never>(() => {}), 10).catch((reason) => reason as Error);
  assert.match(error.message, /did not answer/);
});

test('a job that Docker cannot be asked for is a result', async () => {
  const executor = await withDockerHost(noSocket(), async () => createDockerExecutor());
  const { result } = await run(executor, specOf(['true'], { image: 'busybox' }));
  assert.match(result.failure ?? '', /Docker is not installed or not running/);
});

test('refuses a DOCKER_HOST that is none', async () => {
  const executor = await withDockerHost('tcp://:::', async () => createDockerExecutor());
  const check = await executor.check();
  assert.match(check.detail, /can't be reached: DOCKER_HOST is "tcp:\/\/:::"/);
  assert.match(check.remedy ?? '', /unix:\/\/\/PATH/);
  const { result } = await run(executor, specOf(['true'], { image: 'busybox' }));
  assert.match(result.failure ?? '', /DOCKER_HOST/);
});

test.run();
