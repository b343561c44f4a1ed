// `npm run pictures [-- FOLDER]`: runs the example project on two runners, and draws what its user sees meanwhile: the
// terminal as SVG, the web page as PNG. Needs tmux and Chromium.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { openStage } from '../../fixtures/demo/stage.mjs';
import { photographPage } from './page.mjs';
import { openTerminal } from './terminal.mjs';
import { terminalSvg } from './terminal-svg.ts';

const folder = process.argv[2] ?? path.dirname(fileURLToPath(import.meta.url));
const columns = 116;

const stage = openStage();
const terminal = openTerminal(stage);
try {
  stage.copyProject();
  await run('git', 'init', '--quiet', '--initial-branch=main');
  await run('git', 'add', '--all');
  await run('git', 'commit', '--quiet', '--message=Penguins');
  await run('dstack', 'init', '--create', '../shared.git');
  for (const name of ['gpu-1', 'gpu-2']) {
    stage.background('dstack-runner', ['--executor', 'process', '--name', name]);
  }
  await drawRun();
  await drawStatus();
  await drawComparison();
  await photographPage(stage, path.join(folder, 'page.png'), 'keen-falcon-3w8d');
} finally {
  terminal.close();
  await stage.close();
}

async function drawRun() {
  await run('dstack', 'run', 'preprocess');
  const lines = await terminal.show(['run', 'validate', '--name', 'brave-otter-7k2m'], {
    columns: 100,
    rows: 30,
    until: (text) => /dstack artifacts/.test(text),
  });
  draw('run', lines, 100, '`dstack run`: what was captured, the jobs, their log, and what came of it');
}

async function drawStatus() {
  // A learning rate with which the training fails.
  await stage.run('dstack', ['run', 'validate', '--learning-rate', '1e6', '--name', 'witty-heron-p4xw']);
  await run('dstack', 'run', 'validate', '--learning-rate', '0.3', '--name', 'calm-lynx-9d3e');
  for (const [name, seed] of [
    ['lucky-panda-5tzc', '7'],
    ['sunny-crane-h2vb', '8'],
    ['tidy-fox-k6rn', '9'],
  ]) {
    await run('dstack', 'run', 'validate', '--seed', seed, '--epochs', '60000', '--name', name, '--detach');
  }
  const lines = await terminal.show(['status'], {
    columns,
    rows: 26,
    until: (text) => (text.match(/running/g) ?? []).length >= 4,
  });
  draw('status', lines, columns, '`dstack status`: runs and their jobs, live in a terminal');
  for (const name of ['lucky-panda-5tzc', 'sunny-crane-h2vb', 'tidy-fox-k6rn']) {
    await run('dstack', 'stop', name, '--abort', '-y');
  }
}

async function drawComparison() {
  await run('dstack', 'run', 'sweep', '--name', 'keen-falcon-3w8d');
  const lines = await terminal.show(['compare', 'keen-falcon-3w8d', '--min', 'loss', '--parallel'], {
    columns,
    rows: 36,
    until: (text) => /sweep-6/.test(text),
  });
  draw('compare', lines, columns, '`dstack compare`: the cells of a sweep beside each other');
}

/** Blank lines at the end are none. */
function draw(name, lines, width, title) {
  while (lines.at(-1)?.trim() === '') lines.pop();
  writeFileSync(path.join(folder, `${name}.svg`), terminalSvg(lines, width, title));
}

async function run(name, ...args) {
  const { code, lines } = await stage.run(name, args);
  if (code !== 0) throw new Error([`${name} ${args.join(' ')}: exit code ${code}`, ...lines].join('\n'));
}
