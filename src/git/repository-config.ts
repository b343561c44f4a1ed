import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Repository } from './repository.ts';
import { git } from './run-git.ts';

/** A repository's settings, those of this user and machine included: lower-case key → values, the last one counts. */
export type RepositoryConfig = ReadonlyMap<string, readonly string[]>;

/**
 * Reads the settings of a repository, and again whenever its own file has changed.
 * @throws DstackError `git-failed`
 */
export function openRepositoryConfig({
  gitDir,
  commonDir,
}: Pick<Repository, 'gitDir' | 'commonDir'>): () => Promise<RepositoryConfig> {
  let known: { stamp: string; config: RepositoryConfig } | null = null;
  return async () => {
    const stamp = fileStamp(join(commonDir, 'config'));
    if (known === null || known.stamp !== stamp) {
      const text = await git(['config', '--list', '-z', '--show-scope'], { gitDir });
      known = { stamp, config: parseConfig(text) };
    }
    return known.config;
  };
}

/** A text that changes whenever a file does, unless within the clock's grain to one of the same size; empty if it isn't there. */
export function fileStamp(path: string): string {
  try {
    const { ino, size, mtimeNs, mode } = statSync(path, { bigint: true });
    return `${ino} ${size} ${mtimeNs} ${mode}`;
  } catch {
    return '';
  }
}

function parseConfig(text: string): RepositoryConfig {
  const config = new Map<string, string[]>();
  const fields = text.split('\0');
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [scope, record = ''] = fields.slice(at, at + 2);
    // What this call is told, and its environment: a push leaves neither to the receiving side.
    if (scope === 'command') continue;
    const end = record.indexOf('\n');
    const key = (end < 0 ? record : record.slice(0, end)).toLowerCase();
    config.set(key, [...(config.get(key) ?? []), end < 0 ? 'true' : record.slice(end + 1)]);
  }
  return config;
}
