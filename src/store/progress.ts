/** How far a transfer is; what was there already counts too. */
export interface Progress {
  files: number;
  bytes: number;
  totalFiles: number;
  totalBytes: number;
}

export type OnProgress = (progress: Progress) => void;

/** What a transfer says as it goes on. */
export interface ProgressCount {
  /** So many more bytes are through. */
  bytes(count: number): void;
  /** One more file is through, of which these bytes have not been counted yet. */
  file(bytes: number): void;
}

/** Counts what is through; reports after each part, and once at the start. */
export function countProgress(sizes: readonly number[], report: OnProgress | undefined): ProgressCount {
  const progress: Progress = {
    files: 0,
    bytes: 0,
    totalFiles: sizes.length,
    totalBytes: sizes.reduce((sum, size) => sum + size, 0),
  };
  const tell = () => report?.({ ...progress });
  tell();
  return {
    bytes(count) {
      progress.bytes += count;
      tell();
    },
    file(bytes) {
      progress.files += 1;
      progress.bytes += bytes;
      tell();
    },
  };
}
