import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DstackError } from '../errors.ts';
import { createDockerExecutor } from '../executor/docker-executor.ts';
import { listGpus } from '../executor/gpus.ts';
import { createProcessExecutor } from '../executor/process-executor.ts';
import { requireGit } from '../git/git-version.ts';
import { initBareRepository, openRepository } from '../git/repository.ts';
import { findStaleLocks, removeStaleLocks } from '../git/stale-locks.ts';
import { openLedger } from '../ledger/ledger.ts';
import { resolveRemote } from '../ledger/shared-repository.ts';
import { openStore } from '../store/open-store.ts';
import { plainText } from '../terminal-text.ts';
import { storeLocation } from './project.ts';
import { runnerConfig } from './runner-start.ts';
import { hasColour, paint, printJson } from './terminal.ts';

interface Check {
  what: string;
  /** Null: not needed here. */
  ok: boolean | null;
  detail: string;
  remedy?: string | undefined;
}

/** `dstack runner check`: one line for each thing a runner needs, with the remedy. */
export async function checkRunner(options: { fix?: true; json?: true }): Promise<void> {
  const checks: Check[] = [await attempt('git', async () => `Git ${await requireGit()}`)];
  const docker = createDockerExecutor();
  const containers = await docker.check();
  await docker.close();
  // Without Docker a runner still takes the jobs that need no image.
  checks.push({ what: 'docker', ...containers, ok: containers.ok ? true : null });
  const processes = createProcessExecutor();
  checks.push({ what: 'process', ...(await processes.check()) });
  await processes.close();
  const gpus = await listGpus();
  checks.push({
    what: 'gpu',
    ok: gpus.length > 0 ? true : null,
    detail: gpus.map(plainText).join(', ') || 'none found by nvidia-smi',
  });
  checks.push(...(await checkRepository(options.fix ?? false)));
  if (options.json) printJson(checks);
  else for (const check of checks) process.stdout.write(line(check));
  if (checks.some(({ ok }) => ok === false)) process.exitCode = 1;
}

async function checkRepository(fix: boolean): Promise<Check[]> {
  const checks: Check[] = [];
  let where: Awaited<ReturnType<typeof runnerConfig>> | null = null;
  checks.push(
    await attempt('repository', async () => {
      where = await runnerConfig({});
      const { remote, folder, config } = where;
      const scratch = await mkdtemp(join(tmpdir(), 'dstack-check-'));
      try {
        const { path } = await resolveRemote(remote, folder);
        const objectFormat = path === null ? 'sha1' : (await openRepository(path)).objectFormat;
        const local = await initBareRepository(join(scratch, 'objects.git'), { objectFormat });
        const ledger = await openLedger({ local, remote, refPrefix: config.refPrefix, folder });
        const queue = await ledger.shared.list([ledger.names.area('queue')]);
        ledger.close();
        return `${ledger.shared.location}: answers, ${queue.size} unfinished ${queue.size === 1 ? 'job' : 'jobs'}`;
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
    }),
  );
  if (where === null) return checks;
  const { config, remote, folder } = where as Awaited<ReturnType<typeof runnerConfig>>;
  const { path } = await resolveRemote(remote, folder);
  if (path !== null && checks[0]?.ok) {
    const repository = await openRepository(path);
    const stale = await findStaleLocks(repository);
    if (fix) await removeStaleLocks(stale);
    checks.push({
      what: 'locks',
      ok: stale.length === 0 || fix,
      detail:
        stale.length === 0
          ? 'no stale lock files'
          : `${fix ? 'removed' : 'left by a killed Git'}: ${stale.map(plainText).join(', ')}`,
      remedy: 'dstack runner check --fix removes them',
    });
  }
  checks.push(
    await attempt('store', async () => {
      const store = openStore(await storeLocation({ config }, remote, folder));
      const { sha256, size } = await store.putBytes(Buffer.from('dstack runner check\n'));
      if (!(await store.has(sha256, size))) throw new Error('what was just written is not there');
      return `${store.location}: can be written`;
    }),
  );
  return checks;
}

async function attempt(what: string, act: () => Promise<string>): Promise<Check> {
  try {
    return { what, ok: true, detail: await act() };
  } catch (error) {
    const hint = error instanceof DstackError ? error.hint : undefined;
    return { what, ok: false, detail: (error as Error).message, remedy: hint };
  }
}

function line({ what, ok, detail, remedy }: Check): string {
  const mark = ok === null ? '-' : ok ? 'ok' : 'NO';
  const coloured =
    hasColour(process.stdout) && ok !== null ? paint(ok ? 'green' : 'red', mark.padEnd(2)) : mark.padEnd(2);
  return `${coloured}  ${what.padEnd(10)}  ${detail}${ok !== true && remedy ? `\n                ${remedy}` : ''}\n`;
}
