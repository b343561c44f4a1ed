import { isFinal, isSuccess, type JobView, type RunView } from '../../ledger/state.ts';
import { jobReason } from '../../tui/describe.ts';
import type { RunAnswer } from '../answer-types.ts';
import { ArtifactsPanel } from './artifacts-panel.tsx';
import { useKeys } from './keys.ts';
import { LogView } from './log-view.tsx';
import { MetricsCharts } from './metrics-charts.tsx';
import { ParametersPanel } from './parameters-panel.tsx';
import { goTo, linkTo } from './route.ts';
import { durationText, queued } from './run-page.tsx';
import { UsagePanel } from './usage-panel.tsx';
import { useAnswer } from './use-answer.ts';
import { Fact, Facts, Failure, State, Trail, useNow, Waiting } from './words.tsx';

const panels = [
  ['log', 'Log'],
  ['metrics', 'Metrics'],
  ['machine', 'Machine'],
  ['artifacts', 'Artifacts'],
  ['parameters', 'Parameters'],
] as const;

type PanelName = (typeof panels)[number][0];

export function JobPage(props: { run: string; job: string; panel: string; version: string }) {
  const { run, job: name, version } = props;
  const panel = panels.find(([key]) => key === props.panel)?.[0] ?? 'log';
  const { answer, error } = useAnswer<RunAnswer>(['run', run], version);
  const job = answer?.run.jobs.find((one) => one.name === name);
  return (
    <main class={panel === 'log' ? 'fills' : ''}>
      <Trail
        parts={[
          ['Runs', []],
          [run, ['run', run]],
          [name, ['job', run, name]],
        ]}
      />
      <h1>
        {name} {job ? <State state={job.state} stopping={job.stopping && !isFinal(job.state)} /> : null}
      </h1>
      {error ? <Failure error={error} /> : null}
      {!answer && !error ? <Waiting what="Reading the run" /> : null}
      {answer && !job ? <p class="failure">{`${run} has no job ${name}.`}</p> : null}
      {answer && job ? (
        <Job
          run={answer.run}
          job={job}
          panel={panel}
          version={version}
          pruned={answer.pruned[name] ?? null}
        />
      ) : null}
    </main>
  );
}

function Job(props: {
  run: RunView;
  job: JobView;
  panel: PanelName;
  version: string;
  pruned: string | null;
}) {
  const { run, job, panel, version, pruned } = props;
  const ended = isFinal(job.state);
  const now = useNow(!ended);
  const reason = jobReason(job);
  const source = job.cachedFrom;
  useKeys([
    ...panels.map(([key, title], index) => ({
      keys: [String(index + 1)],
      does: title.toLowerCase(),
      run: () => goTo(['job', run.name, job.name, key]),
    })),
    { keys: ['u'], does: 'back to the run', run: () => goTo(['run', run.name]) },
  ]);
  return (
    <>
      {reason !== null && ended && !isSuccess(job.state) ? <p class="failure">{reason}</p> : null}
      <Facts>
        <Fact name="Waits">{ended ? null : reason}</Fact>
        <Fact name="Time">{durationText(job, now)}</Fact>
        <Fact name="Queued">{queued(job, now)}</Fact>
        <Fact name="Runner">{job.runner}</Fact>
        <Fact name="Attempt">{job.attempt > 1 ? job.attempt : null}</Fact>
        <Fact name="Image">{job.image}</Fact>
        <Fact name="Exit code">{job.exitCode || null}</Fact>
        <Fact name="Result of">
          {source ? (
            <a href={linkTo(['job', source.run, source.job])}>
              {source.run}/{source.job}
            </a>
          ) : null}
        </Fact>
      </Facts>
      <nav class="tabs" aria-label="Of this job">
        {panels.map(([key, title]) => (
          <a
            key={key}
            href={linkTo(['job', run.name, job.name, key])}
            aria-current={key === panel ? 'page' : undefined}
          >
            {title}
          </a>
        ))}
      </nav>
      {panel === 'log' ? <LogView key={job.claimedAt} run={run.name} job={job} /> : null}
      {panel === 'metrics' ? <MetricsCharts runs={[run.name]} job={job.name} versions={version} /> : null}
      {panel === 'machine' ? <UsagePanel run={run.name} job={job} /> : null}
      {panel === 'artifacts' ? <ArtifactsPanel run={run.name} job={job} pruned={pruned} /> : null}
      {panel === 'parameters' ? <ParametersPanel run={run.name} job={job} /> : null}
    </>
  );
}
