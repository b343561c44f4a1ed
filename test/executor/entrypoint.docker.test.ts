import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createDockerExecutor } from '../../src/executor/docker-executor.ts';
import { containersOf, dockerForTests, imageWith } from './docker-support.ts';
import { exited, removeFolders, run, signalled, specOf, start, until } from './support.ts';

const test = suite('entrypoints');
const docker = await dockerForTests();
const images: string[] = [];
test.after.each(async () => {
  removeFolders();
  for (const image of images.splice(0)) await docker?.getImage(image).remove({ force: true });
});

if (docker !== undefined) {
  const executor = createDockerExecutor();
  const limits = { cpu: null, memory: null, shmSize: null };
  /** Where a job waits for Docker to watch its memory, it has to hear of that through the entrypoint. */
  const watched = { ...limits, memory: 64 * 2 ** 20 };

  /** An image whose entrypoint is a shell script that gets what it is to start as its arguments. */
  async function imageThatFirst(script: string, ...changes: string[]): Promise<string> {
    const entrypoint = JSON.stringify(['/bin/sh', '-c', script, 'entry']);
    const image = await imageWith(docker!, 'dstack-test/busybox', [`ENTRYPOINT ${entrypoint}`, ...changes]);
    images.push(image);
    return image;
  }

  test('that of the image wraps the commands, as its user, where its author meant it to begin', async () => {
    const image = await imageThatFirst(
      'echo "banner in $PWD"; export SETUP=done; exec "$@"',
      'WORKDIR /opt/setup',
      'USER 1234',
    );
    for (const held of [limits, watched]) {
      const commands = ['echo "$SETUP" && id -u && pwd', 'cat', 'echo x >made', 'exit 7'];
      const spec = specOf(commands, { image, limits: held, workingDir: 'sub' });
      mkdirSync(path.join(spec.workspace, 'sub'));
      const { result, text } = await run(executor, spec);
      assert.is(text(), 'banner in /opt/setup\ndone\n1234\n/workflow/sub\n');
      assert.equal(result, exited(7));
    }
  });

  test('one that is a program of its own fails the job, and what to do is said', async () => {
    for (const held of [limits, watched]) {
      const spec = specOf(['echo mine'], { image: 'dstack-test/entrypoint', limits: held });
      const { result, text } = await run(executor, spec);
      assert.match(
        result.failure ?? '',
        /the image's entrypoint \["\/bin\/echo",.*ended with exit code 0 without having started.*`entrypoint: \[\]`/,
      );
      assert.match(text(), /^the entrypoint ran \/bin\/sh -c/);
    }
    const failing = await imageThatFirst('exit 3');
    const { result } = await run(executor, specOf(['echo mine'], { image: failing }));
    assert.match(result.failure ?? '', /ended with exit code 3/);
    assert.is(result.exitCode, 3);
  });

  test('a workflow goes without it, or has another one', async () => {
    const image = 'dstack-test/entrypoint';
    const without = await run(executor, specOf(['echo mine'], { image, entrypoint: [] }));
    assert.equal([without.text(), without.result], ['mine\n', exited(0)]);
    const spec = specOf(['echo "$MINE"'], { image, entrypoint: ['./wrap.sh', 'a b'] });
    const wrapper = '#!/bin/sh\nexport MINE="$1"\nshift\nexec "$@"\n';
    writeFileSync(path.join(spec.workspace, 'wrap.sh'), wrapper, { mode: 0o755 });
    const other = await run(executor, spec);
    assert.equal([other.text(), other.result], ['a b\n', exited(0)]);
    const wrong = await run(executor, specOf(['true'], { image, entrypoint: ['true'] }));
    assert.match(wrong.result.failure ?? '', /^the entrypoint \["true"\] ended.*exec "\$@"/);
  });

  test('one that reads its input holds up nothing', async () => {
    const image = await imageThatFirst('read -r x; cat; cat; exec "$@"');
    for (const held of [limits, watched]) {
      const { result, text } = await run(executor, specOf(['cat', 'echo ran'], { image, limits: held }));
      assert.equal([result, text()], [exited(0), 'ran\n']);
    }
  });

  test("one that goes on as the commands' parent passes on how they end", async () => {
    const image = await imageThatFirst('"$@"; code=$?; echo "after: $code"; exit $code');
    const { result, text } = await run(executor, specOf(['exit 5'], { image }));
    assert.equal([result, text()], [exited(5), 'after: 5\n']);
  });

  test('one that never starts the commands is ended', async () => {
    const image = await imageThatFirst('sleep 3600');
    const impatient = createDockerExecutor({ launchMs: 300 });
    const spec = specOf(['echo mine'], { image });
    const { result } = await run(impatient, spec);
    assert.match(result.failure ?? '', /ran for 0\.3 s without having started/);
    assert.equal(await containersOf(docker, spec.identity.nonce), []);
  });

  test('a job that is stopped in it is stopped', async () => {
    const image = await imageThatFirst('trap "exit 143" TERM; echo setting up; sleep 3600 & wait');
    const started = await start(executor, specOf(['echo mine'], { image }));
    await until(() => started.text().includes('setting up'), 'it runs');
    await started.execution.stop(10_000);
    assert.equal(await started.finished, signalled('SIGTERM'));
  });
}

test.run();
