import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findToken } from '../../src/host/github-token.ts';

const github = { host: 'github.com', api: 'https://api.github.com' };
const server = { host: 'git.example.org', api: 'https://git.example.org/api/v3' };

/** A `gh` that prints a token, or fails, and says what it was asked. */
async function withGh(script: string, body: (env: NodeJS.ProcessEnv) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'gh-'));
  try {
    const file = path.join(folder, 'gh');
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
    await body({ PATH: `${folder}:/usr/bin:/bin` });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("variables first, in the order of GitHub's own command line", () =>
  withGh('echo from-gh', async (env) => {
    assert.is(await findToken(github, { ...env, GH_TOKEN: 'a', GITHUB_TOKEN: 'b' }), 'a');
    assert.is(await findToken(github, { ...env, GITHUB_TOKEN: ' b\n' }), 'b');
    assert.is(await findToken(github, { ...env, GH_ENTERPRISE_TOKEN: 'c', GH_TOKEN: '' }), 'from-gh');
    assert.is(await findToken(server, { ...env, GH_ENTERPRISE_TOKEN: 'c', GH_TOKEN: 'a' }), 'c');
  }));

test('then what `gh` has for that very host', () =>
  withGh('[ "$*" = "auth token --hostname git.example.org" ] && echo for-it', async (env) => {
    assert.is(await findToken(server, env), 'for-it');
    assert.is(await findToken(github, env), null);
  }));

test("what can't be a token is none; nor is there one without `gh`", async () => {
  await withGh('echo "you are not logged in"', async (env) => assert.is(await findToken(github, env), null));
  assert.is(await findToken(github, { PATH: '/nowhere' }), null);
  assert.is(await findToken(github, { PATH: '/nowhere', GITHUB_TOKEN: 'two\nlines' }), null);
});

test('a `gh` that hangs is not waited for by who ends', () =>
  withGh('exec sleep 1000', async (env) => {
    const ending = new AbortController();
    const token = findToken(github, env, ending.signal);
    ending.abort();
    assert.is(await token, null);
  }));

test('no token goes over a network in the clear', async () => {
  const env = { PATH: '/nowhere', GITHUB_TOKEN: 'a' };
  assert.is(await findToken({ host: 'github.com', api: 'http://api.example.org' }, env), null);
  assert.is(await findToken({ host: 'github.com', api: 'http://127.0.0.1.example.org' }, env), null);
  assert.is(await findToken({ host: 'github.com', api: 'http://127.0.0.1:80' }, env), 'a');
});

test.run();
