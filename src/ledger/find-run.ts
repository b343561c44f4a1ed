import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import type { LedgerState, RunView } from './state.ts';
import type { Tag } from './tags.ts';

/** `RUN`, a unique beginning of one, `RUN/JOB`, `:TAG` or `:TAG/JOB`, as a person names them. */
export function findRun(
  state: LedgerState,
  text: string,
  tags: ReadonlyMap<string, Tag> = new Map(),
): { run: RunView; job: string | null } {
  const slash = text.indexOf('/');
  const name = slash < 0 ? text : text.slice(0, slash);
  const job = slash < 0 ? null : text.slice(slash + 1);
  const run = name.startsWith(':') ? byTag(state, name.slice(1), tags) : byName(state, name);
  if (job !== null && !run.jobs.some((one) => one.name === job)) {
    throw new DstackError('unknown-job', `${run.name} has no job ${JSON.stringify(plainText(job))}`, {
      hint: `its jobs are: ${run.jobs.map((one) => plainText(one.name)).join(', ')}`,
    });
  }
  return { run, job };
}

function byTag(state: LedgerState, tag: string, tags: ReadonlyMap<string, Tag>): RunView {
  const run = state.runs.find(({ name }) => name === tags.get(tag)?.message.run);
  if (run) return run;
  throw new DstackError('unknown-tag', `there is no tag ${JSON.stringify(plainText(tag))}`, {
    hint: '`dstack tags` lists them',
  });
}

function byName(state: LedgerState, name: string): RunView {
  const exact = state.runs.find((run) => run.name === name);
  if (exact) return exact;
  const candidates = name === '' ? [] : state.runs.filter((run) => run.name.startsWith(name));
  if (candidates.length === 1) return candidates[0] as RunView;
  if (candidates.length > 1) {
    const some = candidates.slice(0, 5).map((run) => run.name);
    throw new DstackError(
      'ambiguous-run',
      `${JSON.stringify(plainText(name))} can be any of ${candidates.length} runs`,
      {
        hint: `write more of it: ${some.join(', ')}${candidates.length > some.length ? ', …' : ''}`,
      },
    );
  }
  const newest = state.runs.slice(0, 3).map((run) => run.name);
  throw new DstackError('unknown-run', `there is no run ${JSON.stringify(plainText(name))}`, {
    hint:
      newest.length > 0
        ? `the newest are ${newest.join(', ')}; \`dstack status -a\` lists all`
        : 'there are no runs yet: `dstack run WORKFLOW` starts one',
  });
}
