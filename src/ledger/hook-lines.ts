/** What `dstack hook listen` prints, line by line. Whatever else there is, a login shell may have said. */
export const hookLines = {
  /** First of all: somebody listens, in this version of these lines. */
  greeting: 'dstack hook 1',
  /** The hook has woken whoever waits for it. */
  wake: 'wake',
  /** So that a connection which is dead can be told from a quiet one. */
  alive: 'alive',
} as const;

/** Something is said so often at least; milliseconds. */
export const heartbeat = 30_000;
