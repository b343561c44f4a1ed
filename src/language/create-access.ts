import type { Capability } from './capabilities.ts';
import { interpolate, type Scope } from './interpolation.ts';
import type { Access } from './job-spec.ts';
import { parseMount } from './mount-paths.ts';
import { quoted, type Report } from './problems.ts';
import type { LocatedText } from './source.ts';
import type { Workflow } from './workflows.ts';

const mostMounts = 100;

/** What a workflow asks of its machine beyond what every container gets; undefined: nothing. */
export function createAccess(
  workflow: Workflow,
  image: string | null,
  scope: Scope,
  report: Report,
): Access | undefined {
  const { mounts, network, capabilities } = workflow;
  const asked: [string, LocatedText | undefined | null][] = [
    ['mounts', mounts[0]],
    ['network', network],
    ['capabilities', capabilities[0]],
  ];
  const first = asked.find(([, written]) => written);
  if (!first?.[1]) return undefined;
  if (image === null) {
    const message = `${quoted(first[0])} is for containers, and without an \`image\` this is a plain process`;
    report({ span: first[1].span, message });
  }
  if (network?.text === 'none' && workflow.ports !== null) {
    report({ span: network.span, message: 'without a network its `ports` could not be reached' });
  }
  if (mounts.length > mostMounts) {
    report({ span: mounts[0]!.span, message: `there are more than ${mostMounts} mounts` });
  }
  return {
    mounts: createMounts(mounts, scope, report),
    network: network === null ? null : (network.text as NonNullable<Access['network']>),
    capabilities: [...new Set(capabilities.map(({ text }) => text as Capability))].sort(),
  };
}

function createMounts(mounts: readonly LocatedText[], scope: Scope, report: Report): Access['mounts'] {
  const targets = new Map<string, LocatedText>();
  return mounts.flatMap((written) => {
    const text = interpolate(written, scope, report);
    if (text === null) return [];
    const mount = parseMount(text);
    if ('fault' in mount) {
      report({ span: written.span, message: `${quoted(text)} can't be a mount: ${mount.fault}` });
      return [];
    }
    const first = targets.get(mount.target);
    if (first) {
      const notes = [{ span: first.span, message: 'the first one' }];
      report({ span: written.span, message: `there are two mounts at ${quoted(mount.target)}`, notes });
    }
    targets.set(mount.target, written);
    return [mount];
  });
}
