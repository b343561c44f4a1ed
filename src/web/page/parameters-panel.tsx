import type { ComponentChildren } from 'preact';
import type { JobView } from '../../ledger/state.ts';
import { formatBytes } from '../../tui/duration.ts';
import type { JobAnswer } from '../answer-types.ts';
import { Scrolled } from './scrolled.tsx';
import { useAnswer } from './use-answer.ts';
import { Fact, Facts, Failure, Waiting } from './words.tsx';

/** What was asked for of a job. */
export function ParametersPanel({ run, job }: { run: string; job: JobView }) {
  const { answer, error } = useAnswer<JobAnswer>(['job', run, job.name], job.state);
  if (error) return <Failure error={error} />;
  if (!answer) return <Waiting what="Reading the job" />;
  const { spec, record } = answer;
  if (!spec) return <p class="quiet">What was asked for can’t be read.</p>;
  return (
    <section aria-label="Parameters">
      <h2>Variables</h2>
      <Pairs label="Variables" pairs={spec.variables} none="It has none." />
      <h2>Commands</h2>
      <Scrolled label="Commands" class="block">
        <pre>{spec.commands.join('\n')}</pre>
      </Scrolled>
      <h2>Environment</h2>
      <Pairs label="Environment" pairs={spec.env} none="Nothing beyond what every job has." />
      <h2>More</h2>
      <Facts>
        {[...asked(spec), ...found(record)].map(([name, value]) => (
          <Fact key={name} name={name}>
            {value}
          </Fact>
        ))}
      </Facts>
    </section>
  );
}

type Spec = NonNullable<JobAnswer['spec']>;
type Named = readonly [string, ComponentChildren];

function asked({
  image,
  resources,
  dependsOn,
  artifacts,
  secrets,
  workingDir,
  timeout,
  metrics,
  labels,
}: Spec): Named[] {
  const { cpu, memory, gpu } = resources;
  const gpuText = gpu && [String(gpu.count), gpu.name, gpu.memory && formatBytes(gpu.memory)].filter(Boolean);
  return [
    ['Image', image ?? 'none: a plain process'],
    ['CPUs', cpu],
    ['Memory', memory === null ? null : formatBytes(memory)],
    ['GPUs', gpuText?.join(' × ')],
    ['After', dependsOn.map((one) => (one.run === null ? one.job : `${one.run}/${one.job}`)).join(', ')],
    ['Artifacts', artifacts.join(', ')],
    ['Secrets', secrets.join(', ')],
    ['Folder', workingDir === '.' ? null : workingDir],
    ['Metrics', metrics],
    ['Time limit', timeout === null ? null : `${timeout} s`],
    [
      'Labels',
      Object.entries(labels)
        .map(([name, value]) => `${name}=${value}`)
        .join(' '),
    ],
  ];
}

function found(record: JobAnswer['record']): Named[] {
  if (!record) return [];
  return [
    ['Host', record.host],
    ['Executor', record.executor],
    ['Image digest', record.imageDigest],
    ['Cache key', record.cacheKey],
  ];
}

function Pairs(props: { label: string; pairs: Readonly<Record<string, string>>; none: string }) {
  const { label, pairs, none } = props;
  const entries = Object.entries(pairs);
  if (entries.length === 0) return <p class="quiet">{none}</p>;
  return (
    <Scrolled label={label}>
      <table>
        <thead>
          <tr>
            <th>Name</th>
            <th>Value</th>
          </tr>
        </thead>
        <tbody>
          {entries.map(([name, value]) => (
            <tr key={name}>
              <td>{name}</td>
              <td class="code">{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolled>
  );
}
