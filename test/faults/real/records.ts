import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { blobsOfFile } from '../../../src/store/manifest.ts';
import { parseManifest } from '../../../src/store/manifest-text.ts';
import type { Arena } from './arena.ts';

/** What is checked of a record. */
export interface RecordView {
  readonly state: string;
  readonly reason: string | null;
  readonly attempt: number;
  readonly runner: string;
  readonly log: { readonly bytes: number; readonly sha256: string };
  readonly artifacts: { readonly files: number } | null;
}

export async function readRecord(arena: Arena, commit: string): Promise<RecordView> {
  return JSON.parse(await arena.project.git(['cat-file', 'blob', `${commit}:record.json`]));
}

/** The log in a claim or an outcome, as Git alone has it; empty while there is none. */
export async function readLogText(arena: Arena, commit: string): Promise<string> {
  const { project } = arena;
  const listing = await project.git(['ls-tree', '-r', '--format=%(objectname)', commit, 'log/']);
  const blobs = listing.split('\n').filter(Boolean);
  if (blobs.length === 0) return '';
  // One process for all of them; the answer has a line before each.
  const batch = await project.git(['cat-file', '--batch'], { input: `${blobs.join('\n')}\n` });
  const bytes = Buffer.from(`${batch}\n`);
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(10, at);
    const [, type, size] = bytes.toString('utf8', at, end).split(' ');
    if (type !== 'blob') break;
    text += bytes.toString('utf8', end + 1, end + 1 + Number(size));
    at = end + 2 + Number(size);
  }
  return text;
}

/** Files of an outcome that are not in the store as the manifest has them. */
export async function missingArtifacts(arena: Arena, commit: string): Promise<string[]> {
  const text = await arena.project.git(['cat-file', 'blob', `${commit}:artifacts.json`]);
  const manifest = parseManifest(`${text}\n`);
  return manifest.entries.flatMap((entry) =>
    entry.type !== 'file'
      ? []
      : blobsOfFile(manifest, entry).flatMap(({ sha256 }) => {
          try {
            const file = path.join(arena.project.store, 'sha256', sha256.slice(0, 2), sha256.slice(2));
            const now = createHash('sha256').update(readFileSync(file)).digest('hex');
            return now === sha256 ? [] : [`${entry.path} is damaged`];
          } catch {
            return [`${entry.path} is missing`];
          }
        }),
  );
}
