import type { JobSpec } from '../language/job-spec.ts';
import type { Difference } from './differences.ts';

/** What is compared by itself, or is no setting. */
const others = new Set<string>([
  ...['name', 'workflow', 'image', 'commands', 'env', 'workingDir', 'artifacts', 'variables'],
  ...['dependsOn', 'files', 'metrics'],
]);

/** What a job asks for besides its inputs, and no cache cares about: resources, limits, secrets, labels and the like. */
export function compareSettings(before: JobSpec, after: JobSpec): Difference[] {
  const [old, now] = [settingsOf(before), settingsOf(after)];
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((name): Difference[] => {
    const [was, is] = [old.get(name) ?? null, now.get(name) ?? null];
    return was === is ? [] : [{ kind: 'setting', name, before: was, after: is }];
  });
}

/** By their names in `workflows.yaml`, more or less: `resources.shm-size`. */
function settingsOf(spec: JobSpec): Map<string, string> {
  const found = new Map<string, string>();
  const take = (value: unknown, path: string) => {
    if (value === null || value === undefined || value === false) return;
    if (Array.isArray(value)) {
      if (value.length > 0) found.set(path, value.map(textOf).join(' '));
    } else if (typeof value === 'object') {
      for (const [key, below] of Object.entries(value)) take(below, `${path}.${key}`);
    } else found.set(path, String(value));
  };
  for (const [key, value] of Object.entries(spec)) if (!others.has(key)) take(value, key);
  take(spec.files?.include, 'dependsOn.repo.include');
  take(spec.files?.exclude, 'dependsOn.repo.exclude');
  return new Map([...found].map(([path, text]) => [kebab(path), text]));
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

const kebab = (path: string): string => path.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
