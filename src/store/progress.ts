/** How far a transfer is; bytes count whole files, those that were there already too. */
export interface Progress {
  files: number;
  bytes: number;
  totalFiles: number;
  totalBytes: number;
}

export type OnProgress = (progress: Progress) => void;

/** Counts files that are through; reports after each one, and once at the start. */
export function countProgress(sizes: number[], report: OnProgress | undefined): (size: number) => void {
  const progress: Progress = {
    files: 0,
    bytes: 0,
    totalFiles: sizes.length,
    totalBytes: sizes.reduce((sum, size) => sum + size, 0),
  };
  report?.({ ...progress });
  return (size) => {
    progress.files += 1;
    progress.bytes += size;
    report?.({ ...progress });
  };
}
