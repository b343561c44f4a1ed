import type { Command } from 'commander';
import { DstackError, usageError } from '../errors.ts';
import { requireGit } from '../git/git-version.ts';
import { userSignature } from '../git/identity.ts';
import { setRefs } from '../git/refs.ts';
import type { Snapshot } from '../git/snapshot.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { checkName, drawRunName } from '../ledger/names.ts';
import type { PlannedJob } from '../ledger/plan-run.ts';
import { prepareRun, submitRun } from '../ledger/submit.ts';
import { setTag } from '../ledger/tags.ts';
import { plainText } from '../terminal-text.ts';
import { formatBytes } from '../tui/duration.ts';
import { planTree } from '../tui/plan-tree.ts';
import { followToTheEnd } from './follow-to-the-end.ts';
import { type Interruption, onInterrupt } from './interrupt.ts';
import { prepareRequest, type Request, type RunOptions } from './prepare-request.ts';
import { knownWorkflows, runHelp } from './run-help.ts';
import { hasColour, plural, printJson, say } from './terminal.ts';
import { parseVariableOptions } from './variable-options.ts';

/** `dstack run WORKFLOW`: snapshot, plan, push, then follow to the end. */
export async function run(
  first: string | undefined,
  rest: string[],
  options: RunOptions,
  command: Command,
): Promise<void> {
  const { workflow, overrides } = parseVariableOptions([...(first === undefined ? [] : [first]), ...rest]);
  if (options.help) return runHelp(workflow, command);
  if (workflow === null) {
    throw usageError('missing-workflow', 'which workflow? dstack run WORKFLOW', await knownWorkflows());
  }
  checkOptions(options);
  const cancel = new AbortController();
  const interruption = onInterrupt((count) => {
    if (count > 1) process.exit(130);
    cancel.abort();
  });
  try {
    await requireGit();
    const request = await prepareRequest(workflow, overrides, options, cancel.signal).catch(
      (error: unknown) => {
        throw cancel.signal.aborted ? interrupted() : error;
      },
    );
    if (cancel.signal.aborted) throw interrupted();
    if (options.dryRun) {
      const jobs = await request.planFor(options.name ?? drawRunName());
      return await printPlan(jobs, request.ledger, options);
    }
    await submitAndFollow(request, options, interruption);
  } finally {
    interruption.release();
  }
}

function checkOptions(options: RunOptions): void {
  if (options.local && options.detach) {
    throw usageError(
      'contradiction',
      '--local runs in this process, so it can’t --detach',
      'use one of the two',
    );
  }
  if (options.name !== undefined) checkName('run', options.name);
  if (options.tag !== undefined) checkName('tag', options.tag);
}

function interrupted(): DstackError {
  return new DstackError('interrupted', 'interrupted: nothing was submitted', { exitCode: 130 });
}

async function submitAndFollow(
  request: Request,
  options: RunOptions,
  interruption: Interruption,
): Promise<void> {
  const { project, ledger } = request;
  const { name, commit, jobs } = await submit(request, options, interruption);
  if (options.tag !== undefined) await setTag(ledger, options.tag, commit);
  if (!options.json) {
    say(`${name}: submitted to ${plainText(ledger.shared.location)} with ${captured(request.snapshot)}`);
    if (!options.detach)
      process.stderr.write(
        planTree(
          jobs.map(({ spec }) => spec),
          { colour: hasColour(process.stderr) },
        ),
      );
  }
  const jobNames = jobs.map(({ spec }) => spec.name);
  if (options.detach) {
    if (options.json) printJson({ run: name, commit, jobs: jobNames });
    else process.stdout.write(`${name}\n`);
  }
  if (interruption.count() > 0 && !options.local) {
    throw new DstackError('interrupted', `${name} had been submitted`, {
      hint: `stop it with: dstack stop ${name}`,
      exitCode: 130,
    });
  }
  if (options.detach) return;
  process.exitCode = await followToTheEnd(
    project,
    ledger,
    { name, jobs: jobNames },
    { local: options.local ?? false, json: options.json ?? false, interruption },
  );
}

/** Pushes the run, under a drawn name as often as that is taken. */
async function submit(
  { project, ledger, workflow, overrides, snapshot, planFor }: Request,
  options: RunOptions,
  interruption: Interruption,
): Promise<{ name: string; commit: string; jobs: readonly PlannedJob[] }> {
  const author = await userSignature(project.folder, Date.now());
  for (;;) {
    const name = options.name ?? drawRunName();
    const jobs = await planFor(name);
    const prepared = await prepareRun(ledger, {
      run: name,
      workflow,
      overrides,
      // Plain Git prints it raw.
      reason: options.reason?.split('\n').map(plainText).join('\n') ?? null,
      tree: snapshot.tree,
      parent: snapshot.parent,
      author,
      jobs: jobs.map((job) => ({ ...job, useCache: options.cache })),
    });
    interruption.answer((count) => {
      if (count === 1)
        return say('interrupted: finding out whether it was submitted; Ctrl+C again leaves at once');
      say(`${name} may have been submitted: \`dstack status ${name}\` tells`);
      process.exit(130);
    });
    const result = await submitRun(ledger, prepared, () => interruption.count() > 0);
    if (result === 'submitted') {
      // So that `git show` finds it at once; the rest of the history comes with a sync.
      const own = new Map([[ledger.names.run(name), prepared.commit]]);
      await setRefs(project.repository.gitDir, own).catch(() => {});
      return { name, commit: prepared.commit, jobs };
    }
    if (options.name === undefined) continue;
    throw new DstackError('name-taken', `there is a run named ${name} already`, {
      hint: 'choose another name, or none',
    });
  }
}

/** `2 changed files and 1 untracked file (12B)`. */
function captured({ stats: { changed, untracked, untrackedBytes } }: Snapshot): string {
  const parts = [
    changed > 0 ? plural(changed, 'changed file') : '',
    untracked > 0 ? `${plural(untracked, 'untracked file')} (${formatBytes(untrackedBytes)})` : '',
  ].filter(Boolean);
  return parts.join(' and ') || 'no uncommitted changes';
}

/** Prints what would run, and what would come from the cache. */
async function printPlan(jobs: readonly PlannedJob[], ledger: Ledger, options: RunOptions): Promise<void> {
  const known = options.cache
    ? await ledger.shared.list(
        jobs.flatMap(({ cacheKey }) => (cacheKey ? [ledger.names.cache(cacheKey)] : [])),
      )
    : new Map<string, string>();
  const inCache = (job: PlannedJob) => job.cacheKey !== null && known.has(ledger.names.cache(job.cacheKey));
  if (options.json) {
    printJson(jobs.map((job) => ({ ...job.spec, cacheKey: job.cacheKey, cached: inCache(job) })));
    return;
  }
  process.stdout.write(
    planTree(
      jobs.map(({ spec }) => spec),
      { colour: hasColour(process.stdout) },
    ),
  );
  const cached = jobs.filter(inCache).map(({ spec }) => spec.name);
  if (cached.length > 0) process.stdout.write(`in the cache: ${cached.join(', ')}\n`);
}
