import { createHash } from 'node:crypto';
import { appendFileSync, createReadStream, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { random } from '../store/random.ts';
import { newS3Store } from '../store/s3-support.ts';
import { CREDENTIALS, missing, startSwift } from '../store/swift.ts';
import { type TestProject, withProject } from './project.ts';

const test = suite('large-files');
const MIB = 1 << 20;
const workflows = 'workflows: [{name: any, commands: [exit]}]\n';

async function sha256OfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(file)) hash.update(part);
  return hash.digest('hex');
}

/** A file of 1.5 GiB: weights, text, and nothing in between. */
async function makeLarge(name: string): Promise<void> {
  const file = await open(name, 'w');
  try {
    const lines = Array.from({ length: 20_000 }, (_, row) => `${row},${Math.sin(row)},label${row % 7}\n`);
    for (let mib = 0; mib < 256; mib += 32) {
      await file.write(random(32 * MIB, String(mib)), 0, 32 * MIB, mib * MIB);
      const text = Buffer.from(
        lines
          .map((line) => `${mib},${line}`)
          .join('')
          .repeat(20),
      );
      await file.write(text, 0, text.length, (1200 + mib) * MIB);
    }
    await file.truncate(1536 * MIB);
  } finally {
    await file.close();
  }
}

/** Runs the built command, and asserts how much memory it took. */
async function inLittleMemory(project: TestProject, args: string[]): Promise<string> {
  const report = path.join(project.root, 'memory');
  const script = fileURLToPath(new URL('report-memory.cjs', import.meta.url));
  const env = { NODE_OPTIONS: `--require=${script}`, MEMORY_REPORT: report };
  const { exitCode, stdout, stderr } = await project.dstack(args, { env });
  assert.is(exitCode, 0, stderr);
  const mib = Number(readFileSync(report, 'utf8')) / 1024;
  assert.ok(mib > 20 && mib <= 200, `${mib} MiB of memory: ${args.join(' ')}`);
  return stdout.trim();
}

async function upAndDown(project: TestProject): Promise<void> {
  const large = path.join(project.root, 'large');
  await makeLarge(large);
  const run = await inLittleMemory(project, ['artifacts', 'upload', 'data', '--from', project.root, large]);
  await inLittleMemory(project, ['artifacts', 'download', run, '-o', path.join(project.root, 'got')]);
  assert.is(await sha256OfFile(path.join(project.root, 'got/large')), await sha256OfFile(large));
  await inLittleMemory(project, ['artifacts', 'verify', run]);
}

test('a large file goes to a folder and back in 200 MiB of memory', withProject(workflows, upAndDown));

if (missing === null) {
  test(
    'a large file goes to S3 and back in 200 MiB of memory',
    withProject(workflows, async (project) => {
      Object.assign(process.env, CREDENTIALS);
      const server = await startSwift();
      try {
        const { location } = await newS3Store(server.endpoint);
        appendFileSync(path.join(project.folder, '.dstackrc'), `store: ${location}\n`);
        Object.assign(project.env, CREDENTIALS);
        await upAndDown(project);
      } finally {
        await server.stop();
      }
    }),
  );
} else console.log(`SKIP large files in S3: ${missing}`);

test.run();
