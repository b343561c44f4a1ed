import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { usageOf } from '../../src/executor/docker-usage.ts';

// As the engine tells it with cgroup v2, shortened.
const v2 = {
  cpu_stats: { cpu_usage: { total_usage: 12_345_000_000, usage_in_usermode: 12_000_000_000 } },
  memory_stats: { usage: 600_000_000, limit: 8_000_000_000, stats: { inactive_file: 100_000_000 } },
  blkio_stats: {
    io_service_bytes_recursive: [
      { major: 259, minor: 0, op: 'read', value: 4096 },
      { major: 259, minor: 0, op: 'write', value: 8192 },
      { major: 253, minor: 0, op: 'read', value: 1000 },
    ],
  },
  networks: { eth0: { rx_bytes: 5, tx_bytes: 7 }, eth1: { rx_bytes: 50, tx_bytes: 70 } },
};

test('what the engine says of a container', () => {
  assert.equal(usageOf(v2, 20), {
    seconds: 20,
    cpu: 12.345,
    memory: 500_000_000,
    disk: { read: 5096, written: 8192 },
    network: { received: 55, sent: 77 },
  });
});

test('cgroup v1 has other words', () => {
  const v1 = {
    ...v2,
    memory_stats: { usage: 600, max_usage: 700, stats: { total_inactive_file: 50 } },
    blkio_stats: {
      io_service_bytes_recursive: [
        { op: 'Read', value: 10 },
        { op: 'Write', value: 20 },
        { op: 'Sync', value: 30 },
        { op: 'Total', value: 30 },
      ],
    },
  };
  const usage = usageOf(v1, 1);
  assert.is(usage?.memory, 550);
  assert.equal(usage?.disk, { read: 10, written: 20 });
});

test("what the kernel or the network doesn't count is not told", () => {
  const { networks, ...withoutNetwork } = v2;
  assert.is(usageOf(withoutNetwork, 1)?.network, null);
  assert.is(usageOf({ ...v2, blkio_stats: { io_service_bytes_recursive: null } }, 1)?.disk, null);
  assert.is(usageOf({ ...v2, memory_stats: { usage: 5, stats: { inactive_file: 9 } } }, 1)?.memory, 0);
});

test('of a container that has ended there is nothing', () => {
  assert.is(usageOf({ cpu_stats: { cpu_usage: { total_usage: 0 } }, memory_stats: {} }, 1), null);
  assert.is(usageOf({}, 1), null);
});

test.run();
