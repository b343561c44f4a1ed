import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkLimits, checkMachine } from '../../src/cli/check-machine.ts';

const facts = { cgroups: '2', rootless: false, cantLimit: [], tellsUse: true, folder: null, ahead: 0 };

test("what containers can be held to, and what to do where they can't", () => {
  assert.is(checkLimits(facts).ok, true);
  const cant = checkLimits({ ...facts, cantLimit: ['memory'] });
  assert.is(cant.ok, false);
  assert.is(cant.detail, "control groups v2: Docker can't limit memory");
  assert.match(cant.remedy ?? '', /cgroup_enable=memory/);
  assert.match(checkLimits({ ...facts, rootless: true, cantLimit: ['CPUs'] }).remedy ?? '', /Delegate=cpu/);
});

test('without Docker the machine itself is looked at', async () => {
  const before = process.env.PATH;
  process.env.PATH = '/nowhere';
  try {
    const checks = await checkMachine(false);
    assert.equal(
      checks.map(({ what }) => what),
      ['gpu', 'disk', 'shm', 'clock'],
    );
    assert.is(checks[0]?.ok, null);
    assert.match(checks[1]?.detail ?? '', /\d.* of \d.* are free for \/.*dstack$/);
    assert.is(checks[3]?.ok, null);
  } finally {
    process.env.PATH = before;
  }
});

test.run();
