// `npm run picture`: runs the example project on two runners, and draws what `dstack status` shows meanwhile
// into docs/status.svg. Needs tmux.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openStage } from '../fixtures/demo/stage.mjs';
import { terminalSvg } from './terminal-svg.ts';

const columns = 116;
const rows = 24;
const patience = 60_000;
const picture = fileURLToPath(new URL('status.svg', import.meta.url));
const executable = fileURLToPath(new URL('../dist/dstack.js', import.meta.url));

const stage = openStage();
const tmux = (...args) =>
  execFileSync('tmux', ['-u', '-f', '/dev/null', '-S', path.join(stage.folder, 'tmux'), ...args], {
    cwd: stage.project,
    env: { ...stage.env, TERM: 'xterm-256color' },
    encoding: 'utf8',
  });

try {
  stage.copyProject();
  await run('git', 'init', '--quiet', '--initial-branch=main');
  await run('git', 'add', '--all');
  await run('git', 'commit', '--quiet', '--message=Penguins');
  await run('dstack', 'init', '--create', '../shared.git');
  for (const name of ['gpu-1', 'gpu-2']) {
    stage.background('dstack-runner', ['--executor', 'process', '--name', name]);
  }
  await run('dstack', 'run', 'validate', '--name', 'brave-otter-7k2m');
  // A learning rate with which the training fails.
  await stage.run('dstack', ['run', 'validate', '--learning-rate', '1e6', '--name', 'witty-heron-p4xw']);
  await run('dstack', 'run', 'validate', '--learning-rate', '0.3', '--name', 'calm-lynx-9d3e');
  await run('dstack', 'run', 'validate', '--name', 'swift-robin-m8qa');
  for (const [name, seed] of [
    ['lucky-panda-5tzc', '7'],
    ['sunny-crane-h2vb', '8'],
    ['tidy-fox-k6rn', '9'],
  ]) {
    const variables = ['--seed', seed, '--epochs', '60000'];
    await run('dstack', 'run', 'validate', ...variables, '--name', name, '--detach');
  }
  const lines = await capture((text) => (text.match(/running/g) ?? []).length >= 4);
  writeFileSync(
    picture,
    terminalSvg(lines, columns, 'dstack status: runs and their jobs, live in a terminal'),
  );
} finally {
  await stage.close();
}

async function run(name, ...args) {
  const { code, lines } = await stage.run(name, args);
  if (code !== 0) throw new Error([`${name} ${args.join(' ')}: exit code ${code}`, ...lines].join('\n'));
}

/** What is on the screen once it is as wanted, with its colours. */
async function capture(wanted) {
  tmux(
    'new-session',
    '-d',
    '-x',
    String(columns),
    '-y',
    String(rows),
    process.execPath,
    executable,
    'status',
  );
  try {
    const until = performance.now() + patience;
    for (;;) {
      await sleep(500);
      const lines = tmux('capture-pane', '-e', '-p').trimEnd().split('\n');
      if (wanted(lines.join('\n'))) return lines;
      if (performance.now() > until) throw new Error(`not what is wanted:\n${lines.join('\n')}`);
    }
  } finally {
    tmux('kill-server');
  }
}
