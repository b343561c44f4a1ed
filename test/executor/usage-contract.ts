import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { uvu } from 'uvu';
import * as assert from 'uvu/assert';
import type { Execution, Executor, UsageReading } from '../../src/executor/executor.ts';
import { removeFolders, specOf, start, stopAll, until } from './support.ts';

/** What every executor tells of what a job uses, as tests. */
export function usageContract(
  test: uvu.Test<unknown>,
  { executor, image }: { executor: Executor; image: string | null },
): void {
  const busy = 'while :; do :; done';

  async function seen(execution: Execution, wanted: (usage: UsageReading) => boolean): Promise<UsageReading> {
    let last: UsageReading | null = null;
    await until(async () => {
      last = await execution.usage();
      if (last === null || !wanted(last)) await sleep(200);
      return last !== null && wanted(last);
    }, 'it is seen what the job uses');
    return last as unknown as UsageReading;
  }

  test.after.each(async () => {
    await stopAll();
    removeFolders();
  });
  test.after(() => executor.close());

  test('what a job uses grows while it computes, and stands still while it is frozen', async () => {
    const { execution } = await start(executor, specOf([busy], { image }));
    const first = await seen(execution, ({ cpu }) => cpu > 0.3);
    assert.ok(first.memory > 10_000 && first.memory < 2 ** 30, String(first.memory));
    assert.ok(first.seconds > 0.2);
    const second = await seen(execution, ({ cpu }) => cpu > first.cpu + 0.3);
    assert.ok(second.seconds > first.seconds);
    await execution.freeze();
    let before = await seen(execution, () => true);
    await until(async () => {
      await sleep(1_000);
      const now = await seen(execution, () => true);
      const stands = now.cpu === before.cpu && now.seconds > before.seconds;
      before = now;
      return stands;
    }, 'it stands still');
    await execution.stop(0);
    assert.is(await execution.usage(), null);
  });

  test('what its children use counts, also once they have ended', async () => {
    const children = [
      `( ${busy} ) & p=$!`,
      'until [ -e seen ]; do sleep 0.1; done',
      'kill $p',
      'wait $p || true',
      'touch ended',
      'sleep 1000',
    ];
    const spec = specOf(children, { image });
    const { execution } = await start(executor, spec);
    const during = await seen(execution, ({ cpu }) => cpu > 0.5);
    writeFileSync(path.join(spec.workspace, 'seen'), '');
    await until(() => existsSync(path.join(spec.workspace, 'ended')), 'its child has ended');
    const later = await seen(execution, ({ seconds }) => seconds > during.seconds + 2);
    assert.ok(later.cpu >= during.cpu, `${later.cpu} ${during.cpu}`);
  });

  test('two jobs are told apart, and what is not of one counts for none', async () => {
    const lazy = await start(executor, specOf(['sleep 100'], { image }));
    const eager = await start(executor, specOf([busy], { image }));
    await seen(eager.execution, ({ cpu }) => cpu > 0.5);
    assert.ok((await seen(lazy.execution, () => true)).cpu < 0.3);
  });

  test('one that has ended uses nothing', async () => {
    const { execution, finished } = await start(executor, specOf(['true'], { image }));
    await finished;
    assert.is(await execution.usage(), null);
  });
}
