import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inWorkFolder } from '../../src/runner/work-folder.ts';

const root = mkdtempSync(join(os.tmpdir(), 'work-folder-'));
const test = suite('work folder');
test.after(() => rmSync(root, { recursive: true, force: true }));

const secrets = { hide: (text: string) => text, hideInError: (error: unknown) => error } as Parameters<
  typeof inWorkFolder
>[2];
const work = { log: pino({ level: 'silent' }) };

/** A folder with so many files in each of so many folders in each other, and a link out of it. */
function filled(name: string, files: number, depth: number): string {
  const folder = join(root, name);
  let at = folder;
  for (let level = 0; level < depth; level += 1) {
    mkdirSync(at);
    for (let index = 0; index < files; index += 1) writeFileSync(join(at, `file-${index}`), '');
    symlinkSync(root, join(at, 'out'));
    at = join(at, 'deeper');
  }
  return folder;
}

const kept = join(root, 'kept');
writeFileSync(kept, '');

for (const [name, files, depth] of [
  ['few files', 3, 2],
  ['very many in one folder', 500, 1],
  ['many in many folders', 7, 60],
] as const) {
  test(`it is gone afterwards, and nothing that a link in it leads to: ${name}`, async () => {
    const folder = filled(name, files, depth);
    assert.is(await inWorkFolder(folder, work, secrets, async () => 'done'), 'done');
    assert.not(existsSync(folder));
    assert.ok(existsSync(kept));
  });
}

test('one that a job has removed itself, and one that can not be removed, are no failure', async () => {
  assert.is(await inWorkFolder(join(root, 'absent'), work, secrets, async () => 'done'), 'done');
  const folder = filled('held', 1, 1);
  const locked = join(folder, 'locked');
  mkdirSync(join(locked, 'in'), { recursive: true });
  chmodSync(locked, 0o500);
  try {
    assert.is(await inWorkFolder(folder, work, secrets, async () => 'done'), 'done');
    // Root may remove it all the same.
    assert.is(existsSync(folder), process.getuid?.() !== 0);
  } finally {
    if (existsSync(locked)) chmodSync(locked, 0o700);
  }
});

test.run();
