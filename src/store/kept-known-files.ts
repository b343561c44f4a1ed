import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from 'zod';
import { type KnownFiles, type KnownState, openKnownFiles } from './known-files.ts';
import { pieceSchema, sha256Schema } from './manifest.ts';

/** A cache: of another version, or damaged, it is begun anew. */
const schema = z.strictObject({
  format: z.literal(1),
  files: z.array(
    z.tuple([
      z.string(),
      z.string(),
      z.strictObject({ sha256: sha256Schema, chunks: z.array(pieceSchema).min(1).optional() }),
    ]),
  ),
  packs: z.array(z.tuple([z.string(), pieceSchema])),
});

/** Known files that outlive a process, in a file that nobody else may write to. */
export async function openKeptFiles(file: string): Promise<KnownFiles & { save(): Promise<void> }> {
  const known = openKnownFiles(await read(file));
  return { ...known, save: () => write(file, known.state()) };
}

async function read(file: string): Promise<KnownState | undefined> {
  try {
    return schema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return undefined;
  }
}

/** Without it the next one reads everything once more; so that it can't be written is no reason to fail. */
async function write(file: string, state: KnownState): Promise<void> {
  const part = `${file}.${randomUUID()}`;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(part, JSON.stringify({ format: 1, ...state }), { mode: 0o600 });
    await rename(part, file);
  } catch {
    await rm(part, { force: true }).catch(() => {});
  }
}
