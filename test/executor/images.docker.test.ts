import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createDockerExecutor } from '../../src/executor/docker-executor.ts';
import { containersOf, dockerForTests } from './docker-support.ts';
import { exited, removeFolders, run, signalled, specOf, start, until } from './support.ts';
import { startTinyRegistry } from './tiny-registry.ts';

const test = suite('images');
const docker = await dockerForTests();
test.after.each(removeFolders);

if (docker !== undefined) {
  const executor = createDockerExecutor();

  test('takes bash where the image has it, sh elsewhere', async () => {
    const commands = ['echo "${BASH_VERSION:+bash}"'];
    assert.is((await run(executor, specOf(commands, { image: 'dstack-test/node' }))).text(), 'bash\n');
    assert.is((await run(executor, specOf(commands, { image: 'dstack-test/busybox' }))).text(), '\n');
  });

  test('takes the default image for a job without one, and asks for one where there is none', async () => {
    const withDefault = createDockerExecutor({ defaultImage: 'dstack-test/busybox' });
    assert.equal((await run(withDefault, specOf(['exit 5']))).result, exited(5));
    assert.match((await run(executor, specOf(['exit 5']))).result.failure ?? '', /names no image; set image/);
  });

  test('refuses what is not the name of an image', async () => {
    for (const image of [
      '',
      'UPPER',
      'a b',
      '../../containers/json',
      'a/../b',
      '\x1b[31m',
      'x?y=z',
      'a:b:c',
    ]) {
      const { result, phases } = await run(executor, specOf(['true'], { image }));
      assert.match(result.failure ?? '', /is not the name of an image/, image);
      assert.not.match(result.failure ?? '', '\x1b');
      assert.equal(phases, []);
    }
  });

  test('says so when the registry cannot be reached', async () => {
    const spec = specOf(['true'], { image: '127.0.0.1:1/nothing:1' });
    const { result, phases } = await run(executor, spec);
    assert.match(result.failure ?? '', /could not be pulled .*docker pull 127\.0\.0\.1:1\/nothing:1/);
    assert.equal(phases, ['pulling 127.0.0.1:1/nothing:1']);
    assert.equal(await containersOf(docker, spec.identity.nonce), []);
  });

  test('pulls an image once for all the jobs that need it', async () => {
    const registry = await startTinyRegistry(docker);
    const image = `${registry.address}/busybox:1`;
    try {
      registry.hold();
      const jobs = await Promise.all([1, 2, 3].map(() => start(executor, specOf(['echo ran'], { image }))));
      await until(() => jobs.every((job) => job.phases.length > 0), 'all of them pull');
      registry.release();
      for (const job of jobs) {
        assert.equal(await job.finished, exited(0));
        assert.is(job.text(), 'ran\n');
        assert.is(job.phases[0], `pulling ${image}`);
        assert.is(job.phases.at(-1), 'running');
      }
      const layers = [...registry.requests].filter(([url]) => url.includes('/blobs/'));
      assert.equal(
        layers.map(([, times]) => times),
        [1, 1],
      );
    } finally {
      await docker.getImage(image).remove();
      await registry.close();
    }
  });

  test('says so when the registry has no such image', async () => {
    const registry = await startTinyRegistry(docker);
    try {
      const { result } = await run(executor, specOf(['true'], { image: `${registry.address}/busybox:2` }));
      assert.match(result.failure ?? '', /busybox:2 was not found.*correct the name/);
    } finally {
      await registry.close();
    }
  });

  test('can be stopped while it pulls, without those that pull the same', async () => {
    const registry = await startTinyRegistry(docker);
    const image = `${registry.address}/busybox:1`;
    try {
      registry.hold();
      const [first, second] = await Promise.all([
        start(executor, specOf(['echo ran'], { image })),
        start(executor, specOf(['echo ran'], { image })),
      ]);
      await until(() => first.phases.length > 0 && second.phases.length > 0, 'both pull');
      await first.execution.stop(10_000);
      assert.equal(await first.finished, signalled('SIGTERM'));
      assert.equal(await containersOf(docker, first.spec.identity.nonce), []);
      registry.release();
      assert.equal(await second.finished, exited(0));
    } finally {
      await docker.getImage(image).remove();
      await registry.close();
    }
  });
}

test.run();
