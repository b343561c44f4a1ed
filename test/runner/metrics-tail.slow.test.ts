import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openMetricsTail } from '../../src/runner/metrics-tail.ts';

const test = suite<{ workspace: string; outside: string }>('metrics');

test.before.each((context) => {
  context.workspace = mkdtempSync(path.join(tmpdir(), 'metrics-'));
  context.outside = mkdtempSync(path.join(tmpdir(), 'metrics-'));
});
test.after.each(({ workspace, outside }) => {
  for (const folder of [workspace, outside]) rmSync(folder, { recursive: true, force: true });
});

function open(workspace: string, file = 'm.jsonl', hide = (text: string) => text) {
  const told: string[] = [];
  const tail = openMetricsTail(workspace, file, hide, (bytes) =>
    told.push(Buffer.from(bytes).toString().trimEnd()),
  );
  return { tail, told, path: path.join(workspace, file) };
}

async function until(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 20_000; !condition(); await sleep(20)) {
    if (Date.now() > deadline) throw new Error('it never happened');
  }
}

test('lines are told while the file grows, whole ones only; the last needs no end', async ({ workspace }) => {
  const { tail, told, path: file } = open(workspace);
  await tail.begin();
  writeFileSync(file, '{"step":1,"loss":2}\n{"step":2,');
  await until(() => told.length === 1);
  appendFileSync(file, '"loss":1}\n');
  await until(() => told.length === 2);
  appendFileSync(file, '{"step":3,"note":"last"}');
  assert.equal(await tail.end(), { last: { step: 3, loss: 1, note: 'last' }, notices: [] });
  assert.equal(told, ['{"step":1,"loss":2}', '{"step":2,"loss":1}', '{"step":3,"note":"last"}']);
});

test("what was there before the commands began is not the job's, unless it begins the file anew", async ({
  workspace,
}) => {
  const old = '{"step":1,"loss":9}\n{"step":2,"loss":8}\n';
  const appending = open(workspace);
  writeFileSync(appending.path, old);
  await appending.tail.begin();
  appendFileSync(appending.path, '{"step":3}\n');
  await appending.tail.end();
  assert.equal(appending.told, ['{"step":3}']);

  const anew = open(workspace);
  writeFileSync(anew.path, old);
  await anew.tail.begin();
  // Longer than before: its size alone would not show it.
  writeFileSync(anew.path, `{"step":1,"loss":0.123456789}\n${'{"step":2,"loss":0.1}\n'.repeat(4)}`);
  await anew.tail.end();
  assert.equal(anew.told.length, 5);

  // As it is written by who writes all of it each time.
  const again = open(workspace, 'again.jsonl');
  await again.tail.begin();
  writeFileSync(again.path, '{"step":1}\n');
  await until(() => again.told.length === 1);
  writeFileSync(again.path, '{"step":1}\n{"step":2}\n');
  await again.tail.end();
  assert.equal(again.told, ['{"step":1}', '{"step":2}']);
});

test('what is no measurement is counted, not told', async ({ workspace }) => {
  const { tail, told, path: file } = open(workspace);
  await tail.begin();
  const long = `{"text":"${'x'.repeat(3 << 20)}"}`;
  writeFileSync(file, `epoch 1\n\n${long}\n{"step":1}\n[1]\n{"text":"${'y'.repeat(70_000)}"}\n{"step":2}\n`);
  const { last, notices } = await tail.end();
  assert.equal([told, last], [['{"step":1}', '{"step":2}'], { step: 2 }]);
  assert.equal(notices, ['4 lines of m.jsonl left out: no JSON objects, or longer than 64 KiB']);
});

test('nothing outside of the workspace is read by way of a link, and nothing that is no file', async ({
  workspace,
  outside,
}) => {
  const secret = path.join(outside, 'm.jsonl');
  writeFileSync(secret, '{"password":"hunter2"}\n');
  symlinkSync(secret, path.join(workspace, 'link.jsonl'));
  symlinkSync(outside, path.join(workspace, 'folder'));
  mkdirSync(path.join(workspace, 'm.jsonl'));
  for (const file of ['link.jsonl', 'folder/m.jsonl', 'm.jsonl', 'absent/m.jsonl']) {
    const { tail, told } = open(workspace, file);
    await tail.begin();
    assert.equal(await tail.end(), {
      last: null,
      notices: [`${file} is no file here, so there are no metrics`],
    });
    assert.equal(told, []);
  }
});

test('secrets are taken out before anything else', async ({ workspace }) => {
  const { tail, told, path: file } = open(workspace, 'm.jsonl', (text) => text.replaceAll('hunter2', '***'));
  await tail.begin();
  writeFileSync(file, '{"key":"hunter2","step":1}\n');
  assert.equal((await tail.end()).last, { key: '***', step: 1 });
  assert.equal(told, ['{"key":"***","step":1}']);
});

test.run();
