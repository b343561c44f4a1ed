import { interpolate, type Scope } from './interpolation.ts';
import { defaultRequirements, type JobSpec, type RetryReason } from './job-spec.ts';
import { quoted, type Report } from './problems.ts';
import {
  parseBoolean,
  parseCpus,
  parseDuration,
  parseSize,
  parseWhole,
  type Quantity,
} from './quantities.ts';
import type { Gpu } from './resources.ts';
import type { LocatedText } from './source.ts';
import type { Ports } from './workflow-keys.ts';
import type { Workflow } from './workflows.ts';

/** Where the ports of a workflow begin that says only how many it needs. */
const firstPort = 3000;
const mostPorts = 100;
const mostGpus = 1000;
const mostRetries = 100;

export type Requirements = Pick<JobSpec, 'resources' | 'ports' | 'timeout' | 'retry' | 'labels'>;

/** What a job needs of the machine that runs it, with all variables put in. After a report it is of no use. */
export function createRequirements(workflow: Workflow, scope: Scope, report: Report): Requirements {
  const quantity = <T>(
    written: LocatedText | null | undefined,
    what: string,
    parse: (text: string) => Quantity<T>,
  ): T | null => {
    const text = written ? interpolate(written, scope, report) : null;
    if (text === null) return null;
    const found = parse(text.trim());
    if ('value' in found) return found.value;
    report({ span: written!.span, message: `${quoted(text)} can't be ${what}; ${found.expected}` });
    return null;
  };
  const text = (written: LocatedText | null) => written && interpolate(written, scope, report);
  const whole = (least: number, most: number) => (text: string) => parseWhole(text, least, most);

  const createGpu = (gpu: Gpu): JobSpec['resources']['gpu'] => {
    const count = gpu.count ? quantity(gpu.count, 'a number of GPUs', whole(0, mostGpus)) : 1;
    const name = text(gpu.name);
    const memory = quantity(gpu.memory, 'a size of memory', parseSize);
    return count ? { count, name, memory } : null;
  };
  const createPorts = (ports: Ports): number[] => {
    if ('count' in ports) {
      const count = quantity(ports.count, 'a number of ports', whole(0, mostPorts)) ?? 0;
      return Array.from({ length: count }, (_, i) => firstPort + i);
    }
    const found = new Map<number, LocatedText>();
    for (const written of ports.list) {
      const port = quantity(written, 'a port', whole(1, 65_535));
      if (port === null) continue;
      const first = found.get(port);
      if (first) {
        const notes = [{ span: first.span, message: 'the first one' }];
        report({ span: written.span, message: `the port ${port} is here twice`, notes });
      }
      found.set(port, written);
    }
    return [...found.keys()];
  };

  const { resources, ports, timeout, retry, labels } = workflow;
  const { limit, on } = defaultRequirements.retry;
  return {
    resources: {
      cpu: quantity(resources?.cpu, 'a number of CPUs', parseCpus),
      memory: quantity(resources?.memory, 'a size of memory', parseSize),
      shmSize: quantity(resources?.shmSize, 'a size of shared memory', parseSize),
      gpu: resources?.gpu ? createGpu(resources.gpu) : null,
      interruptible: quantity(resources?.interruptible, 'an answer', parseBoolean) ?? false,
    },
    ports: ports ? createPorts(ports) : [],
    timeout: quantity(timeout, 'a timeout', parseDuration),
    retry: {
      limit: quantity(retry?.limit, 'a number of retries', whole(0, mostRetries)) ?? limit,
      on: retry?.on ? ([...new Set(retry.on.map((reason) => reason.text))] as RetryReason[]) : on,
    },
    labels: Object.fromEntries(labels.map(({ name, value }) => [name.text, text(value) ?? ''])),
  };
}

/** Where a workflow that says only how many ports it needs finds them: `PORT_0`, `PORT_1`, … */
export function portVariables(workflow: Workflow, ports: readonly number[]): [name: string, value: string][] {
  if (!workflow.ports || !('count' in workflow.ports)) return [];
  return ports.map((port, i) => [`PORT_${i}`, String(port)]);
}
