import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Shows a text by a pager, in the manner of Git: less leaves at once if the text fits on the screen.
 * @param command for the shell, as it stands in the user's own settings
 */
export async function page(text: string, command: string): Promise<void> {
  if (command === '' || command === 'cat') {
    process.stdout.write(text);
    return;
  }
  const env = { ...process.env, LESS: process.env.LESS ?? 'FRX', LV: process.env.LV ?? '-c' };
  const pager = spawn('sh', ['-c', command], { stdio: ['pipe', 'inherit', 'inherit'], env });
  // It is for the pager to answer.
  const ignore = () => {};
  process.on('SIGINT', ignore);
  try {
    // Who leaves before the end reads no further.
    pager.stdin.on('error', ignore);
    pager.stdin.end(text);
    await once(pager, 'close');
  } finally {
    process.off('SIGINT', ignore);
  }
}
