import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import { openArchive } from './archive/read-archive.ts';
import type { Ledger } from './ledger.ts';
import { openStateReader } from './read-state.ts';
import type { LedgerState, RunView } from './state.ts';
import type { Tag } from './tags.ts';

/** Of more archived runs that begin alike only these are read: nobody finds his among them. */
const mostAlike = 100;

/**
 * Reads a ledger with all the runs, archived or not, that somebody can mean who names one so; for {@link findRun}.
 * @throws DstackError if the shared repository can't be reached
 */
export async function readForNames(
  ledger: Ledger,
  texts: readonly string[],
  tags: ReadonlyMap<string, Tag>,
): Promise<LedgerState> {
  let state = await openStateReader(ledger).read();
  for (const text of texts) state = await withArchived(ledger, state, text, tags);
  return state;
}

async function withArchived(
  ledger: Ledger,
  state: LedgerState,
  text: string,
  tags: ReadonlyMap<string, Tag>,
): Promise<LedgerState> {
  const said = text.split('/')[0] as string;
  const name = said.startsWith(':') ? (tags.get(said.slice(1))?.message.run ?? '') : said;
  if (name === '' || state.archived === 0 || state.runs.some((run) => run.name === name)) return state;
  const archive = openArchive(ledger.shared, ledger.names);
  const tips = await archive.tips();
  const exact = await archive.find(tips, name);
  if (exact) return { ...state, runs: [...state.runs, exact.run] };
  const alike = (await archive.beginningWith(tips, name)).slice(0, mostAlike);
  const known = new Set(state.runs.map((run) => run.name));
  const found = await Promise.all(
    alike.filter((one) => !known.has(one)).map((one) => archive.find(tips, one)),
  );
  return { ...state, runs: [...state.runs, ...found.flatMap((one) => one?.run ?? [])] };
}

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
  // A slip that many make at first.
  const ofWorkflow = state.runs.find((run) => run.workflow === name)?.name;
  const [newest, ...others] = state.runs.slice(0, 3).map((run) => run.name);
  throw new DstackError('unknown-run', `there is no run ${JSON.stringify(plainText(name))}`, {
    hint:
      ofWorkflow !== undefined
        ? `that is a workflow, its newest run is ${ofWorkflow}; \`dstack status --workflow ${plainText(name)}\` lists all`
        : others.length > 0
          ? `the newest are ${newest}, ${others.join(', ')}; \`dstack status -a\` lists all`
          : newest !== undefined
            ? `the newest is ${newest}; \`dstack status -a\` lists all`
            : 'there are no runs yet: `dstack run WORKFLOW` starts one',
  });
}
