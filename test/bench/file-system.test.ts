import { existsSync } from 'node:fs';
import os from 'node:os';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fileSystemOf } from './file-system.ts';

test('a folder is on some file system, one in memory on tmpfs', () => {
  assert.match(fileSystemOf(os.tmpdir()), /^[a-z0-9]+/);
  if (existsSync('/dev/shm')) assert.is(fileSystemOf('/dev/shm'), 'tmpfs');
});

test('of a folder that is not there nothing is known', () => {
  assert.is(fileSystemOf('/no/such/folder'), '');
});

test.run();
