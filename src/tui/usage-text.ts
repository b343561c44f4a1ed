import { formatDuration } from '../human-units.ts';
import { jobName } from '../ledger/refs.ts';
import type { Usage, UsageSeries } from '../ledger/usage.ts';
import { formatBytes } from './duration.ts';
import { formatTable, type TableOptions } from './table.ts';

/** `3.2GB of 16GB memory, 2.1 of 4 CPUs, GPU 87%`: of memory the most, of the others the mean. */
export function describeUsage({ memory, cpu, gpu }: Usage): string {
  return [
    `${formatBytes(memory.peak)}${memory.limit === undefined ? '' : ` of ${formatBytes(memory.limit)}`} memory`,
    `${cpus(cpu.mean)}${cpu.limit === undefined ? '' : ` of ${cpus(cpu.limit)}`} CPUs`,
    ...(gpu ? [describeGpus(gpu)] : []),
  ].join(', ');
}

export interface UsingJob {
  readonly run: string;
  readonly job: string;
  readonly usage: Usage;
  readonly series: UsageSeries | null;
}

/** A table of what jobs have used of their machines; `bars`: with a small picture of it over time. */
export function usageTable(
  jobs: readonly UsingJob[],
  options: TableOptions & { readonly bars?: boolean | undefined } = {},
): string {
  const rows = jobs.map(({ run, job, usage, series }) => {
    const { cpu, memory, gpu, disk, network } = usage;
    const picture = (column: 'cpu' | 'memory' | 'gpu', full?: number) =>
      options.bars ? bars(series?.points[column] ?? [], full) : '';
    return [
      jobName({ run, job }),
      formatDuration(usage.seconds * 1000),
      `${cpus(cpu.mean)}${cpu.limit === undefined ? '' : ` of ${cpus(cpu.limit)}`}`,
      cpus(cpu.peak),
      picture('cpu', cpu.limit),
      `${formatBytes(memory.peak)}${memory.limit === undefined ? '' : ` of ${formatBytes(memory.limit)}`}`,
      picture('memory', memory.limit),
      gpu ? describeGpus(gpu).replace(/^\S+ /, gpu.count > 1 ? `${gpu.count}: ` : '') : '',
      picture('gpu', 100),
      disk ? formatBytes(disk.read) : '',
      disk ? formatBytes(disk.written) : '',
      network ? formatBytes(network.received) : '',
      network ? formatBytes(network.sent) : '',
    ];
  });
  return formatTable(
    [
      { title: 'JOB', least: 8 },
      { title: 'TIME', optional: true },
      { title: 'CPUS' },
      { title: 'PEAK', optional: true },
      { title: '', optional: true },
      { title: 'MEMORY' },
      { title: '', optional: true },
      { title: 'GPU' },
      { title: '', optional: true },
      { title: 'READ', optional: true },
      { title: 'WRITTEN', optional: true },
      { title: 'RECEIVED', optional: true },
      { title: 'SENT', optional: true },
    ],
    rows,
    options,
  );
}

function describeGpus({ count, mean, memory }: NonNullable<Usage['gpu']>): string {
  const parts = [mean === null ? null : `${Math.round(mean)}%`, memory === null ? null : formatBytes(memory)];
  return `${count > 1 ? `${count} GPUs` : 'GPU'} ${parts.filter(Boolean).join(' ') || '?'}`;
}

function cpus(count: number): string {
  return String(Number(count.toFixed(count < 10 ? 1 : 0)));
}

const heights = '▁▂▃▄▅▆▇█';
const mostBars = 16;

/**
 * A bar for each part of a series, its height by the largest value in it; a space where nothing was seen.
 * @param full what the highest bar stands for; otherwise the largest value of all
 */
export function bars(values: readonly (number | null)[], full?: number): string {
  const wide = Math.max(1, Math.ceil(values.length / mostBars));
  const parts = Array.from({ length: Math.ceil(values.length / wide) }, (_, index) => {
    const seen = values.slice(index * wide, (index + 1) * wide).filter((value) => value !== null);
    return seen.length > 0 ? Math.max(...seen) : null;
  });
  const most = Math.max(full ?? 0, ...parts.map((part) => part ?? 0));
  return parts
    .map((part) => {
      if (part === null) return ' ';
      return heights[most > 0 ? Math.min(7, Math.floor((part / most) * 8)) : 0];
    })
    .join('')
    .trimEnd();
}
