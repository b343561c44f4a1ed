import { z } from 'zod';

/** The list of a job's artifact files (`artifacts.json`), version 1. Entries are sorted by path, bytewise. */
export const manifestSchema = z.strictObject({
  format: z.literal(1),
  entries: z.array(
    z.discriminatedUnion('type', [
      z.strictObject({
        type: z.literal('file'),
        path: z.string(),
        size: z.number().int().nonnegative(),
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
        executable: z.boolean(),
      }),
      z.strictObject({ type: z.literal('link'), path: z.string(), target: z.string() }),
      /** Only folders that would otherwise not exist: empty ones. */
      z.strictObject({ type: z.literal('folder'), path: z.string() }),
    ]),
  ),
});

export type Manifest = z.infer<typeof manifestSchema>;
export type ManifestEntry = Manifest['entries'][number];
export type FileEntry = Extract<ManifestEntry, { type: 'file' }>;

/** Number of files, and their bytes together. */
export function manifestTotals(manifest: Manifest): { files: number; bytes: number } {
  const files = manifest.entries.filter((entry) => entry.type === 'file');
  return { files: files.length, bytes: files.reduce((sum, file) => sum + file.size, 0) };
}
