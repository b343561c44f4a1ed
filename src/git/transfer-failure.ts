/** What is known about a push or fetch that failed: for people; no decision of the protocol rests on it. */
export interface TransferFailure {
  readonly code:
    | 'shallow'
    | 'unreachable'
    | 'denied'
    | 'read-only'
    | 'refused-by-hook'
    | 'remote-full'
    /** On this side. */
    | 'disk-full'
    | 'lock'
    | 'failed';
  /** The other side's own words, without Git's decoration. */
  readonly words: string;
  readonly hint: string | undefined;
}

const known: readonly { code: TransferFailure['code']; pattern: RegExp; hint?: string }[] = [
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
    code: 'remote-full',
    pattern:
      /No space left on device|out of diskspace|disk quota|unable to write (sha1|loose|file)|couldn't write '/i,
    hint: 'the disk under the shared repository is full: make room there',
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
    pattern:
      /Permission denied|Authentication failed|could not read Username|access denied|not allowed|403|401/i,
    hint: 'check your credentials: `git ls-remote URL` must work, too',
  },
  {
    code: 'unreachable',
    pattern:
      /does not appear to be a git repository|not a git repository|Could not read from remote|Could not resolve host|Connection (refused|timed out|reset|closed)|unable to access|No such file or directory|repository .* not found|hung up unexpectedly|Network is unreachable/i,
    hint: 'check the address (`remote` in .dstackrc, or `git remote -v`) and the network, then try again',
  },
];

/** Reads a failed transfer's standard error. */
export function explainTransferFailure(stderr: string): TransferFailure {
  const lines = stderr
    .split('\n')
    .map((line) => line.replace(/^(fatal|error|remote): ?/, '').trim())
    .filter(
      (line) =>
        line && !/^(hint:|To |Everything up-to-date|Please make sure|and the repository exists)/.test(line),
    );
  const found = known.find(({ pattern }) => pattern.test(stderr));
  return {
    code: found?.code ?? 'failed',
    words: [...new Set(lines)].slice(0, 4).join('; ') || 'no reason given',
    hint: found?.hint,
  };
}
