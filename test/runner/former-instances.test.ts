import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { succeedFormer } from '../../src/runner/former-instances.ts';

test('a runner knows the processes that it was before, but for those with executors that it has not swept, and those of other machines', () => {
  const root = mkdtempSync(path.join(tmpdir(), 'former-'));
  try {
    const file = path.join(root, 'runner', 'instances');
    assert.equal([...succeedFormer(file, 'one', 'process')], []);
    assert.equal([...succeedFormer(file, 'two', 'docker+process')], ['one']);
    assert.equal([...succeedFormer(file, 'three', 'process')], ['one']);
    assert.equal([...succeedFormer(file, 'four', 'docker')], []);
    assert.equal([...succeedFormer(file, 'five', 'docker+process')], ['one', 'two', 'three', 'four']);
    assert.equal([...succeedFormer(file, 'elsewhere', 'docker+process', 'other-host')], []);
    assert.not(succeedFormer(file, 'six', 'docker+process').has('elsewhere'));
    // Docker came while it ran.
    succeedFormer(file, 'seven', 'process');
    succeedFormer(file, 'seven', 'docker+process');
    assert.not(succeedFormer(file, 'eight', 'process').has('seven'));
    for (let index = 0; index < 50; index += 1) succeedFormer(file, `more-${index}`, 'process');
    assert.is(readFileSync(file, 'utf8').trimEnd().split('\n').length, 20);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

test.run();
