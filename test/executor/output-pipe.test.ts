import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openOutputPipes } from '../../src/executor/output-pipe.ts';
import { scratchFolder } from '../git/scratch-repository.ts';

test('each has a pipe of its own, a process makes those of several, each more than the last, and no file is left', async () => {
  const folder = scratchFolder();
  const calls = join(folder, 'calls');
  const real = execFileSync('sh', ['-c', 'command -v mkfifo'], { encoding: 'utf8' }).trim();
  const bin = join(folder, 'bin');
  const temporary = join(folder, 'absent');
  mkdirSync(bin);
  const place = join(folder, 'work');
  mkdirSync(place);
  writeFileSync(join(bin, 'mkfifo'), `#!/bin/sh\necho call >>'${calls}'\nexec ${real} "$@"\n`, {
    mode: 0o755,
  });
  const { PATH, TMPDIR } = process.env;
  Object.assign(process.env, { PATH: `${bin}${delimiter}${PATH}`, TMPDIR: temporary });
  try {
    const pipes = openOutputPipes(place);
    const got = Array.from({ length: 8 + 16 }, () => '');
    const opened = await Promise.all(
      got.map((_, index) =>
        pipes.open((chunk) => {
          got[index] += Buffer.from(chunk).toString();
        }),
      ),
    );
    assert.equal(readdirSync(place), []);
    for (const [index, pipe] of opened.entries()) {
      writeSync(pipe.writer, `line of ${index}\n`);
      pipe.closeWriter();
    }
    await Promise.all(opened.map((pipe) => pipe.drained()));
    assert.equal(
      got,
      got.map((_, index) => `line of ${index}\n`),
    );
    assert.is(readFileSync(calls, 'utf8'), 'call\ncall\n');
    pipes.close();
  } finally {
    Object.assign(process.env, { PATH, TMPDIR });
    if (TMPDIR === undefined) delete process.env.TMPDIR;
  }
});

test.run();
