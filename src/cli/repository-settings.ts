import { git, runGit } from '../git/run-git.ts';
import { type RolePatterns, roles } from '../ledger/guard/roles.ts';

/** What a shared repository's own configuration says of dstack in it; its hooks go by it. */
export interface RepositorySettings {
  readonly prefix: string | undefined;
  readonly patterns: RolePatterns;
  readonly ignoresCase: boolean;
}

/** @throws DstackError `git-failed` if the configuration can't be read */
export async function readRepositorySettings(gitDir: string): Promise<RepositorySettings> {
  const args = ['config', '-z', '--get-regexp', '^(dstack\\..*|core\\.ignorecase)$'];
  const { exitCode, stdout } = await runGit(args, { gitDir });
  // 1: there are none. Who must not push is not to be guessed from a file that can't be read.
  if (exitCode > 1) await git(args, { gitDir });
  const values = new Map<string, string[]>();
  for (const entry of stdout.toString('utf8').split('\0').filter(Boolean)) {
    const [key = '', ...value] = entry.split('\n');
    values.set(key, [...(values.get(key) ?? []), value.join('\n')]);
  }
  const entries = roles.map((role) => [role, values.get(`dstack.guard.${role}`) ?? []]);
  return {
    prefix: values.get('dstack.refprefix')?.at(-1)?.replace(/\/$/, '') || undefined,
    patterns: Object.fromEntries(entries),
    ignoresCase: values.get('core.ignorecase')?.at(-1) === 'true',
  };
}
