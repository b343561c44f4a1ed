import { join } from 'node:path';
import type { Command } from 'commander';
import { writeConfig } from '../config/write-config.ts';
import { DstackError, usageError } from '../errors.ts';
import { userSignature } from '../git/identity.ts';
import { takeSnapshot } from '../git/snapshot.ts';
import { plan } from '../language/plan.ts';
import { workflowHelp } from '../language/workflow-help.ts';
import { placeholderRunName } from '../language/workflow-scope.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { checkName, drawRunName } from '../ledger/names.ts';
import { type PlannedJob, planRun } from '../ledger/plan-run.ts';
import { resolveRemote } from '../ledger/shared-repository.ts';
import { prepareRun, submitRun } from '../ledger/submit.ts';
import { listTags, resolveTag, setTag } from '../ledger/tags.ts';
import { plainText } from '../terminal-text.ts';
import { formatBytes } from '../tui/duration.ts';
import { planTree } from '../tui/plan-tree.ts';
import { followToTheEnd } from './follow-to-the-end.ts';
import { onInterrupt } from './interrupt.ts';
import {
  openLocalLedger,
  openProject,
  openRemoteLedger,
  type Project,
  readWorkflows,
  remoteOf,
} from './project.ts';
import { ask, hasColour, printJson, say, warn } from './terminal.ts';
import { parseVariableOptions } from './variable-options.ts';

export interface RunOptions {
  detach?: true;
  local?: true;
  cache: boolean;
  dryRun?: true;
  name?: string;
  tag?: string;
  reason?: string;
  allowLarge?: true;
  allowSecret: string[];
  json?: true;
  help?: true;
}

/** `dstack run WORKFLOW`: snapshot, plan, push, then follow to the end. */
export async function run(
  first: string | undefined,
  rest: string[],
  options: RunOptions,
  command: Command,
): Promise<void> {
  const { workflow, overrides } = parseVariableOptions([...(first === undefined ? [] : [first]), ...rest]);
  if (options.help) return help(workflow, command);
  if (workflow === null) {
    throw usageError('missing-workflow', 'which workflow? dstack run WORKFLOW', await knownWorkflows());
  }
  if (options.local && options.detach) {
    throw usageError(
      'contradiction',
      '--local runs in this process, so it can’t --detach',
      'use one of the two',
    );
  }
  if (options.name !== undefined) checkName('run', options.name);
  if (options.tag !== undefined) checkName('tag', options.tag);
  const project = await openProject();
  const { workflows, variables } = await readWorkflows(project);
  // Mistakes in the request come before anything slow or visible.
  const request = { workflow, overrides, environment: process.env };
  plan(workflows, variables, {
    ...request,
    runName: placeholderRunName,
    resolveTag: () => ({ run: 'a', job: 'a' }),
  });

  const ledger = options.local ? await openLocalLedger(project, true) : await openRemoteLedger(project);
  if (!ledger) throw new Error('unreachable');
  if (!options.local && !options.dryRun) await confirmFirstPush(project);
  const { snapshot: allowed } = project.config;
  const snapshot = await takeSnapshot(project.repository, {
    allowLarge: options.allowLarge ?? allowed.allowLarge,
    allowSecrets: [...allowed.allowSecrets, ...options.allowSecret],
  });
  for (const warning of snapshot.warnings) warn(warning);
  const tags = await listTags(ledger);
  const planFor = (runName: string) =>
    planRun(
      project.repository,
      snapshot.tree,
      workflows,
      variables,
      { ...request, runName, resolveTag: (tag, job) => resolveTag(tags, tag, job) },
      () => null,
    );
  if (options.dryRun) return printPlan(await planFor(options.name ?? drawRunName()), ledger, options);

  const author = await userSignature(project.folder, Date.now());
  for (;;) {
    const name = options.name ?? drawRunName();
    const jobs = await planFor(name);
    const prepared = await prepareRun(ledger, {
      run: name,
      workflow,
      overrides,
      reason: options.reason ?? null,
      tree: snapshot.tree,
      parent: snapshot.parent,
      author,
      jobs: jobs.map((job) => ({ ...job, useCache: options.cache })),
    });
    const interruption = onInterrupt(() => say('interrupted: finding out whether it was submitted'));
    const result = await submitRun(ledger, prepared, () => interruption.count() > 0).finally(
      interruption.release,
    );
    if (result === 'taken') {
      if (options.name === undefined) continue;
      throw new DstackError('name-taken', `there is a run named ${name} already`, {
        hint: 'choose another name, or none',
      });
    }
    if (options.tag !== undefined) await setTag(ledger, options.tag, prepared.commit);
    const { changed, untracked, untrackedBytes } = snapshot.stats;
    const captured = [
      changed > 0 ? `${changed} changed` : '',
      untracked > 0 ? `${untracked} untracked (${formatBytes(untrackedBytes)})` : '',
    ].filter(Boolean);
    if (!options.json) {
      say(
        `${name}: submitted to ${plainText(ledger.shared.location)}, with ${captured.join(' and ') || 'no uncommitted'} files`,
      );
      if (!options.detach)
        process.stderr.write(
          planTree(
            jobs.map(({ spec }) => spec),
            { colour: hasColour(process.stderr) },
          ),
        );
    }
    if (interruption.count() > 0) {
      throw new DstackError('interrupted', `${name} had been submitted`, {
        hint: `stop it with: dstack stop ${name}`,
        exitCode: 130,
      });
    }
    if (options.detach) {
      if (options.json)
        printJson({ run: name, commit: prepared.commit, jobs: jobs.map(({ spec }) => spec.name) });
      else process.stdout.write(`${name}\n`);
      return;
    }
    process.exitCode = await followToTheEnd(project, ledger, name, {
      local: options.local ?? false,
      json: options.json ?? false,
    });
    return;
  }
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

/** A snapshot carries uncommitted files: nobody should send them to another machine without having said so once. */
async function confirmFirstPush(project: Project): Promise<void> {
  const found = await remoteOf(project);
  if (!found || found.configured) return;
  const { address, path } = await resolveRemote(found.remote, project.folder);
  if (path !== null) return;
  const answer = await ask(
    `A snapshot holds uncommitted and untracked files, too. Push snapshots of this project to ${plainText(address)}? [y/N] `,
  );
  if (answer === null) {
    throw new DstackError(
      'remote-not-configured',
      `nobody has said yet that snapshots may go to ${plainText(address)}`,
      {
        hint: 'say so: `dstack init --remote origin`, or DSTACK_REMOTE=origin',
      },
    );
  }
  if (!/^y(es)?$/i.test(answer)) throw new DstackError('declined', 'nothing was pushed', { exitCode: 130 });
  writeConfig(join(project.folder, '.dstackrc'), { remote: found.remote });
  say('remembered in .dstackrc');
}

async function help(workflow: string | null, command: Command): Promise<void> {
  if (workflow === null) {
    process.stdout.write(command.helpInformation());
    return;
  }
  const { workflows, variables } = await readWorkflows(await openProject());
  const found = workflowHelp(workflows, variables, workflow);
  const lines = [`dstack run ${found.name} [--VARIABLE VALUE …]`];
  if (found.help) lines.push('', plainText(found.help));
  if (found.dependsOn.length > 0) lines.push('', `Runs first: ${found.dependsOn.join(', ')}`);
  const width = Math.max(0, ...found.variables.map(({ option }) => option.length));
  lines.push('', found.variables.length > 0 ? 'Variables:' : 'It has no variables.');
  for (const { option, default: value } of found.variables) {
    lines.push(`  ${option.padEnd(width)}  default: ${plainText(value)}`);
  }
  lines.push('', 'Options: dstack run --help', '');
  process.stdout.write(lines.join('\n'));
}

async function knownWorkflows(): Promise<string | undefined> {
  try {
    const { workflows } = await readWorkflows(await openProject());
    return `there are: ${[...workflows.keys()].join(', ')}`;
  } catch {
    return undefined;
  }
}
