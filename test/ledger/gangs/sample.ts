import type { Gang, NodeFile } from '../../../src/ledger/gangs/formats.ts';
import type { NodeTip, QueueEntry } from '../../../src/ledger/live.ts';
import { jobSpec } from '../sample-spec.ts';

/** A job for several nodes as it waits in the queue. */
export function gangEntry(job: string, nodes: number, more: Partial<QueueEntry> = {}): QueueEntry {
  return {
    id: { run: 'r', job },
    commit: `queue-${job}`,
    runCommit: 'run-commit',
    blob: `blob-${job}`,
    submittedAt: 0,
    job: {
      format: 1,
      run: 'r',
      useCache: true,
      cacheKey: null,
      spec: jobSpec(job, { nodes }),
    },
    ...more,
  };
}

/** A runner's part in such a job. */
export function nodeTip(job: string, runner: string, more: Partial<NodeFile> = {}): NodeTip {
  return {
    id: { run: 'r', job },
    commit: `node-${job}-${runner}`,
    node: {
      format: 1,
      run: 'r',
      job,
      runner,
      host: runner,
      instance: `instance-of-${runner}`,
      nonce: 'n',
      lease: 60,
      queue: `queue-${job}`,
      offer: `offer-of-${runner}`,
      gang: null,
      state: 'offered',
      detail: null,
      end: null,
      ...more,
    },
  };
}

export function nodesByKey(...tips: NodeTip[]): Map<string, NodeTip> {
  return new Map(tips.map((tip) => [`r/${tip.id.job}@${tip.node.runner}`, tip]));
}

export function sampleGang(runners: readonly string[], more: Partial<Gang> = {}): Gang {
  return {
    id: 'g',
    address: '10.0.0.7',
    port: 29_500,
    members: runners.map((runner) => ({ runner, offer: `offer-of-${runner}` })),
    phase: 'gathering',
    ...more,
  };
}
