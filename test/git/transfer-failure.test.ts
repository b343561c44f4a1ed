import assert from 'node:assert';
import { test } from 'uvu';
import { explainTransferFailure } from '../../src/git/transfer-failure.ts';

// What Git 2.39 and OpenSSH 9.2 really print.
const cases: [text: string, code: string, words: RegExp][] = [
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
  [' ! [remote rejected] a -> a (shallow update not allowed)\n', 'shallow', /shallow update not allowed/],
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
