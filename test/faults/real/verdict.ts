import { type Arena, stepsOf } from './arena.ts';
import type { Computing } from './computing.ts';
import { couldNotAct, type Halt } from './fleet.ts';
import type { Observer } from './observer.ts';
import { missingArtifacts, type RecordView, readLogText, readRecord } from './records.ts';

/** One job as it ended. */
export interface Ended {
  readonly key: string;
  readonly commit: string;
  readonly record: RecordView;
  readonly log: string;
}

export async function readEnded(arena: Arena): Promise<Ended[]> {
  const format = '--format=%(objectname) %(refname:lstrip=3)';
  const text = await arena.project.git(['for-each-ref', format, 'refs/dstack/jobs/']);
  return Promise.all(
    text
      .split('\n')
      .filter(Boolean)
      .map(async (line) => {
        const [commit = '', key = ''] = line.split(' ');
        return {
          key,
          commit,
          record: await readRecord(arena, commit),
          log: await readLogText(arena, commit),
        };
      }),
  );
}

/** Every acknowledged run's jobs have ended, and nothing that was seen before has changed. */
export function judgeOutcomes(
  ended: readonly Ended[],
  acknowledged: ReadonlyMap<string, string>,
  observer: Observer,
): string[] {
  const violations: string[] = [];
  const byKey = new Map(ended.map((one) => [one.key, one]));
  for (const [run, workflow] of acknowledged) {
    for (const job of workflow === 'second' ? ['first', 'second'] : [workflow])
      if (!byKey.has(`${run}/${job}`)) violations.push(`${run}/${job} was acknowledged and has no outcome`);
  }
  for (const [key, { commit }] of observer.outcomes)
    if (byKey.get(key)?.commit !== commit)
      violations.push(`the outcome of ${key} is another one than was seen`);
  for (const [key, seen] of observer.logs) {
    const log = byKey.get(key)?.log;
    if (log !== undefined && !log.startsWith(seen))
      violations.push(`${key} ended without what was seen in its log: ${JSON.stringify(seen.slice(-200))}`);
  }
  return violations;
}

/** A log has the lines of each attempt from the first on, none twice and none out of order; that of `done` all. */
export function judgeLog({ key, record, log }: Ended): string[] {
  const violations: string[] = [];
  const bytes = Buffer.byteLength(log);
  if (record.log.bytes !== bytes)
    violations.push(`${key} has a log of ${bytes} bytes, and says ${record.log.bytes}`);
  const next = new Map<number, number>();
  let last = 0;
  for (const [, attempt, line] of log.matchAll(/^attempt (\d+) line (\d+)$/gm)) {
    const [of, number] = [Number(attempt), Number(line)];
    if (of < last) violations.push(`${key}: a line of attempt ${of} comes after those of ${last}`);
    last = of;
    if (number !== (next.get(of) ?? 0) + 1)
      violations.push(`${key}: line ${number} of attempt ${of} follows line ${next.get(of) ?? 0}`);
    next.set(of, number);
  }
  if (record.state !== 'done') return violations;
  const job = key.split('/')[1] as string;
  if (next.get(record.attempt) !== stepsOf[job] || !log.includes(`attempt ${record.attempt} is complete`))
    violations.push(`${key} is done without the whole log of its attempt ${record.attempt}`);
  return violations;
}

/** `done` and `cached` have their artifacts, each with the bytes that its manifest says. */
export async function judgeArtifacts(arena: Arena, { key, commit, record }: Ended): Promise<string[]> {
  if (record.state !== 'done' && record.state !== 'cached') return [];
  const job = key.split('/')[1] as string;
  if (['quick', 'second', 'fails'].includes(job)) return [];
  if (record.artifacts?.files !== 2) return [`${key} is ${record.state} without its artifacts`];
  return (await missingArtifacts(arena, commit)).map((what) => `${key} is ${record.state}, and ${what}`);
}

/**
 * No attempt computes while a later one does or once the job has ended, but where its runner was halted by us: it
 * could neither freeze nor end it then. `slack` (seconds) is for a machine that is too busy to do anything in time.
 */
export function judgeComputing(
  all: readonly Computing[],
  halts: readonly Halt[],
  outcomes: Observer['outcomes'],
  slack: number,
): string[] {
  const violations: string[] = [];
  const begins = new Map<string, Map<number, number>>();
  for (const { key, attempt, from } of all) {
    const attempts = begins.get(key) ?? new Map<number, number>();
    begins.set(key, attempts.set(attempt, Math.min(from, attempts.get(attempt) ?? Number.POSITIVE_INFINITY)));
  }
  const told = new Set<string>();
  for (const { key, attempt, runner, to } of all) {
    const later = [...(begins.get(key) ?? [])].filter(([other]) => other > attempt).map(([, at]) => at);
    const limit = Math.min(...later, outcomes.get(key)?.at ?? Number.POSITIVE_INFINITY);
    const what = `${key} ${attempt}`;
    if (to <= limit + slack || couldNotAct(halts, runner, to) || told.has(what)) continue;
    told.add(what);
    const than = later.some((at) => at === limit) ? 'a later attempt had begun' : 'it had ended';
    violations.push(
      `attempt ${attempt} of ${key} on ${runner} computed ${(to - limit).toFixed(1)} s after ${than}`,
    );
  }
  return violations;
}

/** An attempt is begun once, there are three at most, and what is `done` has come to the end of its commands. */
export function judgeEvidence(
  steps: readonly (Computing & { what: string })[],
  ended: readonly Ended[],
): string[] {
  const violations: string[] = [];
  const begun = new Map<string, number>();
  for (const { what, key, attempt } of steps) {
    if (what !== 'begin') continue;
    if (attempt > 3) violations.push(`${key} was executed for the ${attempt}th time`);
    const one = `${key} ${attempt}`;
    begun.set(one, (begun.get(one) ?? 0) + 1);
    if (begun.get(one) === 2) violations.push(`attempt ${attempt} of ${key} was begun twice`);
  }
  for (const { key, record } of ended) {
    if (record.state !== 'done' || ['boxed', 'crate'].includes(key.split('/')[1] as string)) continue;
    if (!steps.some((step) => step.what === 'end' && step.key === key && step.attempt === record.attempt))
      violations.push(`${key} is done, and its attempt ${record.attempt} never came to its end`);
  }
  return violations;
}
