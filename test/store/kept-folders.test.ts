import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { link, mkdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type KeptFolders, listKept, openKeptFolders, type Taken } from '../../src/store/kept-folders.ts';
import { inTempFolder } from './temp-folder.ts';

const key = (letter: string) => letter.repeat(64);
const large = 1 << 30;

async function make(folder: string, files: Readonly<Record<string, string>>): Promise<string> {
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}

async function take(kept: KeptFolders, name: string, path: string): Promise<Taken> {
  const taken = await kept.take(name, path);
  if ('why' in taken) throw new Error(`it could not be had: ${taken.why}`);
  return taken;
}

/** All below it: names, contents, links, the executable bit, times. */
const treeOf = (folder: string) =>
  (readdirSync(folder, { recursive: true }) as string[]).sort().map((name) => {
    const stats = lstatSync(join(folder, name), { bigint: true });
    if (stats.isDirectory()) return name;
    const content = stats.isSymbolicLink()
      ? `→ ${readlinkSync(join(folder, name))}`
      : readFileSync(join(folder, name), 'utf8');
    return `${name} ${content} ${Number(stats.mode) & 0o777} ${stats.mtimeNs}`;
  });

test('what is kept comes back as it was: files, links, modes, times to the nanosecond', () =>
  inTempFolder(async (folder) => {
    const kept = openKeptFolders(join(folder, 'kept'), large);
    assert.equal(await kept.take(key('a'), join(folder, 'x')), { why: 'none' });
    const made = await make(join(folder, 'made'), { 'bin/python': '#!', 'lib/a.py': 'x = 1', empty: '' });
    chmodSync(join(made, 'bin/python'), 0o755);
    await symlink('../lib/a.py', join(made, 'bin/a'));
    await symlink('/etc/passwd', join(made, 'outside'));
    await link(join(made, 'lib/a.py'), join(made, 'lib/b.py'));
    await mkdir(join(made, 'nothing'));
    await utimes(join(made, 'lib/a.py'), 1_700_000_000, 1_700_000_000.123456);
    const before = treeOf(made);
    const { result } = await kept.keep(key('a'), made, null);
    assert.is(result, 'kept');
    assert.not.ok(existsSync(made), 'it was moved, not copied');
    const taken = await take(kept, key('a'), join(folder, 'taken'));
    assert.equal(treeOf(join(folder, 'taken')), before);
    const [a, b] = ['a.py', 'b.py'].map((name) => lstatSync(join(folder, 'taken/lib', name)).ino);
    assert.is(a, b);
    assert.ok(taken.bytes > 0 && Date.now() - taken.savedAt.getTime() < 60_000);
    assert.equal(await kept.take(key('b'), join(folder, 'x')), { why: 'none' });
    assert.not.ok(existsSync(join(folder, 'x')));
  }));

test("a copy is one's own: what is done to it changes nothing of what is kept", () =>
  inTempFolder(async (folder) => {
    const kept = openKeptFolders(join(folder, 'kept'), large);
    await kept.keep(key('a'), await make(join(folder, 'made'), { a: '1', b: '2' }), null);
    await take(kept, key('a'), join(folder, 'one'));
    await writeFile(join(folder, 'one/a'), 'changed');
    await rm(join(folder, 'one/b'));
    await take(kept, key('a'), join(folder, 'two'));
    assert.equal(readdirSync(join(folder, 'two')), ['a', 'b']);
    assert.is(readFileSync(join(folder, 'two/a'), 'utf8'), '1');
  }));

test('what is still as it was taken, or empty, is not put in again; what has changed is', () =>
  inTempFolder(async (folder) => {
    const kept = openKeptFolders(join(folder, 'kept'), large);
    await kept.keep(key('a'), await make(join(folder, 'made'), { a: '1' }), null);
    const one = await take(kept, key('a'), join(folder, 'one'));
    const two = await take(kept, key('a'), join(folder, 'two'));
    await writeFile(join(folder, 'one/b'), 'more');
    assert.is((await kept.keep(key('a'), join(folder, 'one'), one)).result, 'kept');
    // Which would otherwise have taken back what the other one has added.
    assert.is((await kept.keep(key('a'), join(folder, 'two'), two)).result, 'same');
    await take(kept, key('a'), join(folder, 'three'));
    assert.equal(readdirSync(join(folder, 'three')), ['a', 'b']);
    assert.is((await kept.keep(key('c'), await make(join(folder, 'empty'), {}), null)).result, 'same');
    assert.equal(await kept.take(key('c'), join(folder, 'x')), { why: 'none' });
  }));

test('what was used last stays when there are too many', () =>
  inTempFolder(async (folder) => {
    const megabyte = 'x'.repeat(1 << 20);
    const kept = openKeptFolders(join(folder, 'kept'), 3.6 * (1 << 20));
    for (const name of ['a', 'b', 'c']) {
      await kept.keep(key(name), await make(join(folder, 'made'), { file: megabyte }), null);
      const about = join(folder, 'kept', key(name), 'about.json');
      const at = new Date(Date.now() - 3600_000 + name.charCodeAt(0) * 1000);
      await utimes(about, at, at);
    }
    await take(kept, key('a'), join(folder, 'used'));
    await kept.keep(key('d'), await make(join(folder, 'made'), { file: megabyte }), null);
    const keys = (await listKept(join(folder, 'kept'))).map(({ path }) => path[0]).sort();
    assert.equal(keys, ['a', 'c', 'd']);
    const tooLarge = await make(join(folder, 'made'), { file: megabyte.repeat(4) });
    assert.is((await kept.keep(key('e'), tooLarge, null)).result, 'too-large');
    assert.is((await listKept(join(folder, 'kept'))).length, 3);
    assert.ok(existsSync(tooLarge));
  }));

test('many that take and keep under one key at once never see anything by halves', () =>
  inTempFolder(async (folder) => {
    const names = Array.from({ length: 60 }, (_, i) => `d${i % 6}/f${i}`);
    const version = (text: string) => Object.fromEntries(names.map((name) => [name, text]));
    const opened = () => openKeptFolders(join(folder, 'kept'), large);
    await opened().keep(key('a'), await make(join(folder, 'first'), version('0')), null);
    const seen = new Set<string>();
    const worker = async (id: number) => {
      const kept = opened();
      for (let round = 0; round < 6; round += 1) {
        const path = join(folder, `w${id}-${round}`);
        const taken = await kept.take(key('a'), path);
        if (!('why' in taken)) {
          const texts = names.map((name) => readFileSync(join(path, name), 'utf8'));
          assert.is(new Set(texts).size, 1, `parts of several: ${[...new Set(texts)]}`);
          seen.add(texts[0] as string);
        } else {
          assert.not.ok(existsSync(path));
          await make(path, {});
        }
        await make(path, version(`${id}.${round}`));
        const { result } = await kept.keep(key('a'), path, 'why' in taken ? null : taken);
        assert.is(result, 'kept');
      }
    };
    await Promise.all([0, 1, 2, 3].map(worker));
    assert.ok(seen.size > 3, `${seen.size} versions seen`);
    assert.is((await listKept(join(folder, 'kept'))).length, 1);
    assert.equal(readdirSync(join(folder, 'kept/old')), []);
    assert.equal(readdirSync(join(folder, 'kept/new')), []);
  }));

test('what killed processes have left is removed, damage is nothing that is kept', () =>
  inTempFolder(async (folder) => {
    const kept = openKeptFolders(join(folder, 'kept'), large);
    await kept.keep(key('a'), await make(join(folder, 'made'), { a: '1' }), null);
    await make(join(folder, 'kept/old/gone'), { a: '1' });
    const [left, fresh] = [join(folder, 'kept/new/left'), join(folder, 'kept/new/fresh')];
    await make(join(left, 'folder'), { a: '1' });
    await make(join(fresh, 'folder'), { a: '1' });
    const yesterday = new Date(Date.now() - 86_400_000);
    await utimes(left, yesterday, yesterday);
    const soon = new Date(Date.now() + 60_000);
    await utimes(join(folder, 'kept/old/gone'), soon, soon);
    await kept.tidy();
    assert.equal(readdirSync(join(folder, 'kept/old')), []);
    assert.equal(readdirSync(join(folder, 'kept/new')), ['fresh']);
    await writeFile(join(folder, 'kept', key('a'), 'about.json'), '{"format": 1');
    assert.equal(await kept.take(key('a'), join(folder, 'x')), { why: 'none' });
    await kept.keep(key('a'), await make(join(folder, 'made'), { a: '2' }), null);
    await take(kept, key('a'), join(folder, 'x'));
    assert.is(readFileSync(join(folder, 'x/a'), 'utf8'), '2');
  }));

test('a copy that is not wanted any more is given up, and nothing is left of it', () =>
  inTempFolder(async (folder) => {
    const kept = openKeptFolders(join(folder, 'kept'), large);
    await kept.keep(key('a'), await make(join(folder, 'made'), { a: '1' }), null);
    execFileSync('mkfifo', [join(folder, 'kept', key('a'), 'folder/pipe')]);
    await take(kept, key('a'), join(folder, 'one')); // A pipe is nothing to wait at.
    assert.ok(lstatSync(join(folder, 'one/pipe')).isFIFO());
    assert.equal(await kept.take(key('a'), join(folder, 'two'), () => true), { why: 'none' });
    assert.not.ok(existsSync(join(folder, 'two')));
  }));

test.run();
