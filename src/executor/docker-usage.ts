import type Docker from 'dockerode';
import { answerOf } from './docker-client.ts';
import type { UsageReading } from './executor.ts';

/** An answer that comes later is of no use. */
const answerMs = 10_000;

/** What Docker's engine tells of a container now, without waiting for a second look of its own. */
export async function readContainerUsage(
  container: Docker.Container,
  startedAt: number,
): Promise<UsageReading | null> {
  const stats = await answerOf(container.stats({ stream: false, 'one-shot': true }), answerMs);
  return usageOf(stats, (performance.now() - startedAt) / 1000);
}

/** The part of Docker's statistics that is read here; which of it is there depends on the kernel and the network. */
export interface ContainerStats {
  readonly cpu_stats?: { readonly cpu_usage?: { readonly total_usage?: number } };
  readonly memory_stats?: {
    readonly usage?: number;
    readonly stats?: Readonly<Partial<Record<'inactive_file' | 'total_inactive_file', number>>>;
  };
  readonly blkio_stats?: {
    readonly io_service_bytes_recursive?: readonly { readonly op?: string; readonly value?: number }[] | null;
  };
  readonly networks?: Readonly<Record<string, { readonly rx_bytes?: number; readonly tx_bytes?: number }>>;
}

/** Null: the container has ended. Pure. */
export function usageOf(stats: ContainerStats, seconds: number): UsageReading | null {
  const cpu = stats.cpu_stats?.cpu_usage?.total_usage;
  const { usage, stats: parts } = stats.memory_stats ?? {};
  if (!cpu || usage === undefined) return null;
  // What the kernel would give up at once for anybody is not the job's need: cached files.
  const cached = parts?.inactive_file ?? parts?.total_inactive_file ?? 0;
  const moved = stats.blkio_stats?.io_service_bytes_recursive ?? [];
  const sumOf = (wanted: string) =>
    moved.reduce((sum, { op, value }) => sum + (op?.toLowerCase() === wanted ? (value ?? 0) : 0), 0);
  const networks = stats.networks && Object.values(stats.networks);
  return {
    seconds,
    cpu: cpu / 1e9,
    memory: Math.max(0, usage - cached),
    disk: moved.length > 0 ? { read: sumOf('read'), written: sumOf('write') } : null,
    network: networks
      ? {
          received: networks.reduce((sum, { rx_bytes: bytes = 0 }) => sum + bytes, 0),
          sent: networks.reduce((sum, { tx_bytes: bytes = 0 }) => sum + bytes, 0),
        }
      : null,
  };
}
