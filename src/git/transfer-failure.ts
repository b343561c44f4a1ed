/** What is known about a push or fetch that failed: for people; no decision of the protocol rests on it. */
export interface TransferFailure {
  readonly code:
    | 'shallow'
    | 'unreachable'
    | 'busy'
    | 'denied'
    | 'read-only'
    | 'refused-by-hook'
    /** By its settings: a guarded or hidden ref. */
    | 'refused-by-host'
    /** A ref is called as a folder of them would be. */
    | 'name-conflict'
    | 'remote-full'
    /** On this side. */
    | 'disk-full'
    | 'lock'
    /** Our own Git was. */
    | 'killed'
    | 'failed';
  /** The other side's own words, without Git's decoration. */
  readonly words: string;
  readonly hint: string | undefined;
  /** Nothing was sent: not long before, the other side had failed like that. */
  readonly notSent?: true;
}

/** What Git's standard error ends with if we have ended it, for nothing had come from it for too long. */
export const noProgress = 'no sign of progress';

/** What it ends with if somebody else has. */
export const wasKilled = 'Git was killed';

const known: readonly { code: TransferFailure['code']; pattern: RegExp; hint?: string }[] = [
  { code: 'killed', pattern: new RegExp(`^fatal: ${wasKilled} `, 'm'), hint: 'try again' },
  {
    code: 'denied',
    pattern: /dubious ownership/i,
    hint: 'Git distrusts a folder of another owner; the command above makes an exception of it',
  },
  {
    code: 'shallow',
    pattern: /shallow update not allowed/,
    hint: 'this clone is shallow: `git fetch --unshallow`, or allow it there: git config receive.shallowUpdate true',
  },
  {
    code: 'failed',
    pattern: /mismatched algorithms/,
    hint: 'one of the two repositories has SHA-256 objects, the other SHA-1: make them of one kind; a runner finds out at its start',
  },
  {
    code: 'refused-by-host',
    // GitHub and others have their own words.
    pattern: /pack exceeds maximum allowed size|exceeds .*(file size|size) limit|HTTP 413/i,
    hint: 'this host takes no push that large: `.dstackignore` keeps large files out of snapshots; or push the branch first, in parts',
  },
  {
    code: 'remote-full',
    pattern:
      /No space left on device|out of diskspace|disk quota|unable to write (sha1|loose|file)|couldn't write '/i,
    hint: 'the disk under the shared repository is full: make room there',
  },
  {
    // Git does not show `Retry-After`.
    code: 'busy',
    pattern:
      /(returned error:|HTTP) (429|50[0234])\b|rate limit|too (many|frequent) (concurrent |simultaneous )?(requests|connections|sessions|authentication failures)|requested too many times|(kex_exchange|ssh_exchange)_identification: .*(closed|reset)|Not allowed at this time|Exceeded MaxStartups|temporarily unavailable|(try again|retry) later/i,
    hint: 'its host has too much to do, or answers nobody so often: try again in a minute',
  },
  {
    code: 'name-conflict',
    pattern: /'refs\/[^']*' exists; cannot create/,
    hint: 'a ref there has the name of a folder that dstack needs: rename it, or choose another `refPrefix`',
  },
  {
    code: 'refused-by-host',
    pattern: /\((non-fast-forward|deletion prohibited)\)|denying (non-fast-forward|ref deletion)/,
    hint: 'this host guards these refs; say so in .dstackrc: `host: {rewind: false, delete: false}`',
  },
  {
    code: 'refused-by-host',
    pattern: /hidden ref/,
    hint: 'this host may take branches only: `refPrefix: refs/heads/dstack` in .dstackrc',
  },
  {
    code: 'refused-by-hook',
    pattern: /pre-receive hook declined|hook declined|update hook/i,
    hint: 'a hook of the shared repository refused the push; its words are above',
  },
  {
    code: 'lock',
    pattern: /Unable to create '.*\.lock'|cannot lock ref|another git process/i,
    hint: 'if no Git process is running there, a stale *.lock file blocks it: `dstack runner check` names it',
  },
  {
    code: 'read-only',
    pattern:
      /read-only file ?system|insufficient permission|Permission denied.*objects|unable to create temporary|unpacker error/i,
    hint: 'you can read the shared repository but not write to it: ask for write access',
  },
  {
    code: 'denied',
    pattern: /Host key verification failed|No matching host key/i,
    hint: 'ssh does not know this host by that key: call `ssh HOST` once, and compare the key with what its owner says',
  },
  {
    code: 'denied',
    pattern:
      /Permission denied|Authentication failed|could not read Username|access denied|not allowed|(returned error:|HTTP) 40[13]\b/i,
    hint: 'check your credentials: `git ls-remote URL` must work, too',
  },
  {
    code: 'unreachable',
    pattern:
      /does not appear to be a git repository|not a git repository|Could not read from remote|Could not resolve host|Connection (refused|timed out|reset|closed)|unable to access|No such file or directory|repository .* not found|hung up (unexpectedly|upon initial contact)|Network is unreachable|unable to connect|no sign of progress/i,
    hint: 'check the address (`remote` in .dstackrc, or `git remote -v`) and the network, then try again',
  },
];

/** What tells no reason: advice, where to and what, how far it has come (`Writing objects:  50% (1/2)`). */
const decoration =
  /^(hint:|@|IT IS POSSIBLE|Someone could be|It is also possible|The fingerprint for|SHA256:|Please contact your|Add correct host key|remove with:|ssh-keygen |To |From |POST |Everything up-to-date|Please make sure|and the repository exists|([*+=t-] +)?(\[[a-z ]+\]|[0-9a-f]{4,}\.{2,3}[0-9a-f]{4,}) +.* -> |[A-Z][A-Za-z ]+: +\d+(%|, done)|Delta compression using|Total \d)/;

/** Reads a failed transfer's standard error. */
export function explainTransferFailure(stderr: string): TransferFailure {
  const reasons = stderr
    .split(/[\r\n]/)
    .filter((line) => !decoration.test(line.replace(/^remote: ?/, '').trim()))
    .join('\n');
  const lines = reasons
    .split('\n')
    .map((line) => line.replace(/^(fatal|error|remote): ?/, '').trim())
    .filter(Boolean);
  const found = known.find(({ pattern }) => pattern.test(reasons));
  return {
    code: found?.code ?? 'failed',
    words: [...new Set(lines)].slice(0, 4).join('; ') || 'no reason given',
    hint: found?.hint,
  };
}
