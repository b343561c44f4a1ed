import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The folder of the package that a bundled file came from, or undefined for a file of our own. */
function packageOf(input) {
  return /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
}

/**
 * The licence texts of all packages that these bundled files came from, as one text file.
 * A package without a licence file is named with the licence that its package.json states.
 * @param {string[]} inputs paths relative to `root`, as in esbuild's metafile
 * @param {string} root
 */
export function licencesOf(inputs, root) {
  const folders = [...new Set(inputs.map(packageOf).filter((folder) => folder !== undefined))].sort();
  const sections = folders.map((folder) => {
    const absolute = path.join(root, folder);
    const { name, version, license, author } = JSON.parse(
      readFileSync(path.join(absolute, 'package.json'), 'utf8'),
    );
    const file = readdirSync(absolute).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
    const text = file ? readFileSync(path.join(absolute, file), 'utf8') : '';
    const holder = typeof author === 'string' ? author : (author?.name ?? '');
    return `${name} ${version} (${license ?? 'see below'})\n\n${text.trim() || `No licence text in the package. ${holder}`.trim()}\n`;
  });
  const line = `\n${'-'.repeat(80)}\n\n`;
  return `dstack contains code of these packages, under these licences.\n${line}${sections.join(line)}`;
}
