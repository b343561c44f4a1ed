import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { DstackError } from '../errors.ts';
import { diffRuns } from '../ledger/diff-runs.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { checkName } from '../ledger/names.ts';
import { openStateReader } from '../ledger/read-state.ts';
import { setTag } from '../ledger/tags.ts';
import { openWake } from '../ledger/wake.ts';
import type { StatusActions } from '../tui/status-screen.tsx';
import { codeText, differencesText } from './diff.ts';
import type { LocatedRun } from './open-state.ts';
import { localLedgerPath, type Project } from './project.ts';
import { stopJobs, stopTargets } from './stop-jobs.ts';
import { glyphsOf, hasColour, plural } from './terminal.ts';

/** More of a difference than this is for `dstack diff`. */
const mostDiffLines = 20_000;

/**
 * What the keys of the live screen do. Nothing is written to the terminal: each answers with a line for the screen, and a
 * failure's is its message.
 * @param changed something has been done that should be seen
 */
export function statusActions(
  project: Project,
  ledgers: readonly Ledger[],
  changed: () => void,
): Omit<StatusActions, 'logs'> {
  const locate = async (name: string): Promise<LocatedRun> => {
    for (const ledger of ledgers) {
      const run = (await openStateReader(ledger).read(name)).runs[0];
      if (run) return { ledger, run, job: null };
    }
    throw new DstackError('unknown-run', `${name} has gone`, { hint: '`dstack status` lists what there is' });
  };

  return {
    async stop({ run: name, job }, abort) {
      const { ledger, run } = await locate(name);
      const targets = stopTargets(run, job);
      if (targets.length === 0) return 'nothing to stop: it has ended';
      const wake = openWake(ledger.shared);
      // It may take a grace period or a lease: the screen shows how it goes on, and need not wait for it.
      await new Promise<void>((resolve, reject) => {
        stopJobs(project, ledger, targets, { abort, wake, progress: () => resolve() })
          .then(resolve, reject)
          .finally(() => wake.close());
      });
      changed();
      return `asked ${plural(targets.length, 'job')} of ${name} to ${abort ? 'end at once' : 'stop'}`;
    },

    async rerun(name) {
      const { ledger } = await locate(name);
      if (ledger.shared.remote === localLedgerPath(project))
        return `it ran here, by --local; once more: dstack rerun ${name}`;
      // A process of its own: what it prints, or asks, is not for this screen.
      const run = promisify(execFile)(process.execPath, [process.argv[1] ?? '', 'rerun', name, '--detach'], {
        cwd: process.cwd(),
        env: project.remotes ? { ...process.env, DSTACK_REMOTE: ledger.shared.remote } : process.env,
      });
      run.child.stdin?.end();
      const { stdout } = await run.catch((error: { stderr?: string }) => {
        throw new Error(firstLine(error.stderr) ?? String(error));
      });
      changed();
      return `submitted as ${stdout.trim()}`;
    },

    async tag(name, tag) {
      checkName('tag', tag);
      const { ledger, run } = await locate(name);
      await setTag(ledger, tag, run.commit);
      changed();
      return `${tag} keeps ${name}`;
    },

    async diff(first, second, columns) {
      const [before, after] = await Promise.all([locate(first), locate(second)]);
      const differences = await diffRuns(before, after);
      const colour = hasColour(process.stdout);
      const glyphs = glyphsOf(process.stdout);
      const options = { width: columns, colour, glyphs, paths: [] };
      const summary = await differencesText(before, after, differences, options);
      if (differences.files.length === 0) return summary;
      const lines = (await codeText(before, after, { colour, statWidth: null, paths: [] })).split('\n');
      const left = lines.length - mostDiffLines;
      const more = left > 0 ? `${plural(left, 'more line')}: dstack diff -p ${first} ${second}\n` : '';
      return `${summary}\n${lines.slice(0, mostDiffLines).join('\n')}${more}`;
    },
  };
}

/** What an error of dstack says, without what stands before it. */
function firstLine(output: string | undefined): string | undefined {
  const lines = (output ?? '').split('\n').filter(Boolean);
  const line = lines.find((one) => one.startsWith('error:')) ?? lines.at(-1);
  return line?.replace(/^error: */, '');
}
