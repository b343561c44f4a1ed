import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { JobSpec } from '../../src/language/job-spec.ts';
import { type Action, decide } from '../../src/ledger/decide.ts';
import type { ClaimFile, RecordFile } from '../../src/ledger/formats.ts';
import type { Live, QueueEntry } from '../../src/ledger/live.ts';
import { watchSilence } from '../../src/ledger/silence.ts';
import { dependsOn, jobSpec, sampleClaim, sampleRecord } from './support.ts';

const run = 'r';
const key = (job: string) => `${run}/${job}`;

function entry(job: string, ...dependencies: string[]): QueueEntry {
  return {
    id: { run, job },
    commit: `queue-${job}`,
    runCommit: 'run-commit',
    submittedAt: 0,
    blob: `blob-${job}`,
    job: { format: 1, run, spec: jobSpec(job, dependsOn(...dependencies)), useCache: true, cacheKey: null },
  };
}

/** The same, with other rules about further attempts. */
function retrying(job: string, retry: JobSpec['retry']): QueueEntry {
  const one = entry(job);
  return { ...one, job: { ...one.job, spec: { ...one.job.spec, retry } } };
}

interface Scene {
  queue?: QueueEntry[];
  claims?: Record<string, Partial<ClaimFile> | { finished: RecordFile['state'] }>;
  stops?: Record<string, { abort?: boolean; queue?: string }>;
  outcomes?: Record<string, RecordFile['state']>;
  unreadable?: string[];
  /** Seconds for which no claim has changed. */
  silent?: number;
  own?: string[];
}

const reasons: Partial<Record<RecordFile['state'], string>> = {
  failed: 'exit code 3',
  stopped: 'stopped by Ada',
  aborted: 'aborted by Ada',
  skipped: 'root failed: exit code 3',
};

function record(job: string, state: RecordFile['state']): RecordFile {
  return sampleRecord({ run, job, state, reason: reasons[state] ?? null });
}

function actions(scene: Scene): Action[] {
  const live: Live = {
    queue: new Map((scene.queue ?? []).map((one) => [key(one.id.job), one])),
    claims: new Map(
      Object.entries(scene.claims ?? {}).map(([job, claim]) => [
        key(job),
        'finished' in claim
          ? { kind: 'finished', commit: `claim-${job}`, record: record(job, claim.finished) }
          : { kind: 'claim', commit: `claim-${job}`, claim: sampleClaim({ run, job, ...claim }) },
      ]),
    ),
    stops: new Map(
      Object.entries(scene.stops ?? {}).map(([job, { abort = false, queue = `queue-${job}` }]) => [
        key(job),
        { commit: `stop-${job}`, stop: { format: 1, run, job, queue, abort, by: 'Ada', nonce: 'n' } },
      ]),
    ),
    finished: new Map(
      Object.entries(scene.outcomes ?? {}).map(([job, state]) => [
        key(job),
        { commit: `job-${job}`, record: record(job, state) },
      ]),
    ),
    nodes: new Map(),
    problems: new Map(),
    unreadableClaims: new Set((scene.unreadable ?? []).map(key)),
  };
  const silence = watchSilence();
  const tips = new Map([...live.claims].map(([name, tip]) => [name, tip.commit]));
  silence.observe(tips, 0, 0);
  silence.observe(tips, scene.silent ?? 0, scene.silent ?? 0);
  return decide(live, silence, new Set((scene.own ?? []).map(key)));
}

/** Each action in words. */
function words(scene: Scene): string[] {
  return actions(scene).map((action) => {
    const job = 'entry' in action ? action.entry.id.job : action.id.job;
    const over = 'over' in action && action.over ? ` over ${action.over.commit}` : '';
    const more =
      action.do === 'skip' ? `: ${action.because}` : action.do === 'stop' && action.abort ? ' at once' : '';
    return `${action.do} ${job}${over}${more}`;
  });
}

const train = entry('train');
const report = entry('report', 'train');

const rules: [string, Scene, string[]][] = [
  ['an empty ledger asks for nothing', {}, []],
  ['a job that waits for nothing is executed', { queue: [train] }, ['execute train']],
  ['a job waits for what it depends on', { queue: [train, report] }, ['execute train']],
  [
    'a job follows a dependency that rests as done',
    { queue: [report], outcomes: { train: 'done' } },
    ['execute report'],
  ],
  [
    'a job follows a dependency that is cached',
    { queue: [report], outcomes: { train: 'cached' } },
    ['execute report'],
  ],
  [
    'a job follows a dependency that has finished and is not settled',
    { queue: [train, report], claims: { train: { finished: 'done' } } },
    ['settle train', 'execute report'],
  ],
  ['a dependency that is in neither place is unknown, so nothing is decided', { queue: [report] }, []],
  ...(
    [
      ['failed', 'train failed: exit code 3'],
      ['stopped', 'train was stopped by Ada'],
      ['aborted', 'train was aborted by Ada'],
    ] as const
  ).map(([state, words]): [string, Scene, string[]] => [
    `a job is skipped because its dependency is ${state}`,
    { queue: [report], outcomes: { train: state } },
    [`skip report: ${words}`],
  ]),
  [
    'a job whose dependency was skipped says which failed in the first place',
    { queue: [report], outcomes: { train: 'skipped' } },
    ['skip report: root failed: exit code 3'],
  ],
  [
    'one failed dependency is enough, while another goes on',
    { queue: [entry('all', 'a', 'b'), entry('a')], claims: { a: {} }, outcomes: { b: 'failed' } },
    ['skip all: b failed: exit code 3'],
  ],
  ['a claimed job is left alone', { queue: [train], claims: { train: {} }, silent: 59 }, []],
  [
    'a claim whose lease has run out is taken over',
    { queue: [train], claims: { train: { lease: 60 } }, silent: 60 },
    ['execute train over claim-train'],
  ],
  [
    'the lease is the one that the claim states',
    { queue: [train], claims: { train: { lease: 600 } }, silent: 60 },
    [],
  ],
  [
    'the last attempt is still made',
    { queue: [train], claims: { train: { attempt: 2 } }, silent: 60 },
    ['execute train over claim-train'],
  ],
  [
    'after the last attempt the job is given up on',
    { queue: [train], claims: { train: { attempt: 3 } }, silent: 60 },
    ['give-up train over claim-train'],
  ],
  [
    "the limit of attempts is the job's own",
    {
      queue: [retrying('train', { limit: 5, on: ['runner-lost'] })],
      claims: { train: { attempt: 5 } },
      silent: 60,
    },
    ['execute train over claim-train'],
  ],
  [
    'a job that is not to be tried again when its runner is lost is given up on at once',
    { queue: [retrying('train', { limit: 5, on: ['exit'] })], claims: { train: {} }, silent: 60 },
    ['give-up train over claim-train'],
  ],
  [
    'a job that waits for another attempt gets it after its pause',
    {
      queue: [train],
      claims: { train: { state: 'waiting', lease: 2, detail: 'attempt 1 failed' } },
      silent: 2,
    },
    ['execute train over claim-train'],
  ],
  [
    'a job that waits for another attempt is left alone until then',
    { queue: [train], claims: { train: { state: 'waiting', lease: 2 } }, silent: 1.9 },
    [],
  ],
  [
    'a job that waits is tried again whatever its reasons are: who let it wait knew them',
    {
      queue: [retrying('train', { limit: 1, on: ['exit'] })],
      claims: { train: { state: 'waiting', lease: 2 } },
      silent: 2,
    },
    ['execute train over claim-train'],
  ],
  [
    'no more attempts than the limit follow, whoever let it wait',
    { queue: [train], claims: { train: { state: 'waiting', lease: 2, attempt: 3 } }, silent: 2 },
    ['give-up train over claim-train'],
  ],
  [
    'a stop of a job that waits for another attempt is carried out at once',
    { queue: [train], claims: { train: { state: 'waiting', lease: 2 } }, stops: { train: {} } },
    ['stop train over claim-train'],
  ],
  ['a stop before a claim ends the job', { queue: [train], stops: { train: {} } }, ['stop train']],
  [
    'an abort before a claim ends the job',
    { queue: [train], stops: { train: { abort: true } } },
    ['stop train at once'],
  ],
  [
    'a stop for another queue object is ignored',
    { queue: [train], stops: { train: { queue: 'queue-of-before' } } },
    ['execute train'],
  ],
  [
    'a stop of a job that somebody has is for its runner',
    { queue: [train], claims: { train: {} }, stops: { train: {} } },
    [],
  ],
  [
    'a stop of a job whose runner is silent is carried out over it',
    { queue: [train], claims: { train: {} }, stops: { train: {} }, silent: 60 },
    ['stop train over claim-train'],
  ],
  [
    'a stop comes before waiting and before giving up',
    {
      queue: [report, train],
      claims: { train: { attempt: 3 } },
      stops: { train: {}, report: {} },
      silent: 60,
    },
    ['stop report', 'stop train over claim-train'],
  ],
  [
    'a queue entry beside a record is cleared, never run',
    { queue: [train], outcomes: { train: 'failed' } },
    ['settle train'],
  ],
  [
    'a queue entry beside a record is cleared whatever stop is there',
    { queue: [train], outcomes: { train: 'done' }, stops: { train: {} } },
    ['settle train'],
  ],
  [
    'a finished claim without a queue entry is settled',
    { claims: { train: { finished: 'done' } } },
    ['settle train'],
  ],
  [
    'a lease that came after the end is cleared',
    { claims: { train: {} }, outcomes: { train: 'done' } },
    ['settle train'],
  ],
  [
    'a stop that came after the end is cleared',
    { stops: { train: {} }, outcomes: { train: 'done' } },
    ['settle train'],
  ],
  [
    'what comes after the end of an own job is left to its runner',
    { claims: { train: {} }, stops: { train: {} }, outcomes: { train: 'done' }, own: ['train'] },
    [],
  ],
  [
    'a lease without a queue entry and without a record is left alone',
    { claims: { train: {} }, silent: 99 },
    [],
  ],
  ['own jobs are left alone', { queue: [train], own: ['train'] }, []],
  [
    'own finished claims are left alone',
    { queue: [train], claims: { train: { finished: 'done' } }, own: ['train'] },
    [],
  ],
  [
    "a claim that can not be read is somebody else's, for nobody knows how long",
    { queue: [train], unreadable: ['train'], silent: 10_000 },
    [],
  ],
  [
    'settling comes first, executing last',
    {
      queue: [entry('x'), entry('y', 'failed'), entry('z')],
      claims: { z: { finished: 'done' } },
      outcomes: { failed: 'failed' },
    },
    ['settle z', 'skip y: failed failed: exit code 3', 'execute x'],
  ],
];

for (const [name, scene, expected] of rules) test(name, () => assert.equal(words(scene), expected));

test('a dependency on a job of another run was resolved when this one was submitted', () => {
  const spec = jobSpec('train', { dependsOn: [{ run: 'other', job: 'prepare' }] });
  const one = { ...train, job: { ...train.job, spec } };
  assert.equal(words({ queue: [one] }), ['execute train']);
});

test.run();
