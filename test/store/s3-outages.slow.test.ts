import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { collectArtifacts } from '../../src/store/collect-artifacts.ts';
import { restoreArtifacts } from '../../src/store/restore-artifacts.ts';
import type { Call } from './faulty-proxy.ts';
import { bucketTests, serveS3 } from './s3-network.ts';
import { impatient } from './s3-support.ts';
import { assertAbsent, sha256Of } from './store-contract.ts';
import { missing } from './swift.ts';
import { assertFails } from './temp-folder.ts';

const test = suite('s3-outages');
const MIB = 1 << 20;
const s3 = serveS3(test);

const check = bucketTests(test, s3);

const isBlob = ({ path }: Call) => /sha256\/..\//.test(path);
const sent = () => s3.proxy.calls.filter(isBlob).reduce((sum, call) => sum + call.sent, 0);
const received = () => s3.proxy.calls.filter(isBlob).reduce((sum, call) => sum + call.received, 0);

/** Kills the server once so much has passed; resolves when it is dead. */
function killAt(passed: () => number, bytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let striking = false;
    s3.proxy.onBytes = () => {
      if (striking || passed() < bytes) return;
      striking = true;
      s3.server.kill().then(resolve, reject);
    };
  });
}

async function startAgainAfter(killed: Promise<void>): Promise<void> {
  await killed;
  await sleep(1500);
  await s3.server.start();
}

async function largeFile(folder: string, mib: number) {
  const bytes = randomBytes(mib * MIB);
  await writeFile(join(folder, 'file'), bytes);
  return { path: join(folder, 'file'), bytes, sha256: sha256Of(bytes) };
}

check(
  'killed in the middle of an upload and started again: the same upload is finished',
  async (subject, folder) => {
    const { path, bytes, sha256 } = await largeFile(folder, 60);
    const killed = killAt(sent, 20 * MIB);
    const putting = subject.store.putFile(path, sha256);
    await Promise.all([putting, startAgainAfter(killed)]);
    await subject.store.fetchFile(sha256, join(folder, 'copy'));
    assert.ok((await readFile(join(folder, 'copy'))).equals(bytes));
  },
);

check(
  'killed for good: an error in time, and the next upload sends the rest',
  async ({ location }, folder) => {
    const { path, bytes, sha256 } = await largeFile(folder, 60);
    const store = impatient(location, { outage: 1500 });
    // 40 MiB may be on their way; who has sent more has had an answer for a part.
    const killed = killAt(sent, 45 * MIB);
    const error = await assertFails(
      () => store.putFile(path, sha256),
      'store-unreachable',
      /does not answer, also after several attempts \(ECONN/,
    );
    assert.match(error.hint ?? '', /what has been sent is not sent again/);
    await killed;
    await s3.server.start();
    assert.is(await store.has(sha256, bytes.length), false);
    s3.proxy.calls.length = 0;
    await store.putFile(path, sha256);
    assert.ok(sent() < 60 * MIB, `${sent()} bytes sent again`);
    await store.fetchFile(sha256, join(folder, 'copy'));
    assert.ok((await readFile(join(folder, 'copy'))).equals(bytes));
  },
);

check(
  'killed in the middle of a download and started again: it goes on where it was',
  async (subject, folder) => {
    const { path, bytes, sha256 } = await largeFile(folder, 60);
    await subject.store.putFile(path, sha256);
    s3.proxy.calls.length = 0;
    const killed = killAt(received, 20 * MIB);
    const fetching = subject.store.fetchFile(sha256, join(folder, 'copy'));
    await Promise.all([fetching, startAgainAfter(killed)]);
    assert.ok((await readFile(join(folder, 'copy'))).equals(bytes));
    assert.ok(received() < 70 * MIB, `${received()} bytes received`);
  },
);

check(
  'killed for good in the middle of a restore: an error in time, nothing at its place, the rest next time',
  async ({ location }, folder) => {
    const { bytes } = await largeFile(folder, 40);
    const store = impatient(location, { outage: 1500 });
    const { manifest } = await collectArtifacts(folder, ['file'], store);
    const into = join(folder, 'into');
    await mkdir(into);
    s3.proxy.calls.length = 0;
    const killed = killAt(received, 20 * MIB);
    await assertFails(
      () => restoreArtifacts(manifest, store, into),
      'store-unreachable',
      /^file: .* does not answer/,
    );
    await killed;
    await assertAbsent(join(into, 'file'));
    await s3.server.start();
    s3.proxy.calls.length = 0;
    await restoreArtifacts(manifest, store, into);
    assert.ok((await readFile(join(into, 'file'))).equals(bytes));
    assert.ok(received() < 30 * MIB, `${received()} bytes received again`);
    assert.equal(await readdir(into), ['file']);
  },
);

check(
  'killed in the middle of the chunks of a file and started again: they are stored, and right',
  async (subject, folder) => {
    const { bytes } = await largeFile(folder, 40);
    const killed = killAt(sent, 10 * MIB);
    const collecting = collectArtifacts(folder, ['file'], subject.store);
    const [{ manifest }] = await Promise.all([collecting, startAgainAfter(killed)]);
    await restoreArtifacts(manifest, subject.store, join(folder, 'into'));
    assert.ok((await readFile(join(folder, 'into/file'))).equals(bytes));
  },
);

check(
  'slow, for much longer than it may be silent: nothing fails while bytes pass',
  async ({ location }, folder) => {
    const store = impatient(location, { silence: 4000 });
    const bytes = randomBytes(24 * MIB);
    // The system takes up to ten megabytes at once, of which nobody sees how they go on: that must be no silence.
    s3.proxy.fault = ({ method }) => (method === 'PUT' ? { slow: 4 * MIB } : undefined);
    const begun = performance.now();
    const { sha256 } = await store.putBytes(bytes);
    const between = performance.now();
    assert.ok(between - begun > 5000, 'it was not slow');
    const puts = s3.proxy.calls.filter(({ method, status }) => method === 'PUT' && status !== 501);
    assert.is(puts.length, 1, 'it was sent once');
    s3.proxy.calls.length = 0;
    s3.proxy.fault = () => ({ slow: 4 * MIB });
    await store.fetchFile(sha256, join(folder, 'copy'));
    assert.ok((await readFile(join(folder, 'copy'))).equals(bytes));
    assert.ok(performance.now() - between > 5000, 'it was not slow');
    assert.is(s3.proxy.calls.length, 1, 'it was asked for once');
  },
);

check(
  'silent in the middle of an answer: asked for the rest; silent each time: an error in time',
  async (subject, folder) => {
    const store = impatient(subject.location, { silence: 700, outage: 1500 });
    const { sha256 } = await store.putBytes(randomBytes(MIB));
    let stalls = 0;
    s3.proxy.fault = (call) => (isBlob(call) && stalls++ === 0 ? { stallAnswer: 500_000 } : undefined);
    s3.proxy.calls.length = 0;
    await store.fetchFile(sha256, join(folder, 'copy'));
    assert.is(s3.proxy.calls.length, 2);
    assert.match(s3.proxy.calls[1]?.headers.range ?? '', /^bytes=[1-9]/);

    for (const fault of [{ stallAnswer: 0 }, { stallAnswer: 1000 }]) {
      let count = 0;
      s3.proxy.fault = (call) =>
        isBlob(call) && (count++ === 0 || fault.stallAnswer === 0)
          ? fault
          : isBlob(call)
            ? { stallAnswer: 0 }
            : undefined;
      const error = await assertFails(
        () => store.fetchFile(sha256, join(folder, 'never')),
        'store-unreachable',
        /does not answer.*\(nothing came through for 0\.7 s\)/,
      );
      assert.ok(error.hint);
      await assertAbsent(join(folder, 'never'));
    }
  },
);

check(
  'silent in the middle of what it is sent: sent again; silent each time: an error in time',
  async (subject) => {
    const store = impatient(subject.location, { silence: 700, outage: 1500 });
    await store.putBytes(Buffer.from('it answers'));
    const bytes = randomBytes(MIB);
    let stalls = 0;
    s3.proxy.fault = ({ method }) => (method === 'PUT' && stalls++ < 2 ? { stallBody: 1000 } : undefined);
    const { sha256 } = await store.putBytes(bytes);
    assert.ok(stalls > 2);
    assert.ok(await store.has(sha256, MIB));
    s3.proxy.fault = ({ method }) => (method === 'PUT' ? { stallBody: 1000 } : undefined);
    await assertFails(
      () => store.putBytes(randomBytes(MIB)),
      'store-unreachable',
      /does not answer.*\(nothing came through for 0\.7 s\)/,
    );
  },
);

check(
  'silent to everything from the beginning: an error after three times, nothing is waited for longer',
  async ({ location }) => {
    const store = impatient(location, { silence: 300, outage: 60_000 });
    s3.proxy.fault = () => 'mute';
    await assertFails(() => store.has('a'.repeat(64), 1), 'store-unreachable', /does not answer/);
    assert.is(s3.proxy.calls.length, 3);
  },
);

if (missing === null) test.run();
else console.log(`SKIP outages of S3: ${missing}`);
