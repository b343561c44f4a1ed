import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { shellFor } from '../../src/executor/shell.ts';
import { scratchFolder } from '../git/scratch-repository.ts';

/** What a script says in it. */
function run(script: string, PATH: string): string {
  const { program, argv0, args } = shellFor(script, PATH);
  return spawnSync(program, args, { argv0, env: { PATH }, encoding: 'utf8' }).stdout.trim();
}

const folder = scratchFolder();
const withBash = join(folder, 'with');
const withOther = join(folder, 'other');
const without = join(folder, 'without');
for (const one of [withBash, withOther, without]) mkdirSync(one);
const bash = execFileSync('sh', ['-c', 'command -v bash'], { encoding: 'utf8' }).trim();
symlinkSync(bash, join(withBash, 'bash'));
mkdirSync(join(withOther, 'bash'));
writeFileSync(join(without, 'bash'), 'not executable');

const ask = 'printf "%s %s" "$0" "${BASH_VERSION:+bash}"';

test('a script is run by the first bash in the PATH of the job, at once', () => {
  assert.is(shellFor('true', `${without}:${withOther}:${withBash}`).program, join(withBash, 'bash'));
  assert.is(run(ask, `${without}:${withOther}:${withBash}`), 'bash bash');
});

test('where there is none, /bin/sh runs it', () => {
  assert.is(shellFor('true', `${without}:${withOther}`).program, '/bin/sh');
  assert.match(run(ask, `${without}:${withOther}`), /^\/bin\/sh/);
  assert.is(shellFor('true', undefined).program, '/bin/sh');
});

test('a PATH that depends on the folder is left to the shell there', () => {
  assert.is(shellFor('true', `.:${withBash}`).program, '/bin/sh');
  assert.is(shellFor('true', `${withBash}:`).program, '/bin/sh');
  assert.is(run(ask, `.:${withBash}`), 'bash bash');
});

test.run();
