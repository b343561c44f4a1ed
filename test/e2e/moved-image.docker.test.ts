import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dockerForTests } from '../executor/docker-support.ts';
import { lacksRegistry, type Registry, startRegistry, uniqueImage } from '../executor/registry.ts';
import { removeFolders, temporaryFolder } from '../executor/support.ts';
import { createProject, type TestProject } from './project.ts';

const docker = await dockerForTests();
const lacking = docker && lacksRegistry();
if (lacking) console.log(`SKIP a tag that moves: ${lacking}`);

interface Context {
  project: TestProject;
  registry: Registry;
  images: string[];
}
const test = suite<Context>('a tag that moves');

if (docker !== undefined && lacking === null) {
  test.before.each(async (context) => {
    context.images = [];
    context.registry = await startRegistry(docker, temporaryFolder());
    context.project = await createProject(`
workflows:
  - name: prepare
    image: ${context.registry.address}/app:1
    artifacts: [which]
    commands: [cp /which which]
  - name: train
    image: dstack-test/busybox
    depends-on: {workflows: [prepare]}
    artifacts: [model]
    commands: [cp which model]
`);
  });
  test.after.each(async ({ project, registry, images }) => {
    await project.remove();
    await registry.close();
    for (const image of images)
      await docker
        .getImage(image)
        .remove({ force: true })
        .catch(() => {});
    removeFolders();
  });

  const push = async ({ registry, images }: Context): Promise<void> => {
    const id = await uniqueImage(docker);
    images.push(`${registry.address}/app:1`, id);
    await registry.push(id, 'app:1');
  };
  /** Its states, by job. */
  const runOnce = async ({ project }: Context, ...args: string[]) => {
    const run = await project.submit(['train', ...args]);
    const runner = project.startRunner('one', ['--drain']);
    assert.is(await runner.exited, 0, runner.output());
    const { stdout } = await project.dstack(['status', run, '--json']);
    const jobs = (JSON.parse(stdout) as { jobs: { state: string; imageDigest: string | null }[] }).jobs;
    return { run, states: jobs.map(({ state }) => state), digest: jobs[0]?.imageDigest };
  };
  const why = async ({ project }: Context, job: string) => (await project.dstack(['why', job])).stdout;

  test('gives no old result, neither of its jobs nor of what is made of theirs; and says why', async (context) => {
    await push(context);
    const first = await runOnce(context);
    assert.equal(first.states, ['done', 'done']);
    assert.match(first.digest ?? '', /^sha256:[0-9a-f]{64}$/);
    const same = await runOnce(context);
    assert.equal(same.states, ['cached', 'cached']);
    assert.is(same.digest, first.digest);

    await push(context);
    const moved = await runOnce(context);
    assert.equal(moved.states, ['done', 'done']);
    const [before, after] = [first.digest, moved.digest].map((digest) => digest?.slice(0, 19));
    assert.is.not(before, after);
    const change = `app:1 of prepare has moved: ${before} → ${after}`;
    assert.match(await why(context, `${moved.run}/prepare`), change);
    assert.match(await why(context, `${moved.run}/train`), change);
    const log = await context.project.log(moved.run, 'prepare');
    assert.match(
      log,
      `dstack: ${context.registry.address}/app:1 has moved: ${first.digest} → ${moved.digest}`,
    );
    assert.match(log, /dstack: pulling .*\ndstack: pulled .* in [\d.]+ s/);
    assert.equal((await runOnce(context)).states, ['cached', 'cached']);
  });

  test('a registry that is away stops nothing whose image is here, and makes no miss', async (context) => {
    await push(context);
    const first = await runOnce(context);
    await context.registry.kill();
    assert.equal((await runOnce(context)).states, ['cached', 'cached']);
    const forced = await runOnce(context, '--no-cache');
    assert.equal([forced.states, forced.digest], [['done', 'done'], first.digest]);
    assert.match(
      await context.project.log(forced.run, 'prepare'),
      /its registry can't be asked whether it has moved/,
    );
  });

  test('a submitter without Docker gets the results of those who have it', async (context) => {
    await push(context);
    await runOnce(context);
    const home = context.project.env.HOME as string;
    writeFileSync(path.join(home, 'none'), '');
    const run = await context.project.submit(['train'], { env: { DOCKER_HOST: `unix://${home}/none` } });
    const runner = context.project.startRunner('one', ['--drain']);
    assert.is(await runner.exited, 0, runner.output());
    assert.is((await context.project.record(run, 'train')).state, 'cached');
  });
}

test.run();
