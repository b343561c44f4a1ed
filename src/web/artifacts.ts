import { DstackError } from '../errors.ts';
import type { JobView } from '../ledger/state.ts';
import type { FileEntry, Manifest, ManifestEntry } from '../store/manifest.ts';
import { manifestTotals } from '../store/manifest.ts';
import { readContent } from '../store/read-content.ts';
import { createLogSanitizer, plainText } from '../terminal-text.ts';
import type { ArtifactLine, ArtifactsAnswer, TextAnswer } from './answer-types.ts';
import type { FoundRun, Sources } from './sources.ts';

/** More files of a job are counted only. */
export const mostEntries = 5_000;
/** Bytes of a file that are shown as text. */
export const longestText = 512 << 10;

type FoundJob = FoundRun & { readonly job: JobView };

/** The list of what a job has left. Pure. */
export function artifactsOf(manifest: Manifest | null): ArtifactsAnswer {
  if (manifest === null) return { entries: [], files: 0, bytes: 0 };
  return { entries: manifest.entries.slice(0, mostEntries).map(lineOf), ...manifestTotals(manifest) };
}

function lineOf(entry: ManifestEntry): ArtifactLine {
  const { type, path } = entry;
  if (type === 'file') return { type, path, size: entry.size, sha256: entry.sha256 };
  return type === 'link' ? { type, path, target: entry.target } : { type, path };
}

/**
 * A file that a job has left: looked up in its list, and nowhere else.
 * @throws DstackError `no-such-artifact`
 */
export async function fileOf(
  sources: Sources,
  { ledger, job }: FoundJob,
  path: string,
): Promise<{ manifest: Manifest; entry: FileEntry }> {
  const manifest = await sources.manifest(ledger, job);
  const entry = manifest?.entries.find((one) => one.type === 'file' && one.path === path);
  if (manifest && entry?.type === 'file') return { manifest, entry };
  throw new DstackError('no-such-artifact', `${job.run}/${job.name} has left no file ${plainText(path)}`, {
    hint: `\`dstack artifacts list ${job.run}/${job.name}\` lists all`,
  });
}

/**
 * Its content, piece by piece, verified as far as it is read.
 * @throws DstackError `blob-missing`, `artifacts-pruned`, `blob-damaged`, `no-store`
 */
export async function* contentOf(
  sources: Sources,
  { ledger, job }: FoundJob,
  { manifest, entry }: { manifest: Manifest; entry: FileEntry },
): AsyncGenerator<Uint8Array> {
  const store = await sources.openStore(ledger);
  const content = readContent(manifest, entry, store);
  const id = { run: job.run, job: job.name };
  try {
    for (;;) {
      const { value, done } = await sources.orPruned(ledger, id, () => content.next());
      if (done) return;
      yield value;
    }
  } finally {
    await content.return(undefined);
  }
}

/** The beginning of a file as text, neutralised, if it is any. */
export async function textOf(sources: Sources, found: FoundJob, path: string): Promise<TextAnswer> {
  const file = await fileOf(sources, found, path);
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of contentOf(sources, found, file)) {
    pieces.push(piece);
    length += piece.length;
    if (length >= longestText) break;
  }
  const { size } = file.entry;
  const bytes = Buffer.concat(pieces).subarray(0, longestText);
  return { text: asText(bytes), size, cut: size > bytes.length };
}

/** Null: it has bytes that no text has. */
export function asText(bytes: Uint8Array): string | null {
  if (bytes.includes(0)) return null;
  const sanitizer = createLogSanitizer({ colour: false });
  const text = sanitizer.push(bytes);
  // The end may have been cut in the middle of a character: that is held back.
  const unreadable = text.match(/\ufffd/g)?.length ?? 0;
  return unreadable * 20 > text.length ? null : text;
}
