import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DstackError } from '../../src/errors.ts';
import { initBareRepository } from '../../src/git/repository.ts';
import { hostFindings, suggestedLayout } from '../../src/ledger/host-findings.ts';
import { type HostFacts, type ProbeOptions, probeHost } from '../../src/ledger/probe-host.ts';
import { freePort } from '../git/free-port.ts';
import { httpHost } from '../git/http-host.ts';
import { scratchFolder } from '../git/scratch-repository.ts';
import { serve } from './git-daemon.ts';
import { guard, type Shared, scratchShared } from './support.ts';

const test = suite('finding out what a host allows');

async function probe(remote: string, more: Partial<ProbeOptions> = {}): Promise<HostFacts> {
  const folder = scratchFolder();
  let made = 0;
  return probeHost({
    remote,
    makeRepository: (objectFormat) => initBareRepository(join(folder, `${made++}.git`), { objectFormat }),
    refPrefix: 'refs/dstack',
    megabytes: null,
    who: { name: 'Ann', email: 'ann@example.org' },
    ...more,
  });
}

const layout = (facts: HostFacts) => suggestedLayout(facts, { refPrefix: 'refs/dstack', host: {} });
const effects = (facts: HostFacts, effect: string) =>
  hostFindings(facts).flatMap((finding) => (finding.effect === effect ? [finding.what] : []));
/** What a host is found to do. */
const abilities = ({ append, createOnly, swap, rewind, delete: deletes, atomic, byId }: HostFacts) =>
  Object.entries({ append, createOnly, swap, rewind, deletes, atomic, byId })
    .filter(([, { can }]) => can)
    .map(([name]) => name);
const all = ['append', 'createOnly', 'swap', 'rewind', 'deletes', 'atomic', 'byId'];
const without = (...names: string[]) => all.filter((name) => !names.includes(name));

/** A shared repository in which others have something, too. */
async function inhabited(): Promise<{ shared: Shared; before: Map<string, string> }> {
  const shared = await scratchShared();
  const tree = shared.git('write-tree');
  const commit = shared.git('commit-tree', '-m', 'theirs', tree);
  for (const ref of ['refs/heads/main', 'refs/dstack/runs/calm-fox', 'refs/dstack/probe/mine'])
    shared.git('update-ref', ref, commit);
  return { shared, before: shared.refs() };
}

const refuse = (pattern: string) =>
  `while read -r _ _ ref; do case $ref in ${pattern}) echo "$ref: not here" >&2; exit 1 ;; esac; done`;

test('a folder allows everything, and is left as it was', async () => {
  const { shared, before } = await inhabited();
  const facts = await probe(shared.path);
  assert.equal(abilities(facts), all);
  assert.is(facts.prefix, 'refs/dstack');
  assert.is(facts.greeting?.protocol, 2);
  assert.match(facts.greeting?.agent ?? '', /^git\/2\./);
  assert.equal(facts.sizes, [{ megabytes: 1, can: true, words: null }]);
  assert.equal(layout(facts), {});
  assert.equal([effects(facts, 'limits'), effects(facts, 'stops'), effects(facts, 'unknown')], [[], [], []]);
  assert.equal(facts.left, []);
  assert.equal(shared.refs(), before);
});

test('so does one of SHA-256', async () => {
  const { path } = await initBareRepository(join(scratchFolder(), 'shared.git'), {
    objectFormat: 'sha256',
  }).then(({ gitDir }) => ({ path: gitDir }));
  const facts = await probe(path);
  assert.is(facts.greeting?.objectFormat, 'sha256');
  assert.equal(abilities(facts), all);
});

test('so does a daemon', async () => {
  const { shared, before } = await inhabited();
  const daemon = await serve(shared.path);
  const facts = await probe(daemon.url);
  await daemon.stop();
  assert.equal(abilities(facts), all);
  assert.equal(shared.refs(), before);
});

test('of a host that guards branches and takes nothing else, dstack must know that; a scratch ref stays', async () => {
  const { shared, before } = await inhabited();
  guard(shared);
  const facts = await probe(shared.path);
  assert.equal(abilities(facts), without('rewind', 'deletes'));
  assert.is(facts.prefix, 'refs/heads/dstack');
  assert.equal(layout(facts), { refPrefix: 'refs/heads/dstack' });
  assert.match(facts.refused[0]?.words ?? '', /only branches and tags/);
  assert.match(facts.delete.words ?? '', /denying ref deletion/);
  assert.not.match(facts.delete.words ?? '', /failed to push/);
  // What can't be deleted is told, and no larger than it must be.
  assert.equal(facts.sizes, []);
  const added = [...shared.refs().keys()].filter((ref) => !before.has(ref));
  assert.equal([...facts.left].sort(), added.sort());
  assert.ok(added.every((ref) => /^refs\/heads\/dstack\/probe\/[0-9a-z]+-[0-9a-f]{8}\/[ab]$/.test(ref)));
});

test('branches that may be rewound and deleted are worth a setting', async () => {
  const { shared, before } = await inhabited();
  shared.hook('pre-receive', refuse('refs/dstack/*|refs/notes/*'));
  const facts = await probe(shared.path);
  assert.equal(abilities(facts), all);
  assert.equal(layout(facts), { refPrefix: 'refs/heads/dstack', host: { rewind: true, delete: true } });
  assert.equal(shared.refs(), before);
});

test('a prefix whose notes are refused is no good; one that has them below it is', async () => {
  const { shared, before } = await inhabited();
  shared.hook('pre-receive', refuse('refs/notes/*'));
  const facts = await probe(shared.path);
  assert.equal(layout(facts), { refPrefix: 'refs/dstack-shared' });
  assert.equal(effects(facts, 'limits'), ['notes under refs/notes/dstack']);
  assert.equal(shared.refs(), before);
});

test('refs that are taken and not shown are no good either, and are removed', async () => {
  const { shared, before } = await inhabited();
  shared.git('config', 'uploadpack.hideRefs', 'refs/dstack');
  const facts = await probe(shared.path);
  assert.equal(layout(facts), { refPrefix: 'refs/heads/dstack', host: { rewind: true, delete: true } });
  assert.match(facts.refused[0]?.words ?? '', /nothing of it is seen/);
  assert.equal([facts.left, shared.refs()], [[], before]);
});

test('nothing can be done where nothing may be pushed', async () => {
  const { shared, before } = await inhabited();
  shared.hook('pre-receive', 'echo "closed for the season" >&2; exit 1');
  const facts = await probe(shared.path);
  assert.is(facts.prefix, null);
  assert.equal(layout(facts), {});
  assert.equal(effects(facts, 'stops'), ['refs under refs/dstack', 'refs under refs/heads/dstack']);
  assert.match(facts.refused[0]?.words ?? '', /closed for the season/);
  assert.equal(shared.refs(), before);
});

test('a host may lack atomic pushes', async () => {
  const { shared, before } = await inhabited();
  shared.git('config', 'receive.advertiseAtomic', 'false');
  const facts = await probe(shared.path);
  assert.equal(abilities(facts), without('atomic'));
  assert.equal(effects(facts, 'limits'), ['atomic push']);
  assert.equal(shared.refs(), before);
});

test('a host may speak an old protocol, by which commits are not had by their ids', async () => {
  const { shared, before } = await inhabited();
  shared.git('config', 'uploadpack.allowAnySHA1InWant', 'false');
  const host = await httpHost(join(shared.path, '..'));
  host.old = true;
  const old = await probe(`${host.url}/shared.git`);
  host.old = false;
  const current = await probe(`${host.url}/shared.git`);
  await host.close();
  assert.is(old.greeting?.protocol, 0);
  assert.match(old.greeting?.agent ?? '', /^git\/2\./);
  assert.equal(abilities(old), without('byId'));
  assert.equal(effects(old, 'limits'), ['lists by prefix', 'fetch by id']);
  assert.is(current.greeting?.protocol, 2);
  assert.equal(abilities(current), all);
  assert.equal(shared.refs(), before);
});

test('a limit to the size of a push is found', async () => {
  const { shared, before } = await inhabited();
  shared.git('config', 'receive.maxInputSize', '4m');
  const facts = await probe(shared.path, { megabytes: 12 });
  assert.equal(
    facts.sizes.map(({ megabytes, can }) => [megabytes, can]),
    [
      [1, true],
      [10, false],
    ],
  );
  assert.match(facts.sizes[1]?.words ?? '', /exceeds maximum allowed size/);
  assert.equal(effects(facts, 'limits'), ['push of 10 MB']);
  assert.equal(abilities(facts), all);
  assert.equal(shared.refs(), before);
});

test("a host that takes whatever comes last can't be used", async () => {
  const { shared, before } = await inhabited();
  shared.git('config', 'receive.procReceiveRefs', 'refs');
  const script = fileURLToPath(new URL('lax-host.ts', import.meta.url));
  shared.hook(
    'proc-receive',
    `exec "${process.execPath}" --import "${import.meta.resolve('tsx')}" "${script}"`,
  );
  const facts = await probe(shared.path);
  assert.equal(abilities(facts), without('createOnly', 'swap', 'atomic'));
  assert.equal([facts.createOnly.can, facts.swap.can, facts.atomic.can], [false, false, false]);
  assert.equal(effects(facts, 'stops'), ['only create', 'compare and swap']);
  assert.equal(shared.refs(), before);
});

test('a host that does not answer is told of', async () => {
  const facts = await probe(`git://127.0.0.1:${await freePort()}/shared.git`);
  assert.is(facts.failure?.code, 'unreachable');
  assert.equal(effects(facts, 'stops'), ['it answers']);
});

test('what was created is removed when it is interrupted, wherever that is', async () => {
  const { shared, before } = await inhabited();
  const daemon = await serve(shared.path);
  const steps: string[] = [];
  await probe(daemon.url, { progress: (what) => void steps.push(what) });
  for (const step of steps.filter((_, number) => number % 4 === 3)) {
    const abort = new AbortController();
    const interrupted = await probe(daemon.url, {
      signal: abort.signal,
      // In the middle of it: the call after this one is under way.
      progress: (what) => void (what === step && setTimeout(() => abort.abort(), 15)),
    }).then(
      () => null,
      (error: unknown) => error,
    );
    if (interrupted !== null) {
      assert.instance(interrupted, DstackError);
      assert.is((interrupted as DstackError).exitCode, 130);
    } else assert.is(step, steps.at(-1));
    assert.equal(shared.refs(), before, step);
  }
  await daemon.stop();
});

test('what others left an hour ago is removed, what is newer or something else is not', async () => {
  const { shared, before } = await inhabited();
  const commit = before.get('refs/heads/main') as string;
  const idAt = (time: number) => `${Math.floor(time / 1000).toString(36)}-0123abcd`;
  const [old, recent] = [idAt(Date.now() - 2 * 3_600_000), idAt(Date.now() - 60_000)];
  const stay = [
    `refs/dstack/probe/${recent}/a`,
    `refs/dstack/probe/${old}/a/b`,
    `refs/notes/dstack/probe-${recent}/a`,
    `refs/heads/dstack/probe/${old}/a`,
  ];
  const go = [`refs/dstack/probe/${old}/b`, `refs/notes/dstack/probe-${old}/a`];
  for (const ref of [...stay, ...go]) shared.git('update-ref', ref, commit);
  await probe(shared.path);
  assert.equal([...shared.refs().keys()].sort(), [...before.keys(), ...stay].sort());
});

test.run();
