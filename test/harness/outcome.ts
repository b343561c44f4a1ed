import { stripVTControlCharacters } from 'node:util';

/** What one test file came to. `problems` are failures of the file as a whole; each counts as one failed test. */
export interface Outcome {
  file: string;
  passed: number;
  failed: number;
  skips: string[];
  problems: string[];
  output: string;
  seconds: number;
}

/** How the process of a test file ended. */
export interface Ending {
  output: string;
  exitCode: number | null;
  signal: string | null;
  timedOut: boolean;
  seconds: number;
}

function sumOf(output: string, label: string): number | undefined {
  const counts = [...output.matchAll(new RegExp(`^ *${label}: +(\\d+)$`, 'gm'))].map((match) =>
    Number(match[1]),
  );
  return counts.length === 0 ? undefined : counts.reduce((sum, count) => sum + count, 0);
}

/**
 * Reads uvu's summary, and the lines `SKIP <what>: <reason>` by which a test says why it did not run.
 * Never believes the exit code alone: uvu exits with 0 when a `before` hook throws, and when an awaited promise
 * never settles.
 */
export function judge(file: string, ending: Ending): Outcome {
  const output = stripVTControlCharacters(ending.output);
  const total = sumOf(output, 'Total');
  const passed = sumOf(output, 'Passed') ?? 0;
  const failed = (total ?? 0) - passed;
  const skips = [...output.matchAll(/^SKIP (.+)$/gm)].map((match) => match[1] ?? '');
  for (let unexplained = (sumOf(output, 'Skipped') ?? 0) - skips.length; unexplained > 0; unexplained--) {
    skips.push('a test, without a reason');
  }

  const problems: string[] = [];
  if (ending.timedOut) problems.push('did not end in time and was killed');
  else if (ending.signal !== null) problems.push(`was ended by ${ending.signal}`);
  else if (total === undefined) problems.push(`ended without a summary (exit code ${ending.exitCode})`);
  else if (total === 0 && skips.length === 0) problems.push('has no tests');
  else if (ending.exitCode !== 0 && failed === 0) problems.push(`exit code ${ending.exitCode}`);
  return { file, passed, failed, skips, problems, output, seconds: ending.seconds };
}
