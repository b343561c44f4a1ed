import { randomUUID } from 'node:crypto';
import { DstackError, usageError } from '../errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { addPruned } from '../ledger/prune/pruned-jobs.ts';
import { readUploads } from '../ledger/prune/whole-ledger.ts';
import { emptyRetired, graceMs, retireUnused, type Swept } from '../store/sweep.ts';
import { plainText } from '../terminal-text.ts';
import { onInterrupt } from './interrupt.ts';
import { type Mark, openMark, type PruneScope, type UnusedLook, uselessResults } from './look-for-unused.ts';
import { openChosenLedger, openLedgerAt, openLedgerStore, openProject, type Project } from './project.ts';
import { amountText, countUnused, runsTable, type Unused, unusedText } from './prune-words.ts';
import { ask, canAsk, printJson, say, warn } from './terminal.ts';

export interface PruneOptions {
  /** Milliseconds. */
  keep: number;
  dryRun?: true;
  local?: true;
  with?: string[];
  yes?: true;
  json?: true;
}

/**
 * `dstack prune`: old runs give up what they have left in the store, and what nothing needs is removed there. First the
 * ledger says so, then the store follows; cut off anywhere, it goes on when it is called again.
 */
export async function prune(options: PruneOptions): Promise<void> {
  const project = await openProject();
  const scope = await openScope(project, options);
  const mark = openMark(scope);
  const look = await mark.look();
  const unused = await countUnused(scope.store, mark.kept, look.given, new Date(scope.now - graceMs));
  if (options.dryRun) return tell(look, unused, scope, options);
  if (look.prune.size === 0 && unused.unneeded.blobs + unused.retired.blobs === 0) {
    // Nor is there, then, anything for the notes of earlier calls to be about.
    await sweepRetired(scope, mark, randomUUID());
    if (options.json) return printJson({ runs: [], ...outcomeOf({ blobs: 0, bytes: 0 }, null) });
    return say('nothing to prune');
  }
  if (!options.yes) await confirm(look, unused, scope);
  const interruption = onInterrupt(() => {
    say('interrupted; `dstack prune` goes on where it was');
    process.exit(130);
  });
  try {
    await carryOut(scope, mark, options);
  } finally {
    interruption.release();
  }
}

async function openScope(project: Project, options: PruneOptions): Promise<PruneScope> {
  const own = await openChosenLedger(project, options.local);
  const others: Ledger[] = [];
  for (const remote of options.with ?? []) others.push(await openLedgerAt(project, remote));
  const store = await openLedgerStore(project, own);
  // Whose clock is ahead must not take for old what is not. Who only wants to know may have no right to write.
  const theirs = options.dryRun ? await store.now().catch(() => new Date()) : await store.now();
  const now = Math.min(Date.now(), theirs.getTime());
  return { own, others, store, now, before: Math.max(0, now - options.keep) };
}

/** Blobs must be older than this. */
async function graceEnd({ store }: PruneScope): Promise<Date> {
  return new Date((await store.now()).getTime() - graceMs);
}

function tell(look: UnusedLook, unused: Unused, { before }: PruneScope, options: PruneOptions): void {
  if (options.json) {
    const runs = [...look.prune].map(([run, jobs]) => ({ run, jobs: jobs.map(({ name }) => name) }));
    printJson({ dryRun: true, runs, ...unused });
    return;
  }
  process.stdout.write(runsTable(look));
  for (const line of unusedText(look, unused, before)) say(line);
}

async function confirm(look: UnusedLook, unused: Unused, { before }: PruneScope): Promise<void> {
  if (!canAsk())
    throw usageError(
      'not-confirmed',
      'nobody is there to confirm it',
      'add -y; --dry-run shows what would go',
    );
  for (const line of unusedText(look, unused, before)) say(line);
  const answer = await ask('Go on? `--dry-run` lists the runs. [y/N] ');
  if (answer === null || !/^y(es)?$/i.test(answer))
    throw new DstackError('declined', 'nothing was pruned', { exitCode: 130 });
}

async function carryOut(scope: PruneScope, mark: Mark, options: PruneOptions): Promise<void> {
  const { own, store } = scope;
  // The answer may have taken its time.
  const look = await mark.look();
  const names = new Map([...look.prune].map(([run, jobs]) => [run, jobs.map(({ name }) => name)]));
  await addPruned(own, names, new Date().toISOString());
  const useless = await uselessResults(own, look, mark.kept);
  const dropped = await own.shared.push(useless);
  // Whoever finds such a result looks for its files, and does not use it.
  if (!dropped.ok) warn(`results without files stay in the cache: ${plainText(dropped.failure.words)}`);
  const batch = randomUUID();
  const retired = await retireUnused(store, mark.kept, await graceEnd(scope), batch);
  if (retired.blobs > 0 && (await store.staleFor()) > 0)
    say('waiting until other machines see what is gone …');
  const swept = await sweepRetired(scope, mark, batch);
  if (options.json) {
    const runs = [...look.prune].map(([run, jobs]) => ({ run, jobs: jobs.map(({ name }) => name) }));
    return printJson({ runs, ...outcomeOf(swept.freed, swept) });
  }
  if (look.prune.size > 0)
    say(`${look.prune.size === 1 ? '1 run has' : `${look.prune.size} runs have`} given up what was left`);
  say(`freed: ${amountText(swept.freed)}`);
  if (swept.waiting.blobs > 0) say(waitingText(swept.waiting));
}

function sweepRetired({ own, others, store }: PruneScope, mark: Mark, batch: string): Promise<Swept> {
  const uploads = async () =>
    new Set((await Promise.all([own, ...others].map(readUploads))).flatMap((all) => [...all]));
  return emptyRetired(store, batch, uploads, async () => {
    await mark.look();
    return mark.kept;
  });
}

function waitingText(waiting: Swept['waiting']): string {
  const amount = amountText(waiting);
  if (waiting.for.length === 0)
    return `${amount} more were left by a call that was cut off; in ten minutes \`dstack prune\` removes them`;
  const jobs = [...new Set(waiting.for.map((one) => plainText(one.split(' ')[0] as string)))];
  const some = `${jobs.slice(0, 3).join(', ')}${jobs.length > 3 ? ` and ${jobs.length - 3} more` : ''}`;
  return `${amount} more wait for what ran meanwhile: ${some}; once that has ended, \`dstack prune\` removes them`;
}

function outcomeOf(freed: Swept['freed'], swept: Swept | null) {
  const waiting = swept?.waiting ?? { blobs: 0, bytes: 0, for: [] };
  return { freed, waiting: { ...waiting, for: waiting.for.map((one) => one.split(' ')[0]) } };
}
