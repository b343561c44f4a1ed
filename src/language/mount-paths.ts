/** What Linux allows of a path. */
const longest = 4095;
const control = /[\u0000-\u001f\u007f]/;

/** Why a path can't be the source or the target of a mount, or null if it can: absolute, in its shortest form. */
export function mountPathFault(path: string): string | null {
  if (!path.startsWith('/')) return 'it is not absolute';
  if (path.length > longest) return 'it is longer than a path can be';
  if (control.test(path)) return 'it contains a control character';
  if (path.includes(':')) return 'it contains a colon';
  if (path.split('/').some((part) => part === '..' || part === '.')) return 'it contains `.` or `..`';
  if (/\/\/|.\/$/.test(path)) return 'it has a `/` too many';
  return null;
}

/** Where the container has something of its own. */
const taken = ['/workflow', '/proc', '/sys', '/dev'];

/** Why nothing can be mounted there, besides that. */
export function mountTargetFault(path: string): string | null {
  const fault = mountPathFault(path);
  if (fault !== null) return fault;
  if (path === '/') return 'it would hide the image';
  const inTheWay = taken.find((one) => path === one || path.startsWith(`${one}/`));
  if (inTheWay === '/workflow') return '`/workflow` is the workspace';
  return inTheWay === undefined ? null : `\`${inTheWay}\` is the container's own`;
}

/** A mount as it is written: `SOURCE:TARGET`, `:ro` or `:rw` behind it; read-only if it doesn't say. */
export type ParsedMount =
  | { readonly source: string; readonly target: string; readonly readOnly: boolean }
  | { readonly fault: string };

export function parseMount(text: string): ParsedMount {
  const [source = '', target, mode = 'ro', ...more] = text.split(':');
  if (target === undefined || more.length > 0) {
    return { fault: 'it is written `SOURCE:TARGET`, and `:rw` behind it if the job is to write there' };
  }
  if (mode !== 'ro' && mode !== 'rw') return { fault: 'what follows the target is `ro` or `rw`' };
  const paths = { source: withoutEnd(source), target: withoutEnd(target) };
  const sourceFault = mountPathFault(paths.source);
  if (sourceFault !== null) return { fault: `its source is a path of the machine, and ${sourceFault}` };
  const targetFault = mountTargetFault(paths.target);
  if (targetFault !== null) return { fault: `its target is a path in the container, and ${targetFault}` };
  return { ...paths, readOnly: mode === 'ro' };
}

const withoutEnd = (path: string) => path.replace(/(?<=.)\/$/, '');
