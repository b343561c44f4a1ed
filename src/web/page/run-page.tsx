import { formatDuration } from '../../human-units.ts';
import { isFinal, isSuccess, type JobView, type RunView } from '../../ledger/state.ts';
import { describeVariables, jobReason, personName, runReason } from '../../tui/describe.ts';
import { formatAge, formatBytes, jobDuration, runDuration } from '../../tui/duration.ts';
import { unicodeGlyphs } from '../../tui/glyphs.ts';
import { afterOthers, jobTree, treeGuides } from '../../tui/job-tree.ts';
import { describeMeasurements } from '../../tui/metrics-table.ts';
import type { RunAnswer } from '../answer-types.ts';
import { MetricsCharts } from './metrics-charts.tsx';
import { linkTo } from './route.ts';
import { Scrolled } from './scrolled.tsx';
import { useAnswer } from './use-answer.ts';
import { useRowKeys } from './use-row-keys.ts';
import { Fact, Facts, Failure, State, Trail, useNow, Waiting } from './words.tsx';

/** A run: what it is, its jobs, what they measure. */
export function RunPage({ name, version }: { name: string; version: string }) {
  const { answer, error } = useAnswer<RunAnswer>(['run', name], version);
  return (
    <main>
      <Trail
        parts={[
          ['Runs', []],
          [name, ['run', name]],
        ]}
      />
      <h1>
        {name} {answer ? <State state={answer.run.state} /> : null}
      </h1>
      {error ? <Failure error={error} /> : null}
      {answer ? <Run answer={answer} version={version} /> : error ? null : <Waiting what="Reading the run" />}
    </main>
  );
}

function Run({ answer, version }: { answer: RunAnswer; version: string }) {
  const { run, tags, cells } = answer;
  const now = useNow(!isFinal(run.state));
  const time = runDuration(run, now);
  return (
    <>
      {isFinal(run.state) && !isSuccess(run.state) ? <p class="failure">{runReason(run)}</p> : null}
      <Facts>
        <Fact name="Workflow">{run.workflow}</Fact>
        <Fact name="Submitted">{`${formatAge(run.submittedAt, now)} by ${personName(run.submittedBy)}`}</Fact>
        <Fact name="Time">{time === null ? null : formatDuration(time)}</Fact>
        <Fact name="Variables">{describeVariables(run.variables)}</Fact>
        <Fact name="Tags">{tags.join(', ')}</Fact>
        <Fact name="Note">{run.reason}</Fact>
        <Fact name="Code">
          <a href={linkTo(['code', run.name])}>what was not committed</a>{' '}
          <span class="code quiet">{run.commit.slice(0, 10)}</span>
        </Fact>
      </Facts>
      <h2>Jobs</h2>
      <Jobs run={run} cells={cells} now={now} />
      <h2>Metrics</h2>
      <MetricsCharts runs={[run.name]} versions={version} />
    </>
  );
}

function Jobs({ run, cells, now }: { run: RunView; cells: RunAnswer['cells']; now: number }) {
  const rows = jobTree(run.jobs);
  const frame = useRowKeys('job');
  const hasCells = Object.keys(cells).length > 0;
  return (
    <Scrolled label="Jobs" frame={frame}>
      <table>
        <thead>
          <tr>
            <th>Job</th>
            {hasCells ? <th>Matrix</th> : null}
            <th>State</th>
            <th class="number">Queued</th>
            <th class="number">Time</th>
            <th class="wide">Runner</th>
            <th class="number wide">Artifacts</th>
            <th class="details">Result</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((line) => (
            <JobRow
              key={line.job.name}
              line={line}
              run={run.name}
              cells={cells}
              hasCells={hasCells}
              now={now}
            />
          ))}
        </tbody>
      </table>
    </Scrolled>
  );
}

function JobRow(props: {
  line: ReturnType<typeof jobTree<JobView>>[number];
  run: string;
  cells: RunAnswer['cells'];
  hasCells: boolean;
  now: number;
}) {
  const { line, run, cells, hasCells, now } = props;
  const { job } = line;
  return (
    <tr>
      <td>
        <span class="branch" aria-hidden="true">
          {treeGuides(line, unicodeGlyphs)}
        </span>
        <a data-row href={linkTo(['job', run, job.name])}>
          {job.name}
        </a>
        <span class="quiet"> {afterOthers(line)}</span>
      </td>
      {hasCells ? <td class="code">{describeVariables(cells[job.name] ?? {})}</td> : null}
      <td>
        <State state={job.state} stopping={job.stopping && !isFinal(job.state)} />
      </td>
      <td class="number">{queued(job, now)}</td>
      <td class="number">{durationText(job, now)}</td>
      <td class="wide">{job.runner}</td>
      <td class="number wide">{artifactsText(job)}</td>
      <td class="details">
        <Result job={job} />
      </td>
    </tr>
  );
}

/** Why a job is unhappy, or what it measured last. */
function Result({ job }: { job: JobView }) {
  const reason = jobReason(job);
  const unhappy = isFinal(job.state) && !isSuccess(job.state);
  return (
    <>
      {reason === null ? null : <span class={unhappy ? 'bad' : 'quiet'}>{reason} </span>}
      {job.metrics ? <span class="code">{describeMeasurements(job.metrics, 4)}</span> : null}
    </>
  );
}

export function durationText(job: JobView, now: number): string {
  const time = jobDuration(job, now);
  return time === null ? '' : formatDuration(time);
}

/** From its submission to its claim; until then, to now. */
export function queued(job: JobView, now: number): string {
  if (isFinal(job.state) && job.startedAt === null) return '';
  const end = job.claimedAt === null ? now : Date.parse(job.claimedAt);
  const time = end - Date.parse(job.submittedAt);
  return Number.isNaN(time) ? '' : formatDuration(time);
}

function artifactsText(job: JobView): string {
  const there = job.artifacts ?? job.saved;
  return there ? `${there.files} (${formatBytes(there.bytes)})` : '';
}
