import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Allowances, allowances } from '../../src/config/allowances.ts';
import type { Access } from '../../src/language/job-spec.ts';
import { grant, nothingAllowed } from '../../src/runner/access.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'access-')));
test.after(() => rmSync(root, { recursive: true, force: true }));
for (const folder of ['data/imagenet', 'data-of-others', 'scratch/jobs', 'elsewhere'])
  mkdirSync(join(root, folder), { recursive: true });
writeFileSync(join(root, 'data/labels.csv'), '');
symlinkSync(join(root, 'elsewhere'), join(root, 'data/way-out'));
symlinkSync('imagenet', join(root, 'data/current'));
symlinkSync(join(root, 'data'), join(root, 'datasets'));

const allowed: Allowances = allowances.parse({
  mounts: [join(root, 'data'), `${join(root, 'scratch')}:rw`, join(root, 'gone')],
  network: ['host'],
  capabilities: ['CAP_SYS_PTRACE'],
});
const asking = (more: Partial<Access>): Access => ({ mounts: [], network: null, capabilities: [], ...more });
const mounting = (source: string, readOnly = true, machine = allowed) =>
  grant(machine, asking({ mounts: [{ source: join(root, source), target: '/x', readOnly }] }));
const lacking = (granted: ReturnType<typeof grant>) =>
  'lacking' in granted ? granted.lacking.replaceAll(`${root}/`, '') : null;

test('who asks for nothing gets nothing, whatever is allowed', () => {
  assert.equal(grant(nothingAllowed, undefined), { mounts: [] });
  assert.equal(grant(allowed, undefined), { mounts: [] });
  assert.equal(grant(nothingAllowed, asking({ network: 'none' })), { mounts: [] });
});

test('what is not allowed is named', () => {
  assert.match(
    lacking(grant(nothingAllowed, asking({ network: 'host' }))) ?? '',
    /the network of the machine/,
  );
  assert.is(lacking(grant(allowed, asking({ network: 'host', capabilities: ['SYS_PTRACE'] }))), null);
  const ptrace = asking({ capabilities: ['IPC_LOCK', 'SYS_PTRACE'] });
  assert.match(lacking(grant(allowed, ptrace)) ?? '', /needs the capability IPC_LOCK,/);
  assert.is(
    lacking(mounting('data', true, nothingAllowed)),
    'needs data of the machine, which this runner does not allow (its setting runner.allow)',
  );
});

test('what lies in an allowed folder can be mounted, a file too, by its real path', () => {
  assert.equal(mounting('data'), { mounts: [{ source: join(root, 'data'), target: '/x', readOnly: true }] });
  assert.is(lacking(mounting('data/labels.csv')), null);
  const real = { mounts: [{ source: join(root, 'data/imagenet'), target: '/x', readOnly: true }] };
  assert.equal(mounting('data/current'), real);
  assert.equal(mounting('datasets/imagenet'), real);
});

test('a link leads nowhere else, and a name that begins the same is another folder', () => {
  assert.is(
    lacking(mounting('data/way-out')),
    'needs data/way-out of the machine, which this runner does not allow (its setting runner.allow)',
  );
  assert.match(lacking(mounting('data-of-others')) ?? '', /does not allow/);
  assert.match(lacking(mounting('data/imagenet/../../elsewhere')) ?? '', /does not allow/);
});

test('what is not there is said to be so', () => {
  assert.is(lacking(mounting('data/missing')), 'needs data/missing of the machine, which is not there');
  assert.is(lacking(mounting('gone')), 'needs gone of the machine, which is not there');
});

test('jobs write only where they may, and there get the whole folder: in it they could put links', () => {
  assert.is(lacking(mounting('scratch', false)), null);
  assert.is(lacking(mounting('scratch')), null);
  assert.match(lacking(mounting('data/imagenet', false)) ?? '', /to which this runner lets no job write/);
  assert.is(
    lacking(mounting('scratch/jobs', false)),
    'needs scratch/jobs of the machine, which lies in scratch, where jobs may write: only that as a whole can be had',
  );
  const nested = allowances.parse({ mounts: [`${root}:rw`, join(root, 'data')] });
  assert.match(lacking(mounting('data', true, nested)) ?? '', /only that as a whole/);
});

test.run();
