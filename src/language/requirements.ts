import { interpolate, type Scope } from './interpolation.ts';
import { defaultRequirements, type JobSpec, type RetryReason } from './job-spec.ts';
import type { Ports } from './ports.ts';
import { quoted, type Report } from './problems.ts';
import {
  answer,
  cpus,
  duration,
  gpuCount,
  nodeCount,
  port,
  portCount,
  type Quantity,
  retryCount,
  size,
} from './quantities.ts';
import type { Gpu } from './resources.ts';
import type { LocatedText } from './source.ts';
import type { Workflow } from './workflows.ts';

/** Where the ports of a workflow begin that says only how many it needs. */
const firstPort = 3000;

export type Requirements = Pick<JobSpec, 'resources' | 'nodes' | 'ports' | 'timeout' | 'retry' | 'labels'>;

/** What a job needs of the machine that runs it, with all variables put in. After a report it is of no use. */
export function createRequirements(workflow: Workflow, scope: Scope, report: Report): Requirements {
  const quantity = <T>(
    written: LocatedText | null | undefined,
    what: string,
    kind: Quantity<T>,
    advice: (text: string) => string = () => '',
  ): T | null => {
    const text = written ? interpolate(written, scope, report) : null;
    if (text === null) return null;
    const found = kind.parse(text);
    if ('value' in found) return found.value;
    const message = `${quoted(text)} can't be ${what}; ${found.expected}${advice(text)}`;
    report({ span: written!.span, message });
    return null;
  };
  const text = (written: LocatedText | null) => written && interpolate(written, scope, report);

  const createGpu = (gpu: Gpu): JobSpec['resources']['gpu'] => {
    const count = gpu.count ? quantity(gpu.count, 'a number of GPUs', gpuCount, kindOfGpu) : 1;
    const name = text(gpu.name);
    const memory = quantity(gpu.memory, 'a size of memory', size);
    return count ? { count, name, memory } : null;
  };
  const createPorts = (ports: Ports): number[] => {
    if ('count' in ports) {
      const count = quantity(ports.count, 'a number of ports', portCount) ?? 0;
      return Array.from({ length: count }, (_, i) => firstPort + i);
    }
    const found = new Map<number, LocatedText>();
    for (const written of ports.list) {
      const number = quantity(written, 'a port', port);
      if (number === null) continue;
      const first = found.get(number);
      if (first) {
        const notes = [{ span: first.span, message: 'the first one' }];
        report({ span: written.span, message: `the port ${number} is here twice`, notes });
      }
      found.set(number, written);
    }
    return [...found.keys()];
  };

  const { resources, ports, timeout, retry, labels } = workflow;
  const nodes = quantity(workflow.nodes, 'a number of nodes', nodeCount) ?? 1;
  const { limit, on } = defaultRequirements.retry;
  return {
    resources: {
      cpu: quantity(resources?.cpu, 'a number of CPUs', cpus),
      memory: quantity(resources?.memory, 'a size of memory', size),
      shmSize: quantity(resources?.shmSize, 'a size of shared memory', size),
      gpu: resources?.gpu ? createGpu(resources.gpu) : null,
      interruptible: quantity(resources?.interruptible, 'an answer', answer) ?? false,
    },
    ...(nodes > 1 ? { nodes } : {}),
    ports: ports ? createPorts(ports) : [],
    timeout: quantity(timeout, 'a timeout', duration),
    retry: {
      limit: quantity(retry?.limit, 'a number of retries', retryCount) ?? limit,
      on: retry?.on ? ([...new Set(retry.on.map((reason) => reason.text))] as RetryReason[]) : on,
    },
    labels: Object.fromEntries(labels.map(({ name, value }) => [name.text, text(value) ?? ''])),
  };
}

const kindOfGpu = (text: string): string =>
  /^[A-Za-z][\w.-]*$/.test(text) ? `; a kind of GPU is written ${quoted(`{name: ${text}}`)}` : '';

/** Where a workflow that says only how many ports it needs finds them: `PORT_0`, `PORT_1`, … */
export function portVariables(workflow: Workflow, ports: readonly number[]): [name: string, value: string][] {
  if (!workflow.ports || !('count' in workflow.ports)) return [];
  return ports.map((port, i) => [`PORT_${i}`, String(port)]);
}
