import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { removeEmptyFolders } from '../../src/git/empty-folders.ts';
import { scratchFolder } from './scratch-repository.ts';

const hourAgo = Date.now() / 1000 - 3600;

test("of refs' folders those go that are deep, empty, and not just made", async () => {
  const repository = scratchFolder();
  const at = (name: string) => join(repository, 'refs', name);
  const folders = ['dstack/queue/run-1', 'dstack/queue/run-2', 'dstack/jobs/run-3', 'dstack/claims', 'tags'];
  for (const folder of folders) mkdirSync(at(folder), { recursive: true });
  writeFileSync(at('dstack/jobs/run-3/train'), '');
  for (const folder of folders.filter((name) => !name.endsWith('run-2')))
    utimesSync(at(folder), hourAgo, hourAgo);
  await removeEmptyFolders(repository);
  assert.not(existsSync(at('dstack/queue/run-1')));
  for (const folder of folders.slice(1)) assert.ok(existsSync(at(folder)), folder);
  assert.ok(existsSync(at('dstack/jobs/run-3/train')));
});

test('where there are none, nothing is done', async () => {
  await removeEmptyFolders(join(scratchFolder(), 'nowhere'));
});

test.run();
