import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { DstackError } from '../../src/errors.ts';
import { isAlive } from '../../src/git/is-alive.ts';
import { type GitOptions, runGit } from '../../src/git/run-git.ts';
import { until } from '../e2e/project.ts';
import { scratchFolder } from './scratch-repository.ts';

/** Git, with a script in the place of one of its commands. */
const script = (text: string, options: GitOptions = {}) =>
  runGit(['-c', `alias.script=!${text}`, 'script'], { cwd: scratchFolder(), ...options });

const codeOf = (error: DstackError) => error.code;

test('what it writes and how it ends is all there is to it', async () => {
  const bytes = Buffer.from([0, 255, 10, 10]);
  const echoed = await script('cat; echo words >&2; exit 3', { input: bytes });
  assert.is(echoed.exitCode, 3);
  assert.ok(echoed.stdout.equals(bytes));
  assert.is(echoed.stderr, 'words\n');
  // Nobody reads it.
  assert.is((await runGit(['version'], { input: 'x'.repeat(4 << 20) })).exitCode, 0);
});

test('one that is killed, or can not be started, has failed in words', async () => {
  const killed = await script('kill -9 $PPID; sleep 0.1');
  assert.is(killed.exitCode, 128);
  assert.match(killed.stderr, /^fatal: Git was killed \(SIGKILL\)$/m);
  const long = await runGit(['version', 'x'.repeat(4 << 20)]);
  assert.is(long.exitCode, 128);
  assert.match(long.stderr, /^fatal: Git was killed \(E2BIG\)$/m);
  assert.is(
    await runGit(['version'], { cwd: join(scratchFolder(), 'none') }).then(String, codeOf),
    'git-missing',
  );
});

test('that there are no more files to be opened is a failure like others', () => {
  const program = [
    `import { openSync } from 'node:fs';`,
    `import { runGit } from ${JSON.stringify(new URL('../../src/git/run-git.ts', import.meta.url).href)};`,
    `await runGit(['version']);`,
    `try { for (;;) openSync('/dev/null'); } catch {}`,
    `const { exitCode, stderr } = await runGit(['version']);`,
    `console.log(exitCode, stderr.trim());`,
  ].join('\n');
  const { stdout, stderr } = spawnSync(
    'sh',
    ['-c', 'ulimit -n 200; exec "$0" --import tsx --input-type=module -e "$1"', process.execPath, program],
    { encoding: 'utf8' },
  );
  assert.is(stdout, '128 fatal: Git was killed (EMFILE)\n', stderr);
});

test('a cancelled one ends with all that it has started, whatever they make of the signal', async () => {
  for (const first of ['', 'trap "" TERM; ']) {
    const folder = scratchFolder();
    const cancel = new AbortController();
    const running = script(`${first}sleep 60 & echo $! > pid; wait; sleep 60`, {
      cwd: folder,
      signal: cancel.signal,
    });
    const read = () => {
      try {
        return Number(readFileSync(join(folder, 'pid'), 'utf8'));
      } catch {
        return 0;
      }
    };
    await until('its process', () => read() > 0);
    assert.ok(isAlive(read()));
    cancel.abort();
    assert.is(await running.then(String, codeOf), 'interrupted');
    await until('the end of its process', () => !isAlive(read()));
  }
});

test('one that had been cancelled before ends at once', async () => {
  const signal = AbortSignal.abort();
  assert.is(await script('sleep 60', { signal }).then(String, codeOf), 'interrupted');
});

test('one that says nothing for too long is ended, one that goes on saying something is not', async () => {
  const silent = await script('echo first; sleep 60', { silenceLimit: 300 });
  assert.is(silent.exitCode, 128);
  assert.is(silent.stdout.toString(), 'first\n');
  assert.match(silent.stderr, /^fatal: no sign of progress for 1 s$/m);
  const busy = await script('for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.1; done', { silenceLimit: 600 });
  assert.is(busy.exitCode, 0);
});

test.run();
