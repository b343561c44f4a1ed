import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openReports } from '../../src/cli/open-reports.ts';

function inFolder(body: (folder: string) => void): () => void {
  return () => {
    const root = mkdtempSync(path.join(tmpdir(), 'reports-'));
    try {
      body(path.join(root, 'reports'));
    } finally {
      rmSync(root, { recursive: true });
    }
  };
}

test(
  'what was added and not removed is there for the next process',
  inFolder((folder) => {
    const first = openReports(folder);
    assert.equal(first.left(), []);
    for (const run of ['a', 'b', 'b', 'c']) first.add(run);
    first.remove('a');
    first.remove('never-added');
    assert.equal(openReports(folder).left().sort(), ['b', 'c']);
  }),
);

test(
  'the latest hundred of the last thirty days, and nothing that is no run; the others are forgotten',
  inFolder((folder) => {
    const day = 24 * 3_600_000;
    const now = 1_000 * day;
    const reports = openReports(folder, () => now);
    const made = (run: string, at: number) => {
      reports.add(run);
      utimesSync(path.join(folder, run), at / 1000, at / 1000);
    };
    made('fresh', now - 29 * day);
    made('old', now - 31 * day);
    writeFileSync(path.join(folder, '.no run'), '');
    assert.equal(reports.left(), ['fresh']);
    for (let count = 0; count < 101; count += 1) made(`run-${count}`, now - count);
    const left = reports.left();
    assert.is(left.length, 100);
    assert.is(left[0], 'run-0');
    assert.not.ok(left.includes('run-100'));
    assert.equal(readdirSync(folder).sort(), ['.no run', ...left].sort());
  }),
);

test(
  "a folder that can't be used is no matter",
  inFolder((folder) => {
    writeFileSync(folder, 'a file');
    const reports = openReports(folder);
    reports.add('a');
    reports.remove('a');
    assert.equal(reports.left(), []);
  }),
);

test.run();
