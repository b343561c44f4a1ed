import { execFile } from 'node:child_process';
import { plainText } from '../terminal-text.ts';

/** How long it may take; where a driver hangs it never ends, and can't even be killed. Milliseconds. */
const timeoutMs = 10_000;

export interface NvidiaSmiAnswer {
  /** What it printed, also where it failed: of eight cards one that is lost makes it fail. */
  readonly text: string;
  /** What it says is wrong, for people; null: nothing, or there is no such program. */
  readonly problem: string | null;
}

/** Asks `nvidia-smi`, which is where NVIDIA's driver is. Never rejects, and never waits for one that hangs. */
export function askNvidiaSmi(args: readonly string[], ms = timeoutMs): Promise<NvidiaSmiAnswer> {
  return new Promise((resolve) => {
    const child = execFile('nvidia-smi', args, (error, text, said) => {
      clearTimeout(timer);
      const isFault =
        error !== null && (error.code as unknown) !== 'ENOENT' && !/^No devices were found/m.test(text);
      const how = () => problemIn(`${said}\n${text}`) || `ended with ${error?.code ?? error?.signal}`;
      resolve({ text, problem: isFault ? how() : null });
    });
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      child.stdout?.destroy();
      child.stderr?.destroy();
      child.unref();
      resolve({ text: '', problem: `did not answer within ${ms / 1000} seconds` });
    }, ms);
  });
}

/** Its errors are among what it prints, as lines of their own. */
function problemIn(text: string): string {
  const lines = text.split('\n').map((line) => line.trim());
  return plainText(lines.find((line) => /fail|error|unable|couldn't/i.test(line)) ?? '').slice(0, 300);
}
