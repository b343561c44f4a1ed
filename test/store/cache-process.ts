// Keeps and takes the files of a folder, over and over, until it is killed: `ROOT LIMIT FOLDER`.
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openContentCache } from '../../src/store/content-cache.ts';
import { sha256Of } from './store-contract.ts';

const [root = '', limit = '', folder = ''] = process.argv.slice(2);
const cache = openContentCache({ root, store: 'a store', limit: Number(limit), warn: console.log });
const target = join(folder, '..', `target-${process.pid}`);
console.log('ready');
for (let round = 0; ; round += 1) {
  const names = await readdir(folder);
  const path = join(folder, names[(round * 7 + process.pid) % names.length] as string);
  const bytes = await readFile(path);
  const content = { sha256: sha256Of(bytes), size: bytes.length };
  if (await cache.take(content, target)) {
    if (!(await readFile(target)).equals(bytes)) console.log(`took something else than ${path}`);
    await rm(target);
  } else if (round % 2) await cache.keep(content, path);
  else await cache.keepBytes(content, bytes);
}
