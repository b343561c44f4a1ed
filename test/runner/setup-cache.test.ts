import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ImageIdentity } from '../../src/executor/executor.ts';
import type { CachedFolder } from '../../src/language/job-spec.ts';
import { openJobSetup, type SetupPlace } from '../../src/runner/setup-cache.ts';
import { type KeptFolders, openKeptFolders } from '../../src/store/kept-folders.ts';

interface Context {
  root: string;
  kept: KeptFolders;
  jobs: number;
}

const test = suite<Context>('setup-cache');
test.before.each((context) => {
  context.root = realpathSync(mkdtempSync(join(tmpdir(), 'setup-cache-')));
  context.kept = openKeptFolders(join(context.root, 'kept'), 1 << 30);
  context.jobs = 0;
});
test.after.each(({ root }) => rmSync(root, { recursive: true, force: true }));

const never = () => false;
const venv: CachedFolder = { path: '.venv', key: [] };
const pip: CachedFolder = { path: '~/.cache/pip', key: [] };

interface JobOptions extends Partial<SetupPlace> {
  image?: string | null;
  /** Which image has this name. */
  now?: ImageIdentity | null;
  workflow?: string;
  fresh?: boolean;
  kept?: KeptFolders | undefined;
  /** What is in the workspace before. */
  files?: Readonly<Record<string, string>>;
}

/** A job of which `folders` are kept, in a workspace of its own. */
function job(context: Context, folders: CachedFolder[], more: JobOptions = {}) {
  const { image = 'python:3.12', workflow = 'train', fresh = false, files = {}, now = null, ...place } = more;
  context.jobs += 1;
  const folder = join(context.root, `job-${context.jobs}`);
  const workspace = join(folder, 'workflow');
  mkdirSync(workspace, { recursive: true });
  const write = (name: string, text: string) => {
    mkdirSync(dirname(join(workspace, name)), { recursive: true });
    writeFileSync(join(workspace, name), text);
  };
  for (const [name, text] of Object.entries(files)) write(name, text);
  const said: string[] = [];
  const setup = openJobSetup(
    'kept' in more ? more.kept : context.kept,
    { setupCache: folders, workflow, image },
    {
      repository: '/srv/shared.git',
      executor: 'docker',
      folder,
      workspace,
      imageNow: async () => now,
      ...place,
    },
    { fresh, say: (line) => said.push(line) },
  );
  const read = (name: string) => {
    const path = join(workspace, name);
    return existsSync(path) ? readFileSync(path, 'utf8') : null;
  };
  return {
    ...setup,
    workspace,
    said,
    write,
    read,
    restore: () => setup.restore(never),
    keep: () => setup.keep(now),
  };
}

/** Runs one that finds what it says, and leaves `text` in `.venv/a`. */
async function leave(context: Context, text: string, more: JobOptions = {}, folder = venv): Promise<void> {
  const one = job(context, [folder], more);
  await one.restore();
  one.write('.venv/a', text);
  await one.keep();
}

const found = async (context: Context, more: JobOptions = {}, folder = venv) => {
  const one = job(context, [folder], more);
  await one.restore();
  return one.read('.venv/a');
};

test('the next job finds what the last one left, and both say so', async (context) => {
  const first = job(context, [venv]);
  await first.restore();
  first.write('.venv/a', '1');
  await first.keep();
  assert.is(first.said[0], 'setup cache: .venv none yet');
  assert.match(first.said[1] as string, /^setup cache: kept \.venv \([\d.]+KB\)$/);
  const second = job(context, [venv]);
  await second.restore();
  assert.is(second.read('.venv/a'), '1');
  assert.match(second.said[0] as string, /^setup cache: \.venv [\d.]+KB from [\d.]+s ago$/);
  await second.keep();
  assert.is(second.said.length, 1);
});

test('it is begun anew when a file of its key changes, also one that a link leads to', async (context) => {
  const keyed = { path: '.venv', key: ['requirements.txt'] };
  const files = (text: string) => ({ files: { 'requirements.txt': text } });
  await leave(context, 'torch', files('torch'), keyed);
  assert.is(await found(context, files('torch'), keyed), 'torch');
  assert.is(await found(context, files('jax'), keyed), null);
  const linked = job(context, [keyed], { files: { 'base.txt': 'torch' } });
  symlinkSync('base.txt', join(linked.workspace, 'requirements.txt'));
  await linked.restore();
  assert.is(linked.read('.venv/a'), 'torch');
});

test('a file of the key that is not there, or no file of the workspace, is named', async (context) => {
  const missing = job(context, [{ path: '.venv', key: ['requirments.txt', 'way-out', 'folder'] }]);
  symlinkSync('/etc/passwd', join(missing.workspace, 'way-out'));
  mkdirSync(join(missing.workspace, 'folder'));
  await missing.restore();
  assert.equal(missing.said, [
    'setup cache: .venv none yet (requirments.txt, way-out, folder of its key is not there)',
  ]);
});

test('another repository, image, way of execution or workflow has its own', async (context) => {
  await leave(context, '1');
  assert.is(await found(context), '1');
  assert.is(await found(context, { repository: '/srv/other.git' }), null);
  assert.is(await found(context, { image: 'python:3.13' }), null);
  assert.is(await found(context, { executor: 'process' }), null);
  assert.is(await found(context, { now: { digest: 'sha256:moved', id: null } }), null);
  assert.is(await found(context, { workflow: 'evaluate' }), null);
});

test("what lies below a container's home is shared by the workflows of an image", async (context) => {
  const first = job(context, [pip, { path: '~/.cache/uv', key: [] }]);
  await first.restore();
  assert.equal(
    first.home.map(({ path }) => path),
    ['.cache/pip', '.cache/uv'],
  );
  // They are there to be mounted.
  for (const { folder } of first.home) assert.equal(readdirSync(folder), []);
  writeFileSync(join(first.home[0]?.folder as string, 'wheel'), 'w');
  await first.keep();
  assert.match(first.said[1] as string, /^setup cache: kept ~\/\.cache\/pip \([\d.]+KB\)$/);
  const other = job(context, [pip], { workflow: 'evaluate' });
  await other.restore();
  assert.is(readFileSync(join(other.home[0]?.folder as string, 'wheel'), 'utf8'), 'w');
});

test("a plain process has the user's own home: nothing is kept of it", async (context) => {
  const plain = job(context, [pip, venv], { executor: 'process' });
  await plain.restore();
  assert.equal(plain.home, []);
  assert.equal(plain.said, ['setup cache: .venv none yet']);
});

test('what the repository has in its place stays as it is, and is not kept', async (context) => {
  await leave(context, '1');
  const committed = job(context, [venv], { files: { '.venv/b': 'committed' } });
  await committed.restore();
  assert.equal([committed.read('.venv/a'), committed.read('.venv/b')], [null, 'committed']);
  assert.equal(committed.said, ["setup cache: .venv is the repository's, and not kept"]);
  await committed.keep();
  assert.is(await found(context), '1');
});

test("nothing is written or taken through a link, of the repository's or the job's", async (context) => {
  const inside: CachedFolder = { path: 'deep/er/.venv', key: [] };
  const outside = join(context.root, 'outside');
  mkdirSync(join(outside, '.venv'), { recursive: true });
  writeFileSync(join(outside, '.venv/precious'), 'p');
  const first = job(context, [inside]);
  await first.restore();
  first.write('deep/er/.venv/a', '1');
  await first.keep();

  const ofRepository = job(context, [inside], { files: { 'deep/x': '' } });
  symlinkSync(outside, join(ofRepository.workspace, 'deep/er'));
  await ofRepository.restore();
  await ofRepository.keep();

  for (const path of ['deep/er', 'deep/er/.venv']) {
    const ofJob = job(context, [inside]);
    await ofJob.restore();
    rmSync(join(ofJob.workspace, path), { recursive: true });
    symlinkSync(path.endsWith('.venv') ? join(outside, '.venv') : outside, join(ofJob.workspace, path));
    await ofJob.keep();
    assert.is(ofJob.said.length, 1, ofJob.said.join());
  }
  assert.equal(readdirSync(join(outside, '.venv')), ['precious']);
  const last = job(context, [inside]);
  await last.restore();
  assert.is(last.read('deep/er/.venv/a'), '1');
});

test('without the cache a job begins anew, and what it leaves takes the place of the old', async (context) => {
  await leave(context, 'old');
  const fresh = job(context, [venv], { fresh: true });
  await fresh.restore();
  assert.equal([fresh.read('.venv/a'), fresh.said], [null, ['setup cache: .venv not used']]);
  fresh.write('.venv/a', 'new');
  await fresh.keep();
  assert.is(await found(context), 'new');
});

test('where nothing is kept a job is told so, and finds its folders all the same', async (context) => {
  const none = job(context, [pip, venv], { kept: undefined });
  await none.restore();
  assert.ok(existsSync(none.home[0]?.folder as string));
  none.write('.venv/a', '1');
  await none.keep();
  assert.equal(none.said, ['setup cache: this runner keeps none']);
});

test("what can't be kept is said, and fails nothing", async (context) => {
  const small = openKeptFolders(join(context.root, 'small'), 1000);
  const large = job(context, [venv], { kept: small });
  await large.restore();
  large.write('.venv/a', 'x'.repeat(5000));
  await large.keep();
  assert.match(large.said[1] as string, /^setup cache: \.venv is too large to be kept \(\d/);
  writeFileSync(join(context.root, 'file'), '');
  const broken = job(context, [venv], { kept: openKeptFolders(join(context.root, 'file/x'), 1 << 30) });
  await broken.restore();
  broken.write('.venv/a', '1');
  await broken.keep();
  assert.match(broken.said[1] as string, /^setup cache: \.venv could not be kept: ENOTDIR/);
});

test.run();
