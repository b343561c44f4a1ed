import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { factsOf, notHeldTo, readDockerFacts, whyNoGpus } from '../../src/executor/docker-facts.ts';
import { dockerForTests } from './docker-support.ts';

const test = suite('docker facts');
const docker = await dockerForTests();

if (docker !== undefined) {
  test('what Docker says of itself', async () => {
    const facts = await readDockerFacts(docker);
    assert.match(facts.cgroups ?? '', /^[12]$/);
    assert.ok(facts.folder?.startsWith('/'));
    assert.ok(facts.ahead !== null && Math.abs(facts.ahead) < 60_000);
  });

  test('a container that asks for GPUs where Docker has none to give says so, and is gone', async () => {
    const before = await docker.listContainers({ all: true });
    const reason = await whyNoGpus(docker, ['GPU-1f3a7c52-0000-1111-2222-333344445555']);
    assert.match(reason ?? '', /could not select device driver/);
    const left = (await docker.listContainers({ all: true })).filter(
      ({ Id, Command }) => Command.includes('dstack-tries') && !before.some((one) => one.Id === Id),
    );
    assert.equal(left, []);
  });
}

test("what it can't limit is named, what it doesn't mention is not", () => {
  const rootless = {
    CgroupVersion: '2',
    CgroupDriver: 'none',
    MemoryLimit: false,
    CpuCfsQuota: false,
    PidsLimit: true,
    SecurityOptions: ['name=seccomp,profile=builtin', 'name=rootless', 'name=cgroupns'],
    SystemTime: '2026-03-01T12:00:07.000Z',
  };
  assert.equal(factsOf(rootless, Date.parse('2026-03-01T12:00:00.000Z')), {
    cgroups: '2',
    rootless: true,
    cantLimit: ['CPUs', 'memory'],
    tellsUse: false,
    folder: null,
    ahead: 7_000,
  });
  assert.equal(factsOf({}, 0), {
    cgroups: null,
    rootless: false,
    cantLimit: [],
    tellsUse: true,
    folder: null,
    ahead: null,
  });
});

test('a job is told what it asks for and is not held to', () => {
  const told = (cantLimit: ('CPUs' | 'memory' | 'processes')[], limits: { cpu?: number; memory?: number }) =>
    notHeldTo({ cantLimit }, { cpu: null, memory: null, shmSize: null, ...limits });
  assert.match(
    told(['CPUs', 'memory'], { cpu: 1, memory: 1 }) ?? '',
    /^Docker can't limit CPUs and memory here/,
  );
  assert.match(told(['CPUs', 'memory'], { memory: 1 }) ?? '', /^Docker can't limit memory here/);
  assert.is(told(['CPUs', 'memory', 'processes'], {}), null);
  assert.is(told([], { cpu: 1, memory: 1 }), null);
});

test.run();
