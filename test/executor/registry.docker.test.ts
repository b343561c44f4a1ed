import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createDockerExecutor } from '../../src/executor/docker-executor.ts';
import { dockerForTests } from './docker-support.ts';
import { lacksRegistry, login, type Registry, startRegistry, uniqueImage } from './registry.ts';
import { exited, removeFolders, run, specOf, start, temporaryFolder, until } from './support.ts';

const test = suite('a registry');
const docker = await dockerForTests();
const lacking = docker && lacksRegistry();
if (lacking) console.log(`SKIP a registry: ${lacking}`);

const images: string[] = [];
const registries: Registry[] = [];
const before = process.env.DOCKER_CONFIG;

test.after.each(async () => {
  if (before === undefined) delete process.env.DOCKER_CONFIG;
  else process.env.DOCKER_CONFIG = before;
  for (const registry of registries.splice(0)) await registry.close();
  for (const image of images.splice(0))
    await docker!
      .getImage(image)
      .remove({ force: true })
      .catch(() => {});
  removeFolders();
});

if (docker !== undefined && lacking === null) {
  const open = async (options?: { login: boolean }): Promise<Registry> => {
    const registry = await startRegistry(docker, temporaryFolder(), options);
    registries.push(registry);
    return registry;
  };
  /** Its id; Docker forgets it after the test, and what was pulled by this name. */
  const pushed = async (registry: Registry, name: string, bytes?: number): Promise<string> => {
    const id = await uniqueImage(docker, bytes);
    images.push(`${registry.address}/${name}`, id);
    await registry.push(id, name);
    return id;
  };
  /** An executor that asks about tags each time. */
  const asking = () => createDockerExecutor({ tagAges: { execute: 0, reuse: 0 } });
  const which = (image: string) => specOf(['cat /which'], { image });
  const manifests = (registry: Registry) =>
    registry.requests().filter((line) => line.includes('/manifests/')).length;

  test('an image is pulled, and which one that was is told by digest', async () => {
    const registry = await open();
    const id = await pushed(registry, 'app:1');
    const image = `${registry.address}/app:1`;
    const job = await run(asking(), which(image));
    assert.equal(job.result, exited(0), job.text());
    assert.is(job.image()?.id, id);
    assert.match(job.image()?.digest ?? '', /^sha256:[0-9a-f]{64}$/);
    assert.equal(job.notices[0], `pulling ${image}`);
    assert.match(job.notices.at(-1) ?? '', /^pulled .* in [\d.]+ s$/);
    const pinned = `${registry.address}/app@${job.image()?.digest}`;
    const again = await run(asking(), which(pinned));
    assert.equal([again.image(), again.text()], [job.image(), job.text()]);
    await docker.getImage(pinned).remove();
  });

  test('a tag that moves is followed; the answer of a registry counts for a while', async () => {
    const registry = await open();
    const image = `${registry.address}/app:1`;
    await pushed(registry, 'app:1');
    const patient = createDockerExecutor();
    const first = await run(patient, which(image));
    const asked = manifests(registry);
    await run(patient, which(image));
    assert.is(manifests(registry), asked, 'asked again at once');
    await pushed(registry, 'app:1');
    assert.equal(await patient.imageNow?.(image), first.image(), 'it was told a moment ago');
    // Where it points is known without pulling it.
    const now = await asking().imageNow?.(image);
    assert.is(now?.id, null);
    assert.is.not(now?.digest, first.image()?.digest);
    const second = await run(asking(), which(image));
    assert.is(second.image()?.digest, now?.digest);
    assert.is.not(second.text(), first.text());
    assert.ok(
      second.notices.some((line) => line === `${image} has moved: ${first.image()?.digest} → ${now?.digest}`),
    );
    assert.equal(await asking().imageNow?.(image), second.image());
  });

  test("an image that is here is used where its registry can't be asked, and that is said", async () => {
    const registry = await open();
    const image = `${registry.address}/app:1`;
    await pushed(registry, 'app:1');
    const first = await run(asking(), which(image));
    await registry.kill();
    const second = await run(asking(), which(image));
    assert.equal([second.result, second.image()], [exited(0), first.image()]);
    assert.match(
      second.notices.join(),
      /is the .* that is here: its registry can't be asked whether it has moved/,
    );
    assert.equal(await asking().imageNow?.(image), first.image());
    await docker.getImage(image).remove({ force: true });
    const third = await run(asking(), which(image));
    assert.match(third.result.failure ?? '', /could not be pulled/);
    assert.is(third.result.lost, true, 'another attempt may do better');
  });

  test("what was built here is nobody else's to ask for", async () => {
    const id = await uniqueImage(docker);
    images.push(id);
    const job = await run(asking(), which(id));
    assert.equal(job.image(), { digest: null, id });
    assert.equal(await asking().imageNow?.(id), { digest: null, id });
    assert.is(
      await asking()
        .imageNow?.('127.0.0.1:1/none:1')
        .then((image) => image?.digest),
      null,
    );
  });

  test('jobs that need an image at the same time share one pull', async () => {
    const registry = await open();
    await pushed(registry, 'app:1', 2 ** 20);
    const executor = createDockerExecutor();
    const spec = () => which(`${registry.address}/app:1`);
    const jobs = await Promise.all([1, 2].map(() => start(executor, spec())));
    for (const job of jobs) assert.equal(await job.finished, exited(0));
    const blobs = registry.requests().filter((line) => /^GET .*\/blobs\//.test(line));
    assert.is(new Set(blobs).size, blobs.length, blobs.join('\n'));
  });

  test('a login is taken from where docker keeps it, and shown nowhere', async () => {
    const registry = await open({ login: true });
    const image = `${registry.address}/app:1`;
    await pushed(registry, 'app:1');
    process.env.DOCKER_CONFIG = temporaryFolder();
    const refused = await run(asking(), which(image));
    assert.match(refused.result.failure ?? '', /was not found, or needs a login .*docker login/);
    assert.is(refused.result.lost, undefined);

    const configure = (config: object) =>
      writeFileSync(path.join(process.env.DOCKER_CONFIG as string, 'config.json'), JSON.stringify(config));
    const auth = Buffer.from(`${login.username}:${login.password}`).toString('base64');
    configure({ auths: { [registry.address]: { auth } } });
    const job = await run(asking(), which(image));
    assert.equal(job.result, exited(0));
    // Also for the question where its tag points.
    const first = await asking().imageNow?.(image);
    assert.equal(first, job.image());
    await pushed(registry, 'app:1');
    assert.is.not((await asking().imageNow?.(image))?.digest, first?.digest);

    // A helper, in whose place a wrong password stands first.
    const bin = path.join(temporaryFolder(), 'bin');
    mkdirSync(bin);
    const helper = (password: string) =>
      writeFileSync(
        path.join(bin, 'docker-credential-test'),
        `#!/bin/sh\nread -r server\necho '{"Username":"me","Secret":"${password}"}'\n`,
        { mode: 0o755 },
      );
    const { PATH } = process.env;
    process.env.PATH = `${bin}:${PATH}`;
    try {
      configure({ credHelpers: { [registry.address]: 'test' } });
      helper('wrong-secret');
      const wrong = await run(asking(), which(`${registry.address}/app:2`));
      assert.match(wrong.result.failure ?? '', /needs a login/);
      assert.not.match(JSON.stringify(wrong), 'wrong-secret');
      helper(login.password);
      assert.equal((await run(asking(), which(image))).result, exited(0));
    } finally {
      process.env.PATH = PATH;
    }
  });

  test('a registry that dies in the middle of a pull and comes back has its image pulled', async () => {
    const registry = await open();
    await pushed(registry, 'app:1', 8 * 2 ** 20);
    registry.slowDown();
    const job = await start(asking(), which(`${registry.address}/app:1`));
    await until(() => job.phases.some((phase) => /[1-9]% of/.test(phase)), 'it is being pulled');
    await registry.kill();
    await until(() => job.phases.some((phase) => /Docker tries again/.test(phase)), 'its death is noticed');
    await registry.start();
    assert.equal(await job.finished, exited(0));
  });
}

test.run();
