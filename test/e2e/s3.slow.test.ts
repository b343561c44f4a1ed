import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { serveS3 } from '../store/s3-network.ts';
import { newS3Store } from '../store/s3-support.ts';
import { CREDENTIALS, missing } from '../store/swift.ts';
import { fails } from './cli-support.ts';
import { type TestProject, withProject } from './project.ts';
import { found, needlesOf } from './secrets-hunt.ts';

const test = suite('s3');

const wrong = { ...CREDENTIALS, AWS_SECRET_ACCESS_KEY: 'wrong-sesame-0815-shut' };
const secrets = { right: CREDENTIALS.AWS_SECRET_ACCESS_KEY, wrong: wrong.AWS_SECRET_ACCESS_KEY };

const workflows = `
workflows:
  - name: make
    artifacts: [out]
    commands:
      - mkdir out
      - echo "a,b" > out/table.csv
      - head -c 9000000 /dev/urandom > out/weights
      - sha256sum out/weights > out/sum
      - env
  - name: use
    artifacts: [used]
    depends-on: {workflows: [make]}
    commands: [sha256sum -c out/sum > used]
`;

if (missing === null) {
  const s3 = serveS3(test);

  /** A project whose store is a new bucket; each command of it has the right credentials unless it is given others. */
  function check(name: string, body: (project: TestProject) => Promise<void>): void {
    test(
      name,
      withProject(workflows, async (project) => {
        const { location } = await newS3Store(s3.server.endpoint, s3.proxy.endpoint);
        appendFileSync(path.join(project.folder, '.dstackrc'), `store: ${location}\n`);
        Object.assign(project.env, CREDENTIALS);
        try {
          await body(project);
        } finally {
          s3.proxy.fault = () => undefined;
        }
      }),
    );
  }

  check('what one runner stores, another one uses, and everybody can bring back', async (project) => {
    const one = project.startRunner('one', ['--drain']);
    const made = await project.submit(['make']);
    assert.is((await project.record(made, 'make')).state, 'done');
    assert.is(await one.exited, 0, one.output());
    const run = await project.submit(['use']);
    const two = project.startRunner('two', ['--drain'], {
      XDG_CACHE_HOME: path.join(project.root, 'home/other'),
    });
    assert.is((await project.record(run, 'make')).state, 'cached');
    assert.is((await project.record(run, 'use')).state, 'done');
    assert.is(await two.exited, 0, two.output());

    const cat = await project.dstack(['artifacts', 'cat', `${run}:used`]);
    assert.is(cat.stdout, 'out/weights: OK\n', cat.stderr);
    const verified = await project.dstack(['artifacts', 'verify', run]);
    assert.is(verified.exitCode, 0, verified.stderr);
    const got = path.join(project.root, 'got');
    const downloaded = await project.dstack(['artifacts', 'download', run, '-o', got]);
    assert.is(downloaded.exitCode, 0, downloaded.stderr);
    assert.equal(readdirSync(path.join(got, 'out')).sort(), ['sum', 'table.csv', 'weights']);
    assert.is(readFileSync(path.join(got, 'used'), 'utf8'), 'out/weights: OK\n');
    await assertNoSecrets(project, [one.output(), two.output(), cat.stderr, verified.stderr]);
  });

  check(
    'wrong credentials: each command, and the record, say what to do, and nothing of the secret',
    async (project) => {
      const made = await project.submit(['make']);
      const right = project.startRunner('right', ['--drain']);
      assert.is(await right.exited, 0, right.output());

      const said: string[] = [];
      for (const args of [['runner', 'check'], ['doctor']]) {
        const { stdout, stderr, exitCode } = await project.dstack(args, { env: wrong });
        // The host is fine.
        assert.is(exitCode, args[0] === 'doctor' ? 0 : 1, `${args.join(' ')}: ${stdout}${stderr}`);
        if (args[0] === 'doctor') assert.match(stdout, /The store can't be used as it is/);
        assert.match(stdout + stderr, /does not accept the credentials \(SignatureDoesNotMatch/);
        assert.match(stdout + stderr, /compare AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY/);
        said.push(stdout, stderr);
      }
      for (const args of [
        ['download', made, '-o', 'got'],
        ['verify', made],
        ['cat', `${made}:out/table.csv`],
      ]) {
        const words = [/does not accept the credentials/, /hint: compare AWS_ACCESS_KEY_ID/];
        const result = await fails(project, ['artifacts', ...args], { exitCode: 1, words }, { env: wrong });
        said.push(result.stderr, result.stdout);
      }
      const run = await project.submit(['make', '--no-cache']);
      const runner = project.startRunner('wrong', ['--drain'], wrong);
      const record = await project.record(run, 'make');
      assert.is(record.state, 'failed');
      assert.match(String(record.reason), /could not be kept: the store .* does not accept the credentials/);
      await runner.exited;
      const status = await project.dstack(['status', run]);
      await assertNoSecrets(project, [...said, runner.output(), status.stdout, JSON.stringify(record)]);
    },
  );

  check(
    'credentials that expire while a job runs: it fails, says so, and the next runner does it',
    async (project) => {
      s3.proxy.fault = () => ({ answer: 400, code: 'ExpiredToken' });
      const runner = project.startRunner('one', ['--drain']);
      const record = await project.record(await project.submit(['make']), 'make');
      assert.is(record.state, 'failed');
      assert.match(String(record.reason), /could not be kept: the credentials for the store .* have expired/);
      await runner.exited;
      const checked = await project.dstack(['runner', 'check']);
      assert.match(checked.stdout, /have expired(.|\n)*get new ones/);
      await assertNoSecrets(project, [runner.output(), checked.stdout, JSON.stringify(record)]);
      s3.proxy.fault = () => undefined;
      const again = project.startRunner('two', ['--drain']);
      assert.is((await project.record(await project.submit(['make']), 'make')).state, 'done');
      assert.is(await again.exited, 0, again.output());
    },
  );

  /** Neither what was said, nor any file or object, has them. */
  async function assertNoSecrets(project: TestProject, said: readonly string[]): Promise<void> {
    const needles = needlesOf(secrets);
    for (const text of said) assert.equal(found(needles, text), [], text);
    const files = readdirSync(project.root, { recursive: true, withFileTypes: true });
    for (const entry of files.filter((one) => one.isFile())) {
      const file = path.join(entry.parentPath, entry.name);
      assert.equal(found(needles, readFileSync(file)), [], file);
    }
    const objects = await project.git(['cat-file', '--batch-all-objects', '--batch', '--unordered']);
    assert.ok(objects.length > 1000);
    assert.equal(found(needles, objects), []);
  }
} else console.log(`SKIP a store in S3, end to end: ${missing}`);

test.run();
