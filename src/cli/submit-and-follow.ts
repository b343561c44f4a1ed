import { DstackError, usageError } from '../errors.ts';
import { signature } from '../ledger/ledger.ts';
import { checkName, drawRunName, nameTaken } from '../ledger/names.ts';
import type { PlannedJob } from '../ledger/plan-run.ts';
import { prepareRun } from '../ledger/prepare-run.ts';
import { submitRun } from '../ledger/submit.ts';
import { ownNames } from '../ledger/sync.ts';
import { setTag } from '../ledger/tags.ts';
import { plainText } from '../terminal-text.ts';
import type { Interruption } from './interrupt.ts';
import type { Request, RunOptions } from './prepare-request.ts';
import { canDrawBelow, hasColour, printJson, say } from './terminal.ts';

/** How a request is submitted, and whether it is watched. */
export type SubmitOptions = Pick<
  RunOptions,
  'detach' | 'local' | 'cache' | 'name' | 'tag' | 'reason' | 'priority' | 'notify' | 'json'
>;

/** @throws DstackError `contradiction`, `bad-name` (usage) */
export function checkSubmitOptions(options: SubmitOptions): void {
  if (options.local && options.detach) {
    throw usageError(
      'contradiction',
      "--local runs in this process, so it can't --detach",
      'use one of the two',
    );
  }
  if (options.notify && options.detach) {
    throw usageError(
      'contradiction',
      '--detach waits for no end that --notify could tell',
      'use one of the two; `dstack logs -f RUN --notify` waits, too',
    );
  }
  if (options.name !== undefined) checkName('run', options.name);
  if (options.tag !== undefined) checkName('tag', options.tag);
}

/** Pushes a run and, unless it is to go on alone, shows it to its end. */
export async function submitAndFollow(
  request: Request,
  options: SubmitOptions,
  interruption: Interruption,
): Promise<void> {
  const { project, ledger, ownRefs } = request;
  // What shows a run isn't loaded for nothing, and while the push is waited for.
  const screen = options.detach
    ? null
    : Promise.all([
        import('../tui/plan-tree.ts'),
        import('./follow-to-the-end.ts'),
        canDrawBelow() && !options.json && import('./live-run-printer.ts'),
      ]);
  const { name, commit, jobs } = await submit(request, options, interruption);
  if (options.tag !== undefined) await setTag(ledger, options.tag, commit);
  if (!options.json) {
    say(`${name}: submitted to ${plainText(ledger.shared.location)} with ${request.captured}`);
    // On a terminal it is the plan that fills in.
    if (screen && !canDrawBelow()) {
      const [{ planTree }] = await screen;
      process.stderr.write(
        planTree(
          jobs.map(({ spec }) => spec),
          { colour: hasColour(process.stderr) },
        ),
      );
    }
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
  if (!screen) return ownRefs.close();
  const [, { followToTheEnd }] = await screen;
  process.exitCode = await followToTheEnd(
    project,
    ledger,
    { name, jobs: jobs.map(({ spec }) => spec) },
    {
      local: options.local ?? false,
      json: options.json ?? false,
      notify: options.notify ?? false,
      interruption,
      ownRefs,
    },
  );
}

/** Pushes the run, under a drawn name as often as that is taken. */
async function submit(
  request: Request,
  options: SubmitOptions,
  interruption: Interruption,
): Promise<{ name: string; commit: string; jobs: readonly PlannedJob[] }> {
  const { ledger, ownRefs, workflow, overrides, snapshot, planFor } = request;
  const author = signature(ledger);
  for (;;) {
    const name = options.name ?? drawRunName();
    const jobs = await planFor(name);
    if (options.local) {
      const { requireSecrets } = await import('./require-secrets.ts');
      await requireSecrets(request.project, ledger.shared.location, jobs);
    }
    const prepared = await prepareRun(ledger, {
      run: name,
      workflow,
      overrides,
      // Plain Git prints it raw.
      reason: options.reason?.split('\n').map(plainText).join('\n') ?? null,
      priority: options.priority,
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
    // Unless it was begun while Git looked through the files, and is at it still.
    ownRefs.start();
    const result = await submitRun(ledger, prepared, () => interruption.count() > 0);
    if (result === 'submitted') {
      // So that `git show` finds it at once; the rest of the history comes with a sync.
      await ownRefs.update([{ ref: ownNames(ledger).run(name), from: undefined, to: prepared.commit }], true);
      return { name, commit: prepared.commit, jobs };
    }
    if (options.name === undefined) continue;
    throw nameTaken(name);
  }
}
