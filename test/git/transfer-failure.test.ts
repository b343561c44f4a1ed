import assert from 'node:assert';
import { test } from 'uvu';
import { explainTransferFailure } from '../../src/git/transfer-failure.ts';

// What Git 2.39 and OpenSSH 9.2 really print.
const cases: [text: string, code: string, words: RegExp][] = [
  // What run-git adds.
  ['remote: Counting objects: 3\nfatal: Git was killed (SIGKILL)\n', 'killed', /was killed \(SIGKILL\)/],
  [
    "fatal: '/x/y.git' does not appear to be a git repository\nfatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.\n",
    'unreachable',
    /does not appear/,
  ],
  [
    'ssh: connect to host 127.0.0.1 port 1: Connection refused\nfatal: Could not read from remote repository.\n',
    'unreachable',
    /Connection refused/,
  ],
  [
    'remote: no pushes on Friday        \nTo /x.git\n ! [remote rejected] a -> a (pre-receive hook declined)\nerror: failed to push some refs\n',
    'refused-by-hook',
    /no pushes on Friday/,
  ],
  [
    'remote: fatal: write error: No space left on device\nerror: remote unpack failed\n',
    'remote-full',
    /No space left/,
  ],
  [
    "error: cannot lock ref 'refs/x': Unable to create '/x.git/refs/x.lock': File exists.\n",
    'lock',
    /cannot lock ref/,
  ],
  [
    'git@host: Permission denied (publickey).\nfatal: Could not read from remote repository.\n',
    'denied',
    /publickey/,
  ],
  [
    "remote: error: denying non-fast-forward refs/heads/x (you should pull first)\nTo /x.git\n ! [remote rejected] a -> x (non-fast-forward)\nerror: failed to push some refs to '/x.git'\n",
    'refused-by-host',
    /denying non-fast-forward/,
  ],
  [
    'remote: error: denying ref deletion for refs/heads/x\nTo /x.git\n ! [remote rejected] x (deletion prohibited)\n',
    'refused-by-host',
    /denying ref deletion/,
  ],
  [' ! [remote rejected] a -> refs/x (deny updating a hidden ref)\n', 'refused-by-host', /hidden ref/],
  [
    "remote: error: cannot lock ref 'refs/heads/dstack/runs/a': 'refs/heads/dstack' exists; cannot create 'refs/heads/dstack/runs/a'\n ! [remote rejected] a -> refs/heads/dstack/runs/a (failed to update ref)\n",
    'name-conflict',
    /'refs\/heads\/dstack' exists/,
  ],
  [
    'remote: fatal: pack exceeds maximum allowed size\nerror: remote unpack failed: unpack-objects abnormal exit\n ! [remote rejected] a -> refs/x (unpacker error)\n',
    'refused-by-host',
    /exceeds maximum/,
  ],
  [
    'error: RPC failed; HTTP 413 curl 22 The requested URL returned error: 413\nfatal: the remote end hung up unexpectedly\n',
    'refused-by-host',
    /413/,
  ],
  [
    '@@@@@@@@@@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@@@@@@@@@@@\nIT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!\nHost key for h has changed and you have requested strict checking.\nHost key verification failed.\nfatal: Could not read from remote repository.\n',
    'denied',
    /^Host key for h has changed/,
  ],
  [' ! [remote rejected] a -> a (shallow update not allowed)\n', 'shallow', /shallow update not allowed/],
  [
    'error: RPC failed; HTTP 503 curl 22 The requested URL returned error: 503\nfatal: the remote end hung up unexpectedly\n',
    'busy',
    /503/,
  ],
  ["fatal: unable to access 'https://host/x.git/': The requested URL returned error: 429\n", 'busy', /429/],
  [
    'kex_exchange_identification: Connection closed by remote host\r\nConnection closed by 127.0.0.1 port 2222\r\nfatal: Could not read from remote repository.\n',
    'busy',
    /closed by remote host/,
  ],
  [
    'Received disconnect from 10.0.0.1 port 22:2: Too many authentication failures\r\nfatal: Could not read from remote repository.\n',
    'busy',
    /Too many/,
  ],
  [
    'remote: GitLab: This endpoint has been requested too many times. Try again later.\n ! [remote rejected] a -> a (pre-receive hook declined)\n',
    'busy',
    /requested too many times/,
  ],
  [
    "fatal: unable to access 'http://127.0.0.1:40312/x.git/': Failed to connect to 127.0.0.1 port 40312: Connection refused\n",
    'unreachable',
    /refused/,
  ],
  ["fatal: unable to access 'https://host/x.git/': The requested URL returned error: 403\n", 'denied', /403/],
  [
    'Enumerating objects: 3, done.\nCounting objects:  33% (1/3)\rCounting objects: 100% (3/3), done.\nWriting objects: 100% (3/3), 401 bytes | 401.00 KiB/s, done.\nTotal 3 (delta 0), reused 0 (delta 0), pack-reused 0\nremote: Resolving deltas: 100% (1/1), done.        \nremote: no pushes on Friday        \nTo /x.git\n ! [remote rejected] a -> a (pre-receive hook declined)\n',
    'refused-by-hook',
    /^no pushes on Friday; !/,
  ],
  [
    "remote: Enumerating objects: 9, done.        \nFrom git://127.0.0.1/x\n * [new ref]         refs/a -> refs/b\n   1234567..89abcde  refs/c -> refs/d\nerror: cannot lock ref 'refs/x': is at 1 but expected 2\n",
    'lock',
    /^cannot lock ref/,
  ],
  ['fatal: no sign of progress for 60 s\n', 'unreachable', /no sign of progress/],
  ['', 'failed', /no reason given/],
];

for (const [text, code, words] of cases) {
  test(`${code}: ${text.slice(0, 40).replace(/\n/g, ' ')}`, () => {
    const failure = explainTransferFailure(text);
    assert.equal(failure.code, code);
    assert.match(failure.words, words);
    assert.doesNotMatch(failure.words, /Please make sure|\n/);
  });
}

test.run();
