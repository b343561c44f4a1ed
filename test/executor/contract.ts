import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { uvu } from 'uvu';
import * as assert from 'uvu/assert';
import type { ExecutionSpec, Executor } from '../../src/executor/executor.ts';
import {
  exited,
  removeFolders,
  run,
  signalled,
  specOf,
  start,
  stopAll,
  temporaryFolder,
  until,
} from './support.ts';

export interface ContractSubject {
  create(): Executor;
  /** The image of the jobs, if the kind has images. */
  image: string | null;
  /** What there is of a job with this nonce on the machine: processes or containers. */
  leftovers(nonce: string): Promise<readonly string[]>;
}

const here = path.dirname(fileURLToPath(import.meta.url));
const watchdogScript = path.join(here, '../../src/executor/watchdog-process.ts');

/** What every executor has to do, as tests. */
export function executorContract(
  test: uvu.Test<unknown>,
  { create, image, leftovers }: ContractSubject,
): void {
  const executor = create();
  const specs: ExecutionSpec[] = [];
  function job(commands: readonly string[], more: Partial<ExecutionSpec> = {}): ExecutionSpec {
    const spec = specOf(commands, { image, ...more });
    specs.push(spec);
    return spec;
  }
  /** A process that starts the job, in the background, and has its output. */
  function doomedRunner(spec: ExecutionSpec, ...more: string[]): { child: ChildProcess; text(): string } {
    const args = [
      '--import',
      'tsx',
      path.join(here, 'doomed-runner.ts'),
      executor.kind,
      JSON.stringify(spec),
      ...more,
    ];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    return { child, text: () => text };
  }
  async function nothingIsLeft(spec: ExecutionSpec): Promise<void> {
    await until(
      async () => (await leftovers(spec.identity.nonce)).length === 0,
      'nothing of the job is left',
    );
  }

  /** A test after which nothing of its jobs may be left. */
  function check(name: string, body: () => Promise<void>): void {
    test(name, async () => {
      try {
        await body();
        for (const { identity } of specs)
          assert.equal(await leftovers(identity.nonce), [], 'something is left');
      } finally {
        specs.length = 0;
        await stopAll();
        removeFolders();
      }
    });
  }

  test.after(() => executor.close());

  check('is usable here', async () => {
    assert.is((await executor.check()).ok, true);
  });

  check('runs the commands in order, in one shell, and ends with 0', async () => {
    const { result, text, phases } = await run(executor, job(['a=1', 'echo "first $a"', 'cd /', 'pwd']));
    assert.equal(result, exited(0));
    assert.is(text(), 'first 1\n/\n');
    assert.match(phases.at(-1) ?? '', /^running/);
  });

  check('ends with the first command that fails, and its exit code', async () => {
    const { result, text } = await run(executor, job(['echo before', '(exit 7)', 'echo after']));
    assert.equal(result, exited(7));
    assert.is(text(), 'before\n');
  });

  check('takes a command that is not there as an ordinary failure', async () => {
    const { result, text } = await run(executor, job(['no-such-command --now']));
    assert.equal(result, exited(127));
    assert.match(text(), /line 1:.*no-such-command|no-such-command: not found/);
  });

  check('says why commands cannot be given to a shell', async () => {
    assert.match((await run(executor, job(['echo a\0b']))).result.failure ?? '', /zero byte/);
    assert.match(
      (await run(executor, job(['#'.repeat(200_000)]))).result.failure ?? '',
      /128 KiB.*script file/,
    );
  });

  check('keeps the order of what goes to stdout and stderr', async () => {
    const script = 'i=0; while [ $i -lt 300 ]; do echo "out $i"; echo "err $i" >&2; i=$((i+1)); done';
    const { text } = await run(executor, job([script, 'echo by path >/dev/stderr']));
    const lines = Array.from({ length: 300 }, (_, i) => `out ${i}\nerr ${i}\n`);
    assert.is(text(), `${lines.join('')}by path\n`);
  });

  check('delivers bytes as they are, without a last newline too', async () => {
    const { bytes } = await run(executor, job([String.raw`printf '\377\376\000\033[31m\303\050\r\nend'`]));
    assert.is(bytes().toString('latin1'), '\xff\xfe\0\x1b[31m\xc3(\r\nend');
  });

  check('delivers 20 MB of output whole', async () => {
    const { result, bytes } = await run(executor, job(['seq 1 2600000', 'printf end']));
    const expected = `${Array.from({ length: 2_600_000 }, (_, i) => i + 1).join('\n')}\nend`;
    assert.equal(result, exited(0));
    assert.is(bytes().length, expected.length);
    assert.ok(bytes().equals(Buffer.from(expected)));
  });

  check('leaves files alone whose names are not UTF-8', async () => {
    const { result, spec } = await run(
      executor,
      job([String.raw`mkdir "$(printf 'd\377')"`, String.raw`touch "$(printf 'd\377/x')"`]),
    );
    assert.equal(result, exited(0));
    assert.equal(readdirSync(spec.workspace, 'latin1'), ['d\xff']);
  });

  check('has no input', async () => {
    assert.is((await run(executor, job(['cat', 'echo read']))).text(), 'read\n');
  });

  check('sets the environment of the job, and nothing of the secrets of ours', async () => {
    process.env.AWS_SECRET_ACCESS_KEY = 'leaked-secret';
    process.env.GITHUB_TOKEN = 'leaked-token';
    try {
      const env = { A: 'x y', B: '"$(echo no)"\n2', LC_ALL: 'C' };
      const { text } = await run(executor, job(['env', 'printf "%s|%s|%s" "$A" "$B" "$LC_ALL"'], { env }));
      assert.ok(text().endsWith('x y|"$(echo no)"\n2|C'));
      assert.not.match(text(), /leaked|AWS_|TOKEN|TINI/);
    } finally {
      delete process.env.AWS_SECRET_ACCESS_KEY;
      delete process.env.GITHUB_TOKEN;
    }
  });

  check('starts in the working directory', async () => {
    const spec = job(['cat here.txt', 'cat ../top.txt'], { workingDir: 'a/b' });
    mkdirSync(path.join(spec.workspace, 'a/b'), { recursive: true });
    writeFileSync(path.join(spec.workspace, 'a/b/here.txt'), 'here ');
    writeFileSync(path.join(spec.workspace, 'a/top.txt'), 'top');
    assert.is((await run(executor, spec)).text(), 'here top');
  });

  check('refuses a working directory outside the workspace, or none', async () => {
    const outside = temporaryFolder();
    for (const workingDir of ['..', '../..', 'a/../../x', 'link', 'link/sub', 'missing', 'file']) {
      const spec = job(['touch ran'], { workingDir });
      mkdirSync(path.join(outside, 'sub'), { recursive: true });
      symlinkSync(outside, path.join(spec.workspace, 'link'));
      writeFileSync(path.join(spec.workspace, 'file'), '');
      const { result, phases } = await run(executor, spec);
      assert.match(result.failure ?? '', /working_dir .* (leads out of|is not)/, workingDir);
      assert.equal(phases, []);
    }
    assert.not(existsSync(path.join(outside, 'ran')));
  });

  check('leaves files that are ours to remove, and links alone', async () => {
    const spec = job([
      'mkdir -p d/e',
      'echo 1 >d/e/f',
      'ln -s /etc/passwd d/link',
      'chmod 000 d/e',
      'chmod 500 d',
    ]);
    const owner = statSync('/etc/passwd').uid;
    assert.equal((await run(executor, spec)).result, exited(0));
    assert.is(readFileSync(path.join(spec.workspace, 'd/e/f'), 'utf8'), '1\n');
    for (const name of ['d', 'd/e', 'd/e/f']) {
      assert.is(statSync(path.join(spec.workspace, name)).uid, process.getuid?.());
    }
    assert.is(statSync('/etc/passwd').uid, owner);
    rmSync(spec.workspace, { recursive: true });
  });

  check('stops with time to clean up', async () => {
    const script = "trap 'echo cleaning; sleep 0.3; echo cleaned; exit 3' TERM";
    const started = await start(executor, job([script, 'echo ready', 'while :; do sleep 0.1; done']));
    await until(() => started.text().includes('ready'), 'it runs');
    await started.execution.stop(60_000);
    assert.equal(await started.finished, exited(3));
    assert.match(started.text(), /cleaning\n(.*\n)*cleaned\n$/);
  });

  check('gives a program below the shell time to clean up too, and tells a stop by its signal', async () => {
    const program = `sh -c 'trap "sleep 0.3; echo saved; exit 0" TERM; echo ready; while :; do sleep 0.1; done'`;
    const started = await start(executor, job([program, 'echo went on']));
    await until(() => started.text().includes('ready'), 'it runs');
    await started.execution.stop(60_000);
    assert.equal(await started.finished, signalled('SIGTERM'));
    assert.match(started.text(), /saved/);
    assert.not.match(started.text(), /went on/);
  });

  check('kills what does not stop in time; an abort does not wait for a stop', async () => {
    const commands = ["trap '' TERM", 'echo ready', 'while :; do sleep 0.1; done'];
    const [patient, aborted] = await Promise.all([
      start(executor, job(commands)),
      start(executor, job(commands)),
    ]);
    await until(() => patient.text().includes('ready') && aborted.text().includes('ready'), 'they run');
    const stopping = aborted.execution.stop(3_600_000);
    await Promise.all([patient.execution.stop(200), aborted.execution.stop(0), stopping]);
    assert.equal(await patient.finished, signalled('SIGKILL'));
    assert.equal(await aborted.finished, signalled('SIGKILL'));
  });

  check('freezes and thaws', async () => {
    const spec = job(['echo ready', 'while :; do echo x >>progress; sleep 0.02; done']);
    const size = () => statSync(path.join(spec.workspace, 'progress'), { throwIfNoEntry: false })?.size ?? 0;
    const started = await start(executor, spec);
    await until(() => size() > 4, 'it makes progress');
    await started.execution.freeze();
    await started.execution.freeze();
    const frozenAt = size();
    await sleep(300);
    assert.is(size(), frozenAt);
    await started.execution.thaw();
    await until(() => size() > frozenAt, 'it goes on');
    await started.execution.stop(0);
  });

  check('stops a frozen job with time to clean up', async () => {
    const commands = ["trap 'echo cleaned; exit 3' TERM", 'echo ready', 'while :; do sleep 0.1; done'];
    const started = await start(executor, job(commands));
    await until(() => started.text().includes('ready'), 'it runs');
    await started.execution.freeze();
    await started.execution.stop(60_000);
    assert.equal(await started.finished, exited(3));
  });

  check('may be called when it has ended', async () => {
    const { execution, result } = await run(executor, job(['exit 4']));
    await execution.freeze();
    await execution.thaw();
    await execution.stop(1_000);
    await execution.stop(0);
    assert.equal(await execution.finished, result);
  });

  check('ends what was left in the background, and does not wait for it', async () => {
    const stubborn = `sh -c 'trap "" TERM; while :; do sleep 1; done' &`;
    const { result, text } = await run(
      executor,
      job(['sleep 3600 &', 'setsid sleep 3600 &', stubborn, 'echo done']),
    );
    assert.equal(result, exited(0));
    assert.is(text(), 'done\n');
  });

  check('runs several jobs side by side', async () => {
    const jobs = Array.from({ length: 4 }, (_, i) => run(executor, job([`echo ${i}`, `exit ${i}`])));
    const results = await Promise.all(jobs);
    assert.equal(
      results.map(({ result, text }) => [result.exitCode, text()]),
      [0, 1, 2, 3].map((i) => [i, `${i}\n`]),
    );
  });

  check('sweeps up after a runner that was killed, and only after that', async () => {
    const spec = job(['sleep 3600 &', 'echo ready', 'sleep 3600']);
    const ofTheLiving = await start(
      executor,
      job(['echo ready', 'sleep 3600'], {
        identity: { ...spec.identity, nonce: `other${spec.identity.nonce}` },
      }),
    );
    const { child, text } = doomedRunner(spec);
    await until(() => text().includes('ready') && ofTheLiving.text().includes('ready'), 'they run');
    assert.is(await executor.sweep(spec.identity.runner), 0);
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.is.not((await leftovers(spec.identity.nonce)).length, 0);
    assert.is(await executor.sweep('somebody-else'), 0);
    assert.is(await executor.sweep(spec.identity.runner), 1);
    assert.equal(await leftovers(spec.identity.nonce), []);
    assert.is.not((await leftovers(ofTheLiving.spec.identity.nonce)).length, 0);
    await ofTheLiving.execution.stop(0);
  });

  check('leaves nothing when a runner with a watchdog is killed', async () => {
    const spec = job(["trap '' TERM", 'sleep 3600 &', 'echo ready', 'sleep 3600']);
    const { child, text } = doomedRunner(spec, watchdogScript);
    await until(() => text().includes('ready'), 'it runs');
    child.kill('SIGKILL');
    await nothingIsLeft(spec);
  });

  // A plain process can kill it itself; several times, since it may come too late.
  if (image === null)
    check('leaves nothing when a runner is killed just as its job begins', async () => {
      for (let tries = 0; tries < 5; tries += 1) {
        const spec = job(['kill -KILL $PPID', 'sleep 3600']);
        const { child } = doomedRunner(spec, watchdogScript);
        await once(child, 'exit');
        await nothingIsLeft(spec);
      }
    });

  check('the watchdog goes when the runner goes in peace', async () => {
    const { child, text } = doomedRunner(job(['echo ready']), watchdogScript);
    await once(child, 'close');
    assert.match(text(), /"exitCode":0/);
  });
}
