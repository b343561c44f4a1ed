import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { sshDestination } from '../../src/git/ssh-destination.ts';

test('addresses that Git calls ssh for', () => {
  for (const [address, host, port] of [
    ['ssh://git@example.org/a/b.git', 'git@example.org', null],
    ['ssh://git@example.org:2222/a.git', 'git@example.org', '2222'],
    ['ssh://example.org:/a.git', 'example.org', null],
    ['git+ssh://example.org/~/a.git', 'example.org', null],
    ['ssh://ann@[::1]:22/a', 'ann@::1', '22'],
    ['git@example.org:a/b.git', 'git@example.org', null],
    ['build-host:/srv/a.git', 'build-host', null],
    ['[::1]:a.git', '::1', null],
    ['ann@[example.org:2222]:a.git', 'ann@example.org', '2222'],
  ] as const)
    assert.equal(sshDestination(address), { host, port }, address);
});

test('addresses that it is not called for, and hosts that ssh would take for an option', () => {
  for (const address of [
    '/srv/a.git',
    './a:b',
    '../a.git',
    'a.git',
    'file:///srv/a.git',
    'https://git@example.org:443/a.git',
    'git://example.org/a.git',
    'ssh://-oProxyCommand=x/a.git',
    '-oProxyCommand=x:a.git',
    'ssh:///a.git',
    '',
  ])
    assert.is(sshDestination(address), null, address);
});

test.run();
