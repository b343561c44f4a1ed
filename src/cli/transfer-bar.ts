import { SingleBar } from 'cli-progress';
import type { Progress } from '../store/progress.ts';
import { plainText } from '../terminal-text.ts';
import { formatBytes } from '../tui/duration.ts';

/** Shows how far a transfer is. */
export interface TransferBar {
  show(progress: Progress): void;
  end(): void;
}

/** A bar with rate and time left on a terminal's standard error; nothing in a pipe. */
export function openTransferBar(name: string): TransferBar {
  const stream = process.stderr;
  if (!stream.isTTY) return { show() {}, end() {} };
  const bar = new SingleBar({
    stream,
    format: `${plainText(name)} {bar} {percentage}% {files} files {size}, {rate}/s, {eta_formatted} left`,
    barsize: 20,
    barCompleteChar: '#',
    barIncompleteChar: '.',
    clearOnComplete: true,
    hideCursor: true,
    linewrap: null,
    etaBuffer: 100,
  });
  const begun = performance.now();
  let isShown = false;
  return {
    show({ files, totalFiles, bytes, totalBytes }) {
      const seconds = (performance.now() - begun) / 1000;
      const shown = {
        files: `${files}/${totalFiles}`,
        size: `${formatBytes(bytes)}/${formatBytes(totalBytes)}`,
        rate: formatBytes(seconds < 0.1 ? 0 : Math.round(bytes / seconds)),
      };
      if (isShown) bar.update(bytes, shown);
      else bar.start(totalBytes, bytes, shown);
      isShown = true;
    },
    end: () => bar.stop(),
  };
}
