import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { leftoversOf } from '../harness/leftovers.ts';

const demo = fileURLToPath(new URL('../../fixtures/demo.mjs', import.meta.url));
const test = suite('demo');

/**
 * Plays the demo in a temporary folder of its own.
 * @param interruptAt sends SIGINT once it has printed this
 */
async function play(interruptAt?: string) {
  const folder = mkdtempSync(join(tmpdir(), 'demo-'));
  try {
    const child = spawn(process.execPath, [demo], {
      env: { PATH: process.env.PATH, TMPDIR: folder, GIT_DIR: '/nowhere', DSTACK_STORE: '/nowhere' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let interrupted = false;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        if (interruptAt === undefined || interrupted || !output.includes(interruptAt)) return;
        interrupted = true;
        child.kill('SIGINT');
      });
    }
    const [code] = await once(child, 'close');
    const kept = readdirSync(folder);
    return { code, output, leftovers: [...(await leftoversOf(folder)), ...kept] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('trains a good model, then takes from the cache what has not changed, and leaves nothing behind', async () => {
  const { code, output, leftovers } = await play();
  assert.is(code, 0, output);
  assert.equal(leftovers, []);

  const accuracies = [...output.matchAll(/report\/metrics\.json: accuracy (\S+),/g)].map((match) =>
    Number(match[1]),
  );
  assert.is(accuracies.length, 2);
  for (const accuracy of accuracies) assert.ok(accuracy > 0.93 && accuracy <= 1, String(accuracy));

  // What each of the three runs executed.
  const [first = '', second = '', third = ''] = output.split('$ dstack run validate').slice(1);
  const ends = (text: string) =>
    [...text.matchAll(/^ {2}(\w+): (done|cached)\b/gm)].map((match) => `${match[1]} ${match[2]}`).sort();
  assert.equal(ends(first), ['preprocess done', 'train done', 'validate done']);
  assert.equal(ends(second), ['preprocess cached', 'train cached', 'validate cached']);
  assert.equal(ends(third), ['preprocess cached', 'train done', 'validate done']);

  // The change that was not committed is in the run, and still not committed.
  assert.match(first, '+const batchSize = 64;');
  assert.match(first, ' M train.mjs');
  assert.not.match(output, '\x1b');
});

test('ends what it started when it is interrupted', async () => {
  const { code, output, leftovers } = await play('train: running');
  assert.is(code, 130, output);
  assert.equal(leftovers, []);
  assert.not.match(output, 'the demo failed');
});

test.run();
