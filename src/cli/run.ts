import type { Command } from 'commander';
import { DstackError, usageError } from '../errors.ts';
import { drawRunName } from '../ledger/names.ts';
import { onInterrupt } from './interrupt.ts';
import { prepareRequest, type RunOptions } from './prepare-request.ts';
import { knownWorkflows, runHelp } from './run-help.ts';
import { checkSubmitOptions, submitAndFollow } from './submit-and-follow.ts';
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
  checkSubmitOptions(options);
  const cancel = new AbortController();
  const interruption = onInterrupt((count) => {
    if (count > 1) process.exit(130);
    cancel.abort();
  });
  try {
    const request = await prepareRequest(workflow, overrides, options, cancel.signal).catch(
      (error: unknown) => {
        throw cancel.signal.aborted ? interrupted() : error;
      },
    );
    if (cancel.signal.aborted) throw interrupted();
    if (options.dryRun) {
      const { printPlan } = await import('./plan-output.ts');
      return await printPlan(request, options.name ?? drawRunName(), options);
    }
    await submitAndFollow(request, options, interruption);
  } finally {
    interruption.release();
  }
}

function interrupted(): DstackError {
  return new DstackError('interrupted', 'interrupted: nothing was submitted', { exitCode: 130 });
}
