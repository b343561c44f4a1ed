import * as z from 'zod';

export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);
const size = z.number().int().nonnegative();

/** Bytes that are a blob of their own in the store. */
export const pieceSchema = z.strictObject({
  /** Of the blob as it is stored. */
  sha256: sha256Schema,
  /** Of the content, in bytes. */
  size,
  /** Bytes of the blob, where that is the content compressed by Brotli. */
  brotli: size.positive().optional(),
});

const entrySchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('file'),
    path: z.string(),
    size,
    sha256: sha256Schema,
    executable: z.boolean(),
    /** The blobs that make up its content, one behind the other. Without these and `pack`: one blob, its own name. */
    chunks: z.array(pieceSchema).min(1).optional(),
    /** Its content lies in this of the manifest's packs, from this byte on. */
    pack: z.strictObject({ index: size, offset: size }).optional(),
  }),
  z.strictObject({ type: z.literal('link'), path: z.string(), target: z.string() }),
  /** Only folders that would otherwise not exist: empty ones. */
  z.strictObject({ type: z.literal('folder'), path: z.string() }),
]);

/**
 * The list of a job's artifact files. Entries are sorted by path, bytewise; packs in the order in which the entries
 * name them.
 */
export const manifestSchema = z.strictObject({ packs: z.array(pieceSchema), entries: z.array(entrySchema) });

export type Piece = z.infer<typeof pieceSchema>;
export type Manifest = z.infer<typeof manifestSchema>;
export type ManifestEntry = Manifest['entries'][number];
export type FileEntry = Extract<ManifestEntry, { type: 'file' }>;

/** A blob as the store knows it. */
export interface Blob {
  readonly sha256: string;
  /** In bytes, as it is stored. */
  readonly size: number;
}

/** The blob of a piece. */
export function blobOf(piece: Piece): Blob {
  return { sha256: piece.sha256, size: piece.brotli ?? piece.size };
}

/** The blobs that a file's content is in. */
export function blobsOfFile({ packs }: Manifest, file: FileEntry): Blob[] {
  if (file.chunks) return file.chunks.map(blobOf);
  const pack = file.pack && packs[file.pack.index];
  return [blobOf(pack ?? file)];
}

/** Every blob that a manifest needs, each once. */
export function blobsOf(manifest: Manifest): Blob[] {
  const blobs = manifest.entries.flatMap((entry) =>
    entry.type === 'file' ? blobsOfFile(manifest, entry) : [],
  );
  return [...new Map(blobs.map((blob) => [`${blob.sha256} ${blob.size}`, blob])).values()];
}

/** Number of files, and their bytes together. */
export function manifestTotals(manifest: Manifest): { files: number; bytes: number } {
  const files = manifest.entries.filter((entry) => entry.type === 'file');
  return { files: files.length, bytes: files.reduce((sum, file) => sum + file.size, 0) };
}
