import type { Outcome } from './outcome.ts';

function counted(outcomes: readonly Outcome[]): { passed: number; failed: number; skipped: number } {
  const sum = (count: (outcome: Outcome) => number) => outcomes.reduce((all, one) => all + count(one), 0);
  return {
    passed: sum((one) => one.passed),
    failed: sum((one) => one.failed + one.problems.length),
    skipped: sum((one) => one.skips.length),
  };
}

/** One line about one file: `ok test/git/refs.test.ts: 12 passed, 0.8 s`. */
export function lineOf(outcome: Outcome): string {
  const { passed, failed, skipped } = counted([outcome]);
  const counts = [`${passed} passed`];
  if (failed > 0) counts.push(`${failed} failed`);
  if (skipped > 0) counts.push(`${skipped} skipped`);
  return `${failed > 0 ? 'FAILED' : 'ok'} ${outcome.file}: ${counts.join(', ')}, ${outcome.seconds.toFixed(1)} s`;
}

/** Everything that a failing file printed, and what is wrong with it as a whole. */
export function detailsOf(outcome: Outcome): string {
  const problems = outcome.problems.map((problem) => `${outcome.file}: ${problem}`);
  return ['', `----- ${outcome.file}`, outcome.output.trimEnd(), ...problems, '-----', ''].join('\n');
}

/** What failed once more, in few words: a build machine may keep no more of a long output than its end. */
function briefly({ file, output, problems }: Outcome): string[] {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const failures = lines.flatMap((line, index) =>
    /^\s+FAIL /.test(line) ? lines.slice(index, index + 4).map((text) => text.trimEnd().slice(0, 200)) : [],
  );
  return [`FAILED ${file}`, ...failures.slice(0, 12), ...problems.map((problem) => `    ${problem}`)];
}

/**
 * The end of the report: what failed, what was skipped and why, and the last line, `N passed, N failed`.
 * Where nothing may be skipped (`strict`, on a build machine), a skipped test is a failed one.
 */
export function summaryOf(
  outcomes: readonly Outcome[],
  options: { strict: boolean },
): { lines: string[]; ok: boolean } {
  const { passed, failed, skipped } = counted(outcomes);
  const skips = outcomes.flatMap(({ file, skips }) => skips.map((skip) => `skipped in ${file}: ${skip}`));
  if (options.strict && skipped > 0)
    skips.push('Nothing may be skipped where CI is set: these count as failed.');
  const allFailed = options.strict ? failed + skipped : failed;
  const shown = !options.strict && skipped > 0 ? `, ${skipped} skipped` : '';
  const failures = outcomes.filter((one) => one.failed > 0 || one.problems.length > 0).flatMap(briefly);
  return {
    lines: [...failures, ...skips, `${passed} passed, ${allFailed} failed${shown}`],
    ok: allFailed === 0 && passed > 0,
  };
}
