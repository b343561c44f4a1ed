import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { userIn } from '../../src/executor/image-user.ts';

const passwd = [
  'root:x:0:0:root:/root:/bin/bash',
  'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin',
  'jovyan:x:1000:100::/home/jovyan/:/bin/bash',
  'odd:x:many:few::relative:/bin/sh',
  'odd',
  '',
].join('\n');

test('the user that an image names is looked up by name or number, as Docker does it', () => {
  assert.equal(userIn(passwd, ''), { uid: 0, gid: 0, home: '/root' });
  assert.equal(userIn(passwd, 'jovyan'), { uid: 1000, gid: 100, home: '/home/jovyan/' });
  assert.equal(userIn(passwd, '1000'), userIn(passwd, 'jovyan'));
  assert.equal(userIn(passwd, '1000:50'), { uid: 1000, gid: 50, home: '/home/jovyan/' });
  assert.equal(userIn(passwd, 'nobody:nogroup'), { uid: 65534, gid: 65534, home: '/nonexistent' });
});

test("one who is not listed has Docker's home, and what is no number is none", () => {
  assert.equal(userIn(passwd, '4242'), { uid: 4242, gid: 0, home: '/' });
  assert.equal(userIn('', '0'), { uid: 0, gid: 0, home: '/root' });
  assert.equal(userIn(passwd, 'odd'), { uid: 0, gid: 0, home: '/root' });
});

test.run();
