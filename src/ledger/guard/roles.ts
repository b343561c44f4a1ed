export const roles = ['submitter', 'runner', 'admin'] as const;
export type Role = (typeof roles)[number];

/** The patterns of each role, as the settings `dstack.guard.ROLE` have them. */
export type RolePatterns = Readonly<Record<Role, readonly string[]>>;

/**
 * What a user is. A role that nobody is named for is everybody's, but for the admin's, which is nobody's then.
 * Patterns are compared by the letter, with `*` and `?` for any letters and any letter.
 */
export function rolesOf(user: string, patterns: RolePatterns): ReadonlySet<Role> {
  return new Set(
    roles.filter((role) =>
      patterns[role].length === 0
        ? role !== 'admin'
        : patterns[role].some((pattern) => matches(pattern, user)),
    ),
  );
}

function matches(pattern: string, user: string): boolean {
  const source = pattern
    .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's').test(user);
}

/**
 * Who pushes, by what the server has found out: gitolite, a web server, what a forced command of ssh has set, or else
 * whose account the server's process runs in.
 */
export function pusher(env: Readonly<Record<string, string | undefined>>, account: string): string {
  return env.GL_USER || env.REMOTE_USER || env.DSTACK_USER || account;
}
