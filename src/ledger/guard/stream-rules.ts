import { most } from './limits.ts';
import { type Entry, type PushedObjects, refuse } from './objects.ts';

/** How deep the names of a stream's pieces are. */
const levels = 3;

/**
 * What a job tells, its log first of all, only grows, by pieces whose size is bounded. Folders that have stayed the
 * same are not even read.
 * @throws `refused-by-guard`
 */
export async function checkGrows(
  objects: PushedObjects,
  stream: string,
  before: Entry | undefined,
  after: Entry | undefined,
  level = 1,
): Promise<void> {
  if (before?.id === after?.id) return;
  if (!after) refuse(`a part of its ${stream} is gone`);
  const [old, next] = [
    before ? await objects.tree(before.id) : new Map<string, Entry>(),
    await objects.tree(after.id),
  ];
  for (const [name, entry] of old) {
    const now = next.get(name);
    if (!now || (level === levels && now.id !== entry.id)) refuse(`a part of its ${stream} is gone`);
  }
  const pattern = level === levels ? /^[0-9a-f]{2}\.\d{1,12}(\.stored)?$/ : /^[0-9a-f]{2}$/;
  const numbers = new Set<string>();
  for (const [name, entry] of next) {
    if (!pattern.test(name) || entry.kind !== (level === levels ? 'file' : 'folder'))
      refuse(`its ${stream} has ${JSON.stringify(name.slice(0, 80))}, which is no piece of one`);
    const number = name.slice(0, 2);
    if (numbers.has(number)) refuse(`its ${stream} has a piece twice`);
    numbers.add(number);
    if (level < levels) await checkGrows(objects, stream, old.get(name), entry, level + 1);
    else if (!old.has(name)) await objects.bounded(entry.id, most.chunk, `a piece of its ${stream}`);
  }
}
