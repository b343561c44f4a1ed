import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ListMultipartUploadsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openStore } from '../../src/store/open-store.ts';
import { freePort } from '../git/free-port.ts';
import type { Call } from './faulty-proxy.ts';
import { bucketTests, serveS3 } from './s3-network.ts';
import { impatient, type S3Subject } from './s3-support.ts';
import { assertAbsent, putProcess, sha256Of } from './store-contract.ts';
import { CREDENTIALS, missing } from './swift.ts';
import { assertFails } from './temp-folder.ts';

const test = suite('s3-faults');
const MIB = 1 << 20;
const s3 = serveS3(test);
const { random } = Math;

test.before(() => {
  // How long the SDK waits before it tries again is drawn, up to half a minute in all: here nearly the shortest times.
  Math.random = () => 0.02;
});
test.after(() => {
  Math.random = random;
});

const check = bucketTests(test, s3);

const isPart = ({ method, path }: Call) => method === 'PUT' && /partNumber=/.test(path);
const isGet = ({ method, path }: Call) => method === 'GET' && /sha256\/..\//.test(path);
const sentInParts = () => s3.proxy.calls.filter(isPart).reduce((sum, { sent }) => sum + sent, 0);

async function randomFile(path: string, size: number): Promise<{ bytes: Buffer; sha256: string }> {
  const bytes = randomBytes(size);
  await writeFile(path, bytes);
  return { bytes, sha256: sha256Of(bytes) };
}

async function assertStored({ store }: S3Subject, sha256: string, copy: string): Promise<void> {
  await store.fetchFile(sha256, copy);
  assert.is(
    createHash('sha256')
      .update(await readFile(copy))
      .digest('hex'),
    sha256,
  );
}

check('after a SIGKILL in the middle of an upload only the rest is sent', async (subject, folder) => {
  const file = join(folder, 'file');
  const { sha256 } = await randomFile(file, 80 * MIB);
  const child = spawn(process.execPath, putProcess(subject.location, file, sha256), { stdio: 'inherit' });
  s3.proxy.onBytes = () => {
    if (sentInParts() > 45 * MIB) child.kill('SIGKILL');
  };
  const [, signal] = await once(child, 'exit');
  assert.is(signal, 'SIGKILL', 'the kill came too late to test anything');
  s3.proxy.onBytes = () => {};
  assert.is(await subject.store.has(sha256, 80 * MIB), false);
  const whole = s3.proxy.calls.filter((call) => isPart(call) && call.status === 200).length;
  assert.ok(whole >= 1, 'no part had come through');

  s3.proxy.calls.length = 0;
  await subject.store.putFile(file, sha256);
  const parts = s3.proxy.calls.filter(isPart).length;
  // One that the server had taken, but not answered yet, counts for it, too.
  assert.ok(parts <= 10 - whole && parts > 0, `${parts} parts sent after ${whole}`);
  assert.ok(sentInParts() <= (10 - whole) * 8 * MIB);
  await assertStored(subject, sha256, join(folder, 'copy'));
  const left = await subject.client.send(new ListMultipartUploadsCommand({ Bucket: subject.bucket }));
  assert.is((left.Uploads ?? []).length, 0);
});

check('of an upload that goes on, parts with another content are sent again', async (subject, folder) => {
  const file = join(folder, 'file');
  const { bytes, sha256 } = await randomFile(file, 40 * MIB);
  // The last part fails, so the upload stays as it is; then the store is told of another second part.
  s3.proxy.fault = (call) =>
    isPart(call) && /partNumber=5/.test(call.path) ? { answer: 403, code: 'AccessDenied' } : undefined;
  await assertFails(() => subject.store.putFile(file, sha256), 'store-denied', /no permission .*it says no/);
  s3.proxy.fault = ({ method, path }) =>
    method === 'GET' && /uploadId=/.test(path)
      ? {
          rewrite: (text) =>
            text.replace(/(<PartNumber>2<\/PartNumber>.*?<ETag>"?(?:&quot;)?)[0-9a-f]{4}/s, '$1beef'),
        }
      : undefined;
  s3.proxy.calls.length = 0;
  await subject.store.putFile(file, sha256);
  const numbers = s3.proxy.calls.filter(isPart).map(({ path }) => /partNumber=(\d+)/.exec(path)?.[1]);
  assert.equal(numbers.sort(), ['2', '5']);
  await subject.store.fetchFile(sha256, join(folder, 'copy'));
  assert.ok((await readFile(join(folder, 'copy'))).equals(bytes));
});

check(
  'a file that changes while it is sent in parts is not stored, nor is anything left of it',
  async (subject, folder) => {
    const file = join(folder, 'file');
    const { bytes } = await randomFile(file, 40 * MIB);
    bytes[39 * MIB]! ^= 1;
    await assertFails(() => subject.store.putFile(file, sha256Of(bytes)), 'file-changed', /file changed/);
    const objects = await subject.client.send(new ListObjectsV2Command({ Bucket: subject.bucket }));
    const uploads = await subject.client.send(new ListMultipartUploadsCommand({ Bucket: subject.bucket }));
    assert.is((objects.Contents ?? []).length + (uploads.Uploads ?? []).length, 0);
  },
);

check('an upload older than a week is removed instead of continued', async (subject, folder) => {
  const file = join(folder, 'file');
  const { sha256 } = await randomFile(file, 40 * MIB);
  s3.proxy.fault = (call) =>
    isPart(call) && /partNumber=5/.test(call.path) ? { answer: 403, code: 'AccessDenied' } : undefined;
  await assertFails(() => subject.store.putFile(file, sha256), 'store-denied', /no permission/);
  const old = new Date(Date.now() - 8 * 24 * 3600_000).toISOString();
  s3.proxy.fault = ({ method, path }) =>
    method === 'GET' && /uploads/.test(path)
      ? { rewrite: (text) => text.replace(/<Initiated>[^<]*/g, `<Initiated>${old}`) }
      : undefined;
  s3.proxy.calls.length = 0;
  await openStore(subject.location).putFile(file, sha256);
  assert.is(s3.proxy.calls.filter(isPart).length, 5);
  assert.is(s3.proxy.calls.filter(({ method }) => method === 'DELETE').length, 1);
  const left = await subject.client.send(new ListMultipartUploadsCommand({ Bucket: subject.bucket }));
  assert.is((left.Uploads ?? []).length, 0);
});

check('an upload whose connections break is finished all the same', async (subject, folder) => {
  const file = join(folder, 'file');
  const { sha256 } = await randomFile(file, 40 * MIB);
  let cuts = 0;
  s3.proxy.fault = (call) => {
    if (!isPart(call) || cuts === 3) return;
    cuts += 1;
    return { cutBody: 3 * MIB };
  };
  await subject.store.putFile(file, sha256);
  assert.is(cuts, 3);
  await assertStored(subject, sha256, join(folder, 'copy'));
});

check('a store that has answered before is asked more often than one that never has', async (subject) => {
  const bytes = randomBytes(1000);
  let refusals = 0;
  const unlessRefused = (often: number) => (call: Call) => {
    if (call.method !== 'PUT' || refusals === often) return undefined;
    refusals += 1;
    return { answer: 503, code: 'ServiceUnavailable' };
  };
  s3.proxy.fault = unlessRefused(6);
  await subject.store.putBytes(bytes);
  assert.is(refusals, 6);
  assert.ok(await subject.store.has(sha256Of(bytes), bytes.length));

  s3.proxy.calls.length = 0;
  s3.proxy.fault = () => ({ hangUp: true });
  const never = openStore(subject.location);
  await assertFails(() => never.has(sha256Of(bytes), 1000), 'store-unreachable', /does not answer/);
  assert.is(s3.proxy.calls.length, 3);
});

check(
  'a download whose connection breaks, or ends early, goes on where it broke',
  async (subject, folder) => {
    const { sha256 } = await subject.store.putBytes(randomBytes(5 * MIB));
    for (const fault of [{ cutAnswer: 2 * MIB }, { cutAnswer: 0 }]) {
      let cuts = 0;
      s3.proxy.calls.length = 0;
      s3.proxy.fault = (call) => {
        if (!isGet(call) || cuts === 2) return;
        cuts += 1;
        return fault;
      };
      await assertStored(subject, sha256, join(folder, `copy-${fault.cutAnswer}`));
      const gets = s3.proxy.calls.filter(isGet);
      assert.is(gets.length, 3);
      if (fault.cutAnswer > 0) assert.match(gets[2]!.headers.range ?? '', /^bytes=[1-9]/);
      const received = gets.reduce((sum, call) => sum + call.received, 0);
      assert.ok(received < 6 * MIB, `received ${received} bytes`);
    }
  },
);

check(
  'a connection that always breaks is an error in the end, and leaves no file',
  async (subject, folder) => {
    const { sha256 } = await subject.store.putBytes(randomBytes(1000));
    s3.proxy.fault = (call) => (isGet(call) ? { cutAnswer: 0 } : undefined);
    const store = impatient(subject.location, { outage: 2000 });
    await assertFails(
      () => store.fetchFile(sha256, join(folder, 'copy')),
      'store-unreachable',
      /does not answer/,
    );
    await assertAbsent(join(folder, 'copy'));
  },
);

check('a bit that flips on the way is not taken for damage of the blob', async (subject, folder) => {
  const { sha256 } = await subject.store.putBytes(randomBytes(1000));
  let flips = 0;
  s3.proxy.fault = (call) => {
    if (!isGet(call) || flips === 1) return;
    flips += 1;
    return { flip: 500 };
  };
  await assertStored(subject, sha256, join(folder, 'copy'));
  assert.is(flips, 1);

  let offset = 0;
  s3.proxy.fault = (call) => {
    offset += 1;
    return isGet(call) ? { flip: offset } : undefined;
  };
  const error = await assertFails(
    () => subject.store.fetchFile(sha256, join(folder, 'c2')),
    'blob-damaged',
    new RegExp(sha256),
  );
  assert.match(error.hint ?? '', /different each time/);
  await assertAbsent(join(folder, 'c2'));
  assert.ok(await subject.store.has(sha256, 1000));
});

check(
  'an answer that ends early without saying how long it is, is found out by its hash',
  async (subject, folder) => {
    const { sha256 } = await subject.store.putBytes(randomBytes(1000));
    let count = 0;
    s3.proxy.fault = (call) => (isGet(call) && count++ === 0 ? { shorten: 300 } : undefined);
    await assertStored(subject, sha256, join(folder, 'copy'));
  },
);

check('what became of a damaged blob is told as it is', async (subject) => {
  const denied = { answer: 403, code: 'AccessDenied' };
  for (const [refused, fate] of [
    [[], /^it was moved to some\/prefix\/damaged\/ in that bucket; run the job/],
    [['PUT'], /^it was removed; run the job/],
    [['PUT', 'DELETE'], /^run the job/],
  ] as const) {
    const { sha256 } = await subject.store.putBytes(randomBytes(1000));
    await subject.damage(sha256, Buffer.from('other'));
    s3.proxy.fault = ({ method }) => (refused.some((one) => one === method) ? denied : undefined);
    const error = await subject.store.setAside(sha256);
    s3.proxy.fault = () => undefined;
    assert.match(error.hint ?? '', fate);
  }
});

check('a damaged blob is kept aside', async (subject, folder) => {
  const { sha256 } = await subject.store.putBytes(Buffer.from('content'));
  await subject.damage(sha256, Buffer.from('contemn'));
  await assertFails(
    () => subject.store.fetchFile(sha256, join(folder, 'copy')),
    'blob-damaged',
    new RegExp(sha256),
  );
  const { Contents } = await subject.client.send(new ListObjectsV2Command({ Bucket: subject.bucket }));
  assert.equal(
    Contents?.map(({ Key }) => Key),
    [`some/prefix/damaged/${sha256}`],
  );
});

check("of several writers the first one's stays, where the service knows how", async (subject) => {
  const bytes = Buffer.from('x');
  await openStore(subject.location).putBytes(bytes);
  const sha256 = sha256Of(bytes);
  // Somebody else has put it in between being asked for and being sent; Swift has no such condition.
  let looks = 0;
  s3.proxy.fault = ({ method }) => {
    if (method === 'PUT') return { answer: 412, code: 'PreconditionFailed' };
    return method === 'HEAD' && looks++ === 0 ? { answer: 404 } : undefined;
  };
  s3.proxy.calls.length = 0;
  await subject.store.putBytes(bytes);
  const puts = s3.proxy.calls.filter(({ method }) => method === 'PUT');
  assert.equal(
    puts.map(({ status, headers }) => [status, headers['if-none-match']]),
    [[412, '*']],
  );
  assert.ok(await subject.store.has(sha256, 1));
});

check('a service without conditional writes is used without them', async (subject) => {
  s3.proxy.fault = ({ method, headers }) =>
    method === 'PUT' && headers['if-none-match'] ? { answer: 501, code: 'NotImplemented' } : undefined;
  for (const text of ['x', 'y']) await subject.store.putBytes(Buffer.from(text));
  const puts = s3.proxy.calls.filter(({ method }) => method === 'PUT');
  assert.equal(
    puts.map(({ headers }) => headers['if-none-match']),
    ['*', undefined, undefined],
  );
});

check('the same file is sent in parts by several at once', async (subject, folder) => {
  const file = join(folder, 'file');
  const { sha256 } = await randomFile(file, 40 * MIB);
  await Promise.all([1, 2, 3].map(() => openStore(subject.location).putFile(file, sha256)));
  await assertStored(subject, sha256, join(folder, 'copy'));
  const left = await subject.client.send(new ListMultipartUploadsCommand({ Bucket: subject.bucket }));
  assert.is((left.Uploads ?? []).length, 0);
});

check('SlowDown is waited for, and named if it goes on', async (subject) => {
  let count = 0;
  s3.proxy.fault = () => (count++ < 2 ? { answer: 503, code: 'SlowDown' } : undefined);
  const { sha256 } = await subject.store.putBytes(Buffer.from('x'));
  assert.ok(await subject.store.has(sha256, 1));
  assert.ok(count > 3);
});

check('a clock that is wrong is allowed for', async (subject) => {
  const hour = new Date(Date.now() + 3600_000);
  let count = 0;
  s3.proxy.fault = () =>
    count++ === 0 ? { answer: 403, code: 'RequestTimeTooSkewed', date: hour } : undefined;
  const { sha256 } = await subject.store.putBytes(Buffer.from('x'));
  assert.ok(await subject.store.has(sha256, 1));
  assert.ok(count > 1);
});

check('each refusal has words of its own, without the credentials', async (subject) => {
  const table: [number, string, string, RegExp][] = [
    [400, 'ExpiredToken', 'store-credentials-expired', /expired/],
    [403, 'InvalidAccessKeyId', 'store-credentials-refused', /not accept the credentials/],
    [403, 'SignatureDoesNotMatch', 'store-credentials-refused', /not accept the credentials/],
    [403, 'AccessDenied', 'store-denied', /no permission/],
    [403, 'RequestTimeTooSkewed', 'store-clock', /clock of this machine/],
    [503, 'SlowDown', 'store-busy', /too busy/],
    [404, 'NoSuchBucket', 'store-no-bucket', /bucket of the store .* does not exist/],
    [301, 'PermanentRedirect', 'store-wrong-region', /another region/],
    [507, 'QuotaExceeded', 'store-full', /no room left/],
    [418, 'Teapot', 'store-failed', /answers 418: Teapot/],
  ];
  for (const [answer, code, expected, message] of table) {
    s3.proxy.fault = () => ({ answer, code });
    const store = openStore(subject.location);
    for (const call of [() => store.putBytes(Buffer.from('y')), () => store.has('a'.repeat(64), 1)]) {
      const error = await assertFails(call, expected, message);
      assert.ok(error.message.includes(`${subject.bucket}/some/prefix`), error.message);
      assert.ok(error.hint);
      for (const secret of Object.values(CREDENTIALS))
        assert.not.ok(`${error.stack} ${JSON.stringify(error)} ${error.cause}`.includes(secret));
    }
  }
});

check('nobody who answers, wrong credentials and none are told apart', async (subject) => {
  const nobody = openStore(`s3://bucket?endpoint=http://127.0.0.1:${await freePort()}`);
  await assertFails(() => nobody.has('a'.repeat(64), 1), 'store-unreachable', /ECONNREFUSED/);
  const elsewhere = openStore(`s3://no-such-bucket?endpoint=${s3.server.endpoint}`);
  await assertFails(() => elsewhere.has('a'.repeat(64), 1), 'store-no-bucket', /no-such-bucket/);
  try {
    process.env.AWS_SECRET_ACCESS_KEY = 'wrong';
    const store = openStore(subject.location);
    await assertFails(
      () => store.has('a'.repeat(64), 1),
      'store-credentials-refused',
      /SignatureDoesNotMatch/,
    );
    delete process.env.AWS_SECRET_ACCESS_KEY;
    process.env.AWS_EC2_METADATA_DISABLED = 'true';
    const without = openStore(subject.location);
    await assertFails(() => without.putBytes(Buffer.from('x')), 'store-no-credentials', /no credentials/);
  } finally {
    Object.assign(process.env, CREDENTIALS);
    delete process.env.AWS_EC2_METADATA_DISABLED;
  }
});

if (missing === null) test.run();
else console.log(`SKIP faults of S3: ${missing}`);
