import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { writeConfig } from '../../src/config/write-config.ts';

const write = suite<{ folder: string; file: string }>('write-config');

write.before.each((context) => {
  context.folder = mkdtempSync(path.join(os.tmpdir(), 'dstack-config-'));
  context.file = path.join(context.folder, '.dstackrc');
});
write.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

/** What becomes of a file with this text. */
function rewritten(file: string, text: string, values: Parameters<typeof writeConfig>[1]): string {
  writeFileSync(file, text);
  writeConfig(file, values);
  return readFileSync(file, 'utf8');
}

write('a new file has just the settings', ({ folder, file }) => {
  writeConfig(file, { remote: 'origin', store: 'file:../store' });
  assert.is(readFileSync(file, 'utf8'), 'remote: origin\nstore: file:../store\n');
  assert.equal(readdirSync(folder), ['.dstackrc']);
});

write('comments, order and other settings stay', ({ file }) => {
  const text = '# Ours\nrunner:\n  name: gpu-1 # the big one\n\n# Where to\nremote: origin # here\n';
  assert.is(
    rewritten(file, text, { remote: 'other', store: '/s', runner: { poll: '5s' } }),
    '# Ours\nrunner:\n  name: gpu-1 # the big one\n  poll: 5s\n\n# Where to\nremote: other # here\nstore: /s\n',
  );
});

write('what is only comments, or has an empty group, takes settings too', ({ file }) => {
  assert.is(rewritten(file, '# Ours\n', { remote: 'a' }), '# Ours\n\nremote: a\n');
  assert.is(rewritten(file, 'runner:\n', { runner: { name: 'a' } }), 'runner:\n  name: a\n');
});

write('JSON stays JSON', ({ file }) => {
  const text = rewritten(file, '{"remote": "a"}', { remote: 'b', store: '/s', runner: { concurrency: 2 } });
  assert.equal(JSON.parse(text), { remote: 'b', store: '/s', runner: { concurrency: 2 } });
});

write('a symlink stays one', ({ folder, file }) => {
  const target = path.join(folder, 'target');
  writeFileSync(target, 'remote: a\n');
  symlinkSync(target, file);
  writeConfig(file, { remote: 'b' });
  assert.ok(lstatSync(file).isSymbolicLink());
  assert.is(readFileSync(target, 'utf8'), 'remote: b\n');
});

write(
  'a file that is no map, or a value that could not be read back, is refused and nothing changes',
  ({ file }) => {
    assert.throws(() => rewritten(file, 'remote: [\n', { remote: 'b' }), /\.dstackrc: /);
    assert.throws(() => rewritten(file, '- a\n', { remote: 'b' }), /must be a map/);
    assert.throws(() => rewritten(file, 'remote: a\n', { remote: '--x' }), /remote must be/);
    assert.is(readFileSync(file, 'utf8'), 'remote: a\n');
  },
);

write.run();
