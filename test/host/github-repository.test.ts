import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findGitHub } from '../../src/host/github-repository.ts';

const found = (address: string, env: NodeJS.ProcessEnv = {}) => {
  const repository = findGitHub(address, env);
  return repository && `${repository.owner} ${repository.name} ${repository.api}`;
};

test('every way to write a repository on github.com', () => {
  for (const address of [
    'https://github.com/octocat/Hello-World',
    'https://github.com/octocat/Hello-World.git/',
    'https://user:password@github.com/octocat/Hello-World.git',
    'https://WWW.GitHub.com/octocat/Hello-World',
    'git@github.com:octocat/Hello-World.git',
    'github.com:octocat/Hello-World',
    'ssh://git@github.com/octocat/Hello-World.git',
    'ssh://git@ssh.github.com:443/octocat/Hello-World.git',
    'git://github.com/octocat/Hello-World.git',
  ])
    assert.is(found(address), 'octocat Hello-World https://api.github.com', address);
  assert.is(found('https://github.com/o/a.git.git'), 'o a.git https://api.github.com');
});

test('what is not on GitHub, or no repository', () => {
  for (const address of [
    '/srv/github.com/octocat/x.git',
    '../github.com:octocat/x',
    'https://gitlab.com/octocat/x',
    'https://github.com.example.org/octocat/x',
    'https://example.org/github.com/octocat/x',
    'https://github.com@example.org/octocat/x',
    'git@example.org:octocat/x',
    'https://github.com/octocat',
    'https://github.com/octocat/x/y',
    'https://github.com/octocat/..',
    'https://github.com/-o/x',
    'https://github.com/o%2Fp/x',
    'file:///github.com/o/x',
    'https://',
    '',
  ])
    assert.is(found(address), null, address);
});

test('the Enterprise Server that the environment names, and data residency', () => {
  const address = 'git@git.example.org:team/model.git';
  assert.is(found(address), null);
  assert.is(found(address, { GH_HOST: 'git.example.org' }), 'team model https://git.example.org/api/v3');
  const server = { GITHUB_SERVER_URL: 'https://git.example.org' };
  assert.is(found(address, server), 'team model https://git.example.org/api/v3');
  assert.is(found('https://octo.ghe.com/team/model'), 'team model https://api.octo.ghe.com');
});

test('the address of the API is given for one host: no other one gets the token for it', () => {
  const env = { GITHUB_API_URL: 'https://proxy.example.org/api/' };
  assert.is(found('https://github.com/o/r', env), 'o r https://proxy.example.org/api');
  const server = { ...env, GITHUB_SERVER_URL: 'https://git.example.org' };
  assert.is(found('https://git.example.org/o/r', server), 'o r https://proxy.example.org/api');
  assert.is(found('https://github.com/o/r', server), 'o r https://api.github.com');
  assert.is(found('https://github.com/o/r', { GITHUB_API_URL: 'nonsense' }), 'o r https://api.github.com');
});

test.run();
