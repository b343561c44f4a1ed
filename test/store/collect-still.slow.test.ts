import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import { appendFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Collected, collectArtifacts } from '../../src/store/collect-artifacts.ts';
import { collectStill } from '../../src/store/collect-still.ts';
import { openKnownFiles } from '../../src/store/known-files.ts';
import { openStore } from '../../src/store/open-store.ts';
import { restoreArtifacts } from '../../src/store/restore-artifacts.ts';
import { type Stillness, watchStillness } from '../../src/store/stillness.ts';
import type { Store } from '../../src/store/store.ts';
import { random } from './random.ts';
import { assertFails, inTempFolder } from './temp-folder.ts';

const test = suite('collect-still');

interface Scene {
  readonly folder: string;
  readonly workspace: string;
  readonly store: Store;
  collect(stillness?: Stillness, signal?: AbortSignal, store?: Store): Promise<Collected>;
  /** The content of a collected file, as an attempt would find it. */
  found(collected: Collected, path: string): Promise<Buffer>;
  /** A job at work, by a script of the shell, in the workspace. */
  job(script: string): ChildProcess;
}

function check(name: string, body: (scene: Scene) => Promise<void>): void {
  test(name, () =>
    inTempFolder(async (folder) => {
      const workspace = join(folder, 'workspace');
      await mkdir(join(workspace, 'out'), { recursive: true });
      const store = openStore(join(folder, 'store'));
      const known = openKnownFiles();
      const children: { child: ChildProcess; ended: Promise<unknown> }[] = [];
      let count = 0;
      try {
        await body({
          folder,
          workspace,
          store,
          collect: (
            stillness = watchStillness(),
            signal = new AbortController().signal,
            into: Store = store,
          ) => collectStill(workspace, ['out'], into, { known, stillness, signal }),
          async found({ manifest }, path) {
            count += 1;
            const to = join(folder, `restored-${count}`);
            await mkdir(to);
            await restoreArtifacts(manifest, store, to);
            return readFile(join(to, path));
          },
          job(script) {
            const child = spawn('sh', ['-c', script], { cwd: workspace, stdio: 'ignore', detached: true });
            children.push({ child, ended: new Promise((resolve) => child.once('close', resolve)) });
            return child;
          },
        });
      } finally {
        for (const { child, ended } of children) {
          if (child.exitCode === null && child.signalCode === null)
            process.kill(-(child.pid as number), 'SIGKILL');
          await ended;
        }
      }
    }),
  );
}

/** A store that counts what is put into it. */
function counting(store: Store): Store & { puts: number } {
  const counted = {
    ...store,
    puts: 0,
    async putBytes(bytes: Uint8Array) {
      counted.puts += 1;
      return store.putBytes(bytes);
    },
  };
  return counted;
}

check('what is at rest is collected as ever, and a second time costs no put', async (scene) => {
  const { workspace, store, collect } = scene;
  await writeFile(join(workspace, 'out/model'), random(3_000_000, '1'));
  await writeFile(join(workspace, 'out/config'), 'lr: 1\n');
  // Of what was written a moment ago it is not relied on that its times tell the next change.
  await sleep(2_100);
  const stillness = watchStillness();
  const first = await collect(stillness);
  assert.equal(first, await collectArtifacts(workspace, ['out'], store));
  const counted = counting(store);
  assert.equal(await collect(stillness, undefined, counted), first);
  assert.is(counted.puts, 0);
});

check('files that are replaced together, by one rename, are never of two states', async (scene) => {
  // As programs write checkpoints: a folder under another name, then renamed.
  scene.job(
    'n=0; while :; do n=$((n+1)); mkdir out/part; echo $n > out/part/model; echo $n > out/part/optimizer; ' +
      'rm -rf out/old; mv out/last out/old 2>/dev/null; mv out/part out/last; sleep 2.5; done',
  );
  const stillness = watchStillness();
  await sleep(500);
  for (let times = 0; times < 3; times += 1) {
    const collected = await scene.collect(stillness);
    const model = await scene.found(collected, 'out/last/model');
    assert.equal(await scene.found(collected, 'out/last/optimizer'), model);
    await sleep(700);
  }
});

check('a file that is being written is waited for', async (scene) => {
  // Two seconds, a part at a time, with pauses shorter than what counts as still.
  let parts = 1;
  const write = () => appendFileSync(join(scene.workspace, 'out/model'), `part ${parts}\n`);
  write();
  const writing = setInterval(() => {
    parts += 1;
    if (parts <= 5) write();
  }, 500);
  const collected = await scene.collect().finally(() => clearInterval(writing));
  assert.is((await scene.found(collected, 'out/model')).toString().split('\n').length, 6);
});

check('what never keeps still is said, by name; once it does it is collected', async (scene) => {
  const { workspace, collect } = scene;
  await writeFile(join(workspace, 'out/done'), 'x');
  let count = 0;
  const write = () => {
    count += 1;
    writeFileSync(join(workspace, 'out/model'), `part ${count}`);
  };
  write();
  const writing = setInterval(write, 50);
  const stillness = watchStillness();
  try {
    await assertFails(() => collect(stillness), 'file-changed', /^out\/model would not keep still$/);
  } finally {
    clearInterval(writing);
  }
  assert.is((await collect(stillness)).totals.files, 2);
});

check('of what is appended to all the time there is what it had, whole beside the rest', async (scene) => {
  const { workspace, collect } = scene;
  await writeFile(join(workspace, 'out/model'), random(200_000, '2'));
  scene.job('n=0; while :; do n=$((n+1)); echo line $n >> out/log; sleep 0.02; done');
  await sleep(300);
  // A log after two seconds already.
  const stillness = watchStillness(2_000);
  const collected = await collect(stillness);
  const text = (await scene.found(collected, 'out/log')).toString();
  assert.match(text, /^line 1\nline 2\n/);
  assert.ok((await readFile(join(workspace, 'out/log'), 'utf8')).startsWith(text));
  assert.ok(text.endsWith('\n'));
});

check('it can be given up at any time', async (scene) => {
  const { workspace, store, collect } = scene;
  await writeFile(join(workspace, 'out/model'), random(6_000_000, '3'));
  const over = new AbortController();
  const waiting = collect(watchStillness(), over.signal);
  over.abort();
  assert.is(await waiting.then(String, (error: Error) => error.name), 'AbortError');

  const later = new AbortController();
  const slow: Store = {
    ...store,
    async putBytes(bytes) {
      later.abort();
      return store.putBytes(bytes);
    },
  };
  const cut = collect(watchStillness(), later.signal, slow);
  assert.is(await cut.then(String, (error: Error) => error.name), 'AbortError');
});

check('a file that changes between the look and the reading is looked at anew', async (scene) => {
  const { workspace, store, collect } = scene;
  const model = join(workspace, 'out/model');
  await writeFile(join(workspace, 'out/a'), random(70_000, '4'));
  await writeFile(model, random(70_000, '5'));
  let changed = false;
  // The first put comes after the looks: then another one of the same size takes the model's place.
  const meddling: Store = {
    ...store,
    async has(sha256, size) {
      return store.has(sha256, size);
    },
    async putBytes(bytes) {
      if (!changed) {
        changed = true;
        await writeFile(`${model}.part`, random(70_000, '6'));
        await rename(`${model}.part`, model);
        await appendFile(join(workspace, 'out/a'), 'more');
      }
      return store.putBytes(bytes);
    },
  };
  const collected = await collect(watchStillness(), undefined, meddling);
  assert.equal(await scene.found(collected, 'out/model'), random(70_000, '6'));
  assert.is((await scene.found(collected, 'out/a')).length, 70_004);
  await rm(model);
});

test.run();
