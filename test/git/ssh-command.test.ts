import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseSshPlace } from '../../src/git/ssh-command.ts';

test('a repository over ssh has a host and a path, as Git reads its address', () => {
  const at = (host: string, path: string, port: string | null = null) => ({ host, path, port });
  const places: [string, ReturnType<typeof at> | null][] = [
    ['ssh://ann@host:2222/srv/a.git', at('ann@host', '/srv/a.git', '2222')],
    ['ssh://host/~/a.git', at('host', '~/a.git')],
    ['ssh://[::1]:22/srv/a b', at('::1', '/srv/a b', '22')],
    ['ssh://host/srv/a%20b%27', at('host', "/srv/a b'")],
    ['git+ssh://host/srv/a', at('host', '/srv/a')],
    ['ann@host:a.git', at('ann@host', 'a.git')],
    ['host:/srv/a:b', at('host', '/srv/a:b')],
    ['[host:77]:a', at('host', 'a', '77')],
    ['ssh://host/srv/%zz', null],
    ['ssh://host', null],
    ['ssh://-oProxyCommand=evil/srv/a', null],
    ['host:-evil', null],
    ['https://host/a.git', null],
    ['/srv/a.git', null],
    ['./a:b', null],
  ];
  for (const [address, place] of places) assert.equal(parseSshPlace(address), place, address);
});

test.run();
