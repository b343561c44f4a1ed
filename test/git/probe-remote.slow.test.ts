import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { greet, pushOvertaken, readGreeting } from '../../src/git/probe-remote.ts';
import { initBareRepository } from '../../src/git/repository.ts';
import { scratchFolder, scratchProject } from './scratch-repository.ts';

const test = suite('what a remote says of itself');

const line = (who: string, words: string) => `12:00:00.000000 pkt-line.c:80 packet: ${who}${words}\n`;

test('a greeting of version 2 comes line by line', () => {
  const trace = [
    line('  upload-pack> ', 'agent=git/9.9'),
    line('    ls-remote< ', 'version 2'),
    line('    ls-remote< ', 'agent=git/github-1234'),
    line('    ls-remote< ', 'object-format=sha256'),
    line('    ls-remote> ', 'agent=git/2.39.5'),
  ].join('');
  assert.equal(readGreeting(trace), { protocol: 2, agent: 'git/github-1234', objectFormat: 'sha256' });
});

test('one of version 0 comes after the first ref, and an agent may not be named', () => {
  const first = `${'a'.repeat(40)} HEAD\\0multi_ack symref=HEAD:refs/heads/main`;
  assert.equal(readGreeting(line('          git< ', `${first} object-format=sha1 agent=JGit/5.1`)), {
    protocol: 0,
    agent: 'JGit/5.1',
    objectFormat: 'sha1',
  });
  assert.is(readGreeting(line('          git< ', first)).agent, null);
  // A ref's name is no word of the host's.
  assert.is(readGreeting(line('          git< ', `${'a'.repeat(40)} refs/heads/agent=x`)).agent, null);
});

test("a remote is asked, and what it isn't is told", async () => {
  const { path } = scratchProject();
  const local = await initBareRepository(join(scratchFolder(), 'own.git'));
  const answer = await greet(local, path);
  assert.is('greeting' in answer && answer.greeting.protocol, 2);
  const failed = await greet(local, join(path, 'nothing'));
  assert.is('failure' in failed && failed.failure.code, 'unreachable');
});

test("the push that comes in between wins, and runs no hook of the user's", async () => {
  const project = scratchProject();
  const shared = await initBareRepository(join(scratchFolder(), 'shared.git'));
  const local = { gitDir: project.git('rev-parse', '--absolute-git-dir') };
  const commit = (message: string) => project.git('commit-tree', '-m', message, 'HEAD^{tree}');
  const [before, mine, theirs] = [commit('before'), commit('mine'), commit('theirs')];
  const ref = 'refs/x/y';
  project.git('push', '--quiet', shared.gitDir, `${before}:${ref}`);
  project.write('.git/hooks/pre-push', '#!/bin/sh\ntouch ran\nexit 1\n', 0o755);
  const result = await pushOvertaken(local, shared.gitDir, [{ ref, from: before, to: mine }], {
    overtaking: [{ ref, from: before, to: theirs }],
    atomic: false,
  });
  assert.is(result.overtaken, true);
  assert.is(result.failure === null, false);
  assert.is(project.git('ls-remote', shared.gitDir, ref).split('\t')[0], theirs);
  assert.is(project.git('status', '--porcelain'), '');
});

test('if the one in between fails, nothing is pushed', async () => {
  const project = scratchProject();
  const shared = await initBareRepository(join(scratchFolder(), 'shared.git'));
  const local = { gitDir: project.git('rev-parse', '--absolute-git-dir') };
  const head = project.git('rev-parse', 'HEAD');
  const update = { ref: 'refs/x/y', from: null, to: head };
  const result = await pushOvertaken(local, shared.gitDir, [update], {
    overtaking: [{ ref: 'refs/x/z', from: head, to: null }],
    atomic: false,
  });
  assert.is(result.overtaken, false);
  assert.is(result.failure === null, false);
  assert.is(project.git('ls-remote', shared.gitDir), '');
});

test.run();
