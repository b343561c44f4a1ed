import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { SecretSource } from '../../src/config/secret-source.ts';
import { DstackError } from '../../src/errors.ts';
import { describeSource, readSecret } from '../../src/runner/read-secret.ts';
import { openSecrets, refusal } from '../../src/runner/secrets.ts';
import { outputOf } from '../../src/runner/user-program.ts';

const test = suite<{ folder: string }>('secrets of a runner');

test.before.each((context) => {
  context.folder = mkdtempSync(path.join(tmpdir(), 'secrets-'));
});
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

const planted = 'hunter22-planted';

async function failure(promise: Promise<unknown>): Promise<DstackError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof DstackError)) throw error ?? new Error('it did not fail');
  assert.not.match(`${error.message} ${error.hint} ${error.stack}`, 'hunter22');
  return error;
}

function put(folder: string, content: string | Uint8Array, mode = 0o600): string {
  const file = path.join(folder, 'token');
  writeFileSync(file, content, { mode });
  chmodSync(file, mode);
  return file;
}

const printing = (text: string): SecretSource => ({
  command: [process.execPath, '-e', `process.stdout.write(${JSON.stringify(text)})`],
});

test('a value comes from a variable as it is, from a file and a program without its last line breaks', async ({
  folder,
}) => {
  assert.is(await readSecret('T', { env: 'X' }, { X: `${planted}\n` }), `${planted}\n`);
  assert.is(await readSecret('T', { file: put(folder, `a\n${planted}\r\n\n`) }), `a\n${planted}`);
  assert.is(await readSecret('T', printing(`${planted}\n`)), planted);
  symlinkSync('token', path.join(folder, 'link'));
  assert.is(await readSecret('T', { file: path.join(folder, 'link') }), `a\n${planted}`);
});

test('a file that others can read or change is refused, with what to do', async ({ folder }) => {
  for (const mode of [0o640, 0o604, 0o602, 0o777]) {
    const file = put(folder, planted, mode);
    const error = await failure(readSecret('T', { file }));
    assert.is(error.code, 'secret-unreadable');
    assert.is(error.message, `the secret T can't be read: the file ${file} can be read or changed by others`);
    assert.is(error.hint, `chmod 600 ${file}`);
  }
  assert.is(await readSecret('T', { file: put(folder, planted, 0o400) }), planted);
});

test('what is no file, not there, or no text is said', async ({ folder }) => {
  assert.match((await failure(readSecret('T', { env: 'X' }, {}))).message, 'the variable X is not set');
  assert.match(
    (await failure(readSecret('T', { file: path.join(folder, 'no') }))).message,
    'there is no file',
  );
  mkdirSync(path.join(folder, 'sub'), { mode: 0o700 });
  assert.match((await failure(readSecret('T', { file: path.join(folder, 'sub') }))).message, 'is not a file');
  const binary = put(folder, Buffer.from([...Buffer.from(planted), 0xff]));
  assert.match((await failure(readSecret('T', { file: binary }))).message, 'is no text');
  assert.match((await failure(readSecret('T', { file: put(folder, `${planted}\0`) }))).message, 'NUL');
  assert.match(
    (await failure(readSecret('T', { file: put(folder, planted.repeat(2000)) }))).message,
    '16 KiB',
  );
  assert.match(
    (await failure(readSecret('T', { file: put(folder, ' abc \n') }))).message,
    'too few characters',
  );
  assert.match((await failure(readSecret('T', { env: 'X' }, { X: '' }))).message, 'too few characters');
});

test('a program that fails tells its exit code, not what it printed; no shell is between', async ({
  folder,
}) => {
  const script = `console.log("${planted}"); console.error("${planted}"); process.exit(3)`;
  const failed = await failure(readSecret('T', { command: [process.execPath, '-e', 'process.exit(3)'] }));
  assert.match(failed.message, 'ended with exit code 3');
  assert.match(failed.hint ?? '', 'try it by hand');
  const file = path.join(folder, 'program.cjs');
  writeFileSync(file, script);
  await failure(readSecret('T', { command: [process.execPath, file] }));
  const missing = await failure(readSecret('T', { command: [path.join(folder, 'no-program')] }));
  assert.match(missing.message, 'is not installed here');
  const echo = [process.execPath, '-p', 'process.argv[1]', '$HOME; `id`'] as const;
  assert.is(await readSecret('T', { command: [...echo] }), '$HOME; `id`');
});

test('a program that takes too long, or prints too much, is ended with all that it has started', async ({
  folder,
}) => {
  const pid = path.join(folder, 'pid');
  const program = `require('child_process').spawn('sleep', ['1000'], {stdio: 'inherit'}); require('fs').writeFileSync(${JSON.stringify(pid)}, String(process.pid)); ACT`;
  const run = (act: string) =>
    outputOf([process.execPath, '-e', program.replace('ACT', act)], {
      mostBytes: 1000,
      longestMs: 3_000,
    }).then(
      () => assert.unreachable(),
      (error: Error) => error.message,
    );
  assert.is(await run('setInterval(() => {}, 1000)'), 'did not end within 3 s');
  assert.ok(existsSync(pid));
  const isGone = (group: number) => {
    try {
      process.kill(-group, 0);
      return false;
    } catch {
      return true;
    }
  };
  while (!isGone(Number(readFileSync(pid, 'utf8')))) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.is(await run('console.log("x".repeat(2000))'), 'printed more than a secret may have');
});

test('a program starts in the home of the user, not in a project', async () => {
  assert.is(
    String(
      await outputOf([process.execPath, '-e', 'process.stdout.write(process.cwd())'], { mostBytes: 1000 }),
    ),
    homedir(),
  );
});

test('who may have which: what is listed, for the workflows and repositories that it is for', () => {
  const sources: Record<string, SecretSource> = {
    A: { env: 'A' },
    B: { env: 'B', workflows: ['train'] },
    C: { env: 'C', repositories: ['/srv/ml.git'] },
  };
  const may = (name: string, workflow: string, repository: string) =>
    refusal(name, workflow, sources, repository);
  assert.is(may('A', 'any', '/any'), null);
  assert.is(may('B', 'train', '/any'), null);
  assert.is(may('B', 'other', '/any'), 'it is for other workflows');
  assert.is(may('C', 'any', '/srv/ml.git'), null);
  assert.is(may('C', 'any', '/srv/ml.git/'), 'it is for other repositories');
  for (const name of ['D', 'toString', '__proto__', 'constructor'])
    assert.is(may(name, 'train', '/any'), 'it is not among runner.secrets');
});

test('one that could not be read is lacking for a while; nothing is read that a job may not have', async ({
  folder,
}) => {
  let now = 0;
  const file = path.join(folder, 'token');
  const secrets = openSecrets({ T: { file }, W: { file, workflows: ['other'] } }, '/shared.git', () => now);
  const job = { workflow: 'train', secrets: ['T'] };
  assert.equal(secrets.lacking(job), []);
  assert.is((await failure(secrets.read(job))).code, 'secret-unreadable');
  assert.equal(secrets.lacking(job), [{ name: 'T', reason: 'it could not be read a moment ago' }]);
  now = 60_000;
  assert.equal(secrets.lacking(job), []);
  put(folder, planted);
  assert.equal([...(await secrets.read(job))], [['T', planted]]);
  const refused = await failure(secrets.read({ workflow: 'train', secrets: ['T', 'W'] }));
  assert.is(refused.message, "train can't have the secret W here: it is for other workflows");
  assert.equal(await secrets.read({ workflow: 'train', secrets: [] }), new Map());
});

test('a check tries those that this repository may be given', async ({ folder }) => {
  const file = put(folder, planted, 0o644);
  const elsewhere = { command: ['/nowhere'] as [string], repositories: ['/other.git'] };
  const checks = await openSecrets(
    { A: { file }, B: printing(planted), C: elsewhere },
    '/shared.git',
  ).check();
  assert.equal(
    checks.map(({ name, error }) => [name, error?.hint ?? null]),
    [
      ['A', `chmod 600 ${file}`],
      ['B', null],
    ],
  );
});

test('sources have names for people, in which nothing of a value is', () => {
  assert.equal(
    [{ env: 'A' }, { file: '/a' }, { command: ['pass', 'show', 'a'] as [string, ...string[]] }].map(
      describeSource,
    ),
    ['the variable A', 'the file /a', '`pass`'],
  );
});

test.run();
