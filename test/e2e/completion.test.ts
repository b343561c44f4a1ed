// Completion, asked for in the shells themselves.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { executable } from './cli-support.ts';
import { createProject, type TestProject } from './project.ts';

const workflows = `
workflows:
  - {name: train, help: "Train; $(touch hacked) \`touch hacked\` it", commands: [x]}
  - {name: tidy, matrix: {n: [1, 2]}, commands: [x]}
`;
const test = suite<{ project: TestProject; env: NodeJS.ProcessEnv }>('completion');

test.before(async (context) => {
  const project = await createProject(workflows);
  project.write({ '.dstack/variables.yaml': 'variables: {train: {learning_rate: 0.1, rows: 7}}\n' });
  await project.submit(['train', '--name', 'calm-fox', '--tag', 'best']);
  const bin = path.join(project.root, 'bin');
  mkdirSync(bin);
  writeFileSync(path.join(bin, 'dstack'), `#!/bin/sh\nexec '${process.execPath}' '${executable}' "$@"\n`);
  chmodSync(path.join(bin, 'dstack'), 0o755);
  context.project = project;
  context.env = { ...project.env, PATH: `${bin}:${process.env.PATH}`, TERM: 'dumb' };
});
test.after(({ project }) => project.remove());

type Ask = (line: string) => string[];

/** What is typed → what it may become; with `…` at the end there may be more. */
const cases: [line: string, ...expected: string[]][] = [
  ['dstack ru', 'run', 'runner', 'runners'],
  ['dstack runner ', 'start', 'check', '…'],
  ['dstack run t', 'train', 'tidy'],
  ['dstack run train --le', '--learning-rate'],
  ['dstack run tidy --le'],
  ['dstack run train --rows 5 --dr', '--dry-run'],
  ['dstack logs calm', 'calm-fox'],
  ['dstack logs calm-fox/', 'calm-fox/train'],
  ['dstack metrics calm', 'calm-fox'],
  ['dstack metrics calm-fox calm-fox/', 'calm-fox/train'],
  ['dstack metrics calm-fox --c', '--csv'],
  ['dstack compare --workflow tr', 'train'],
  ['dstack compare calm-fox calm-fox/', 'calm-fox/train'],
  ['dstack diff calm-fox calm', 'calm-fox'],
  ['dstack diff calm-fox/', 'calm-fox/train'],
  ['dstack report calm', 'calm-fox'],
  ['dstack rerun calm-fox --le', '--learning-rate'],
  ['dstack rerun :best --ro', '--rows'],
  ['dstack rerun lost --ro'],
  ['dstack doctor --w', '--write'],
  ['dstack hook ', 'install', 'uninstall', 'listen', 'guard', '…'],
  ['dstack hook install --g', '--guard'],
  ['dstack prune --d', '--dry-run'],
  ['dstack store ', 'check', '…'],
  ['dstack untag ', 'best'],
  ['dstack status --state run', 'running'],
  ['dstack completion ', 'bash', 'zsh', 'fish'],
  ['dstack runner start --executor d', 'docker'],
];

function check(ask: Ask): void {
  for (const [line, ...expected] of cases) {
    const open = expected.at(-1) === '…';
    const wanted = open ? expected.slice(0, -1) : expected;
    const found = ask(line);
    if (open) for (const word of wanted) assert.ok(found.includes(word), `${line}: ${found}`);
    else assert.equal([...found].sort(), [...wanted].sort(), line);
  }
}

const linesOf = (text: string) => text.split('\n').filter(Boolean);
const isThere = (shell: string) => spawnSync(shell, ['--version']).status === 0;

test('in bash', ({ project, env }) => {
  const ask: Ask = (line) => {
    const script = `eval "$(dstack completion bash)"; complete -p dstack >/dev/null
      COMP_LINE=$1; COMP_POINT=\${#1}; _dstack; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const options = { cwd: project.folder, env, encoding: 'utf8' } as const;
    return linesOf(execFileSync('bash', ['--norc', '-c', script, 'bash', line], options));
  };
  check(ask);
  // Bash itself has dealt with all up to the colon.
  assert.equal(ask('dstack status :b'), ['best']);
  assert.equal(ask('dstack logs :best/'), ['best/train']);
});

test('in fish', ({ project, env }) => {
  if (!isThere('fish')) {
    console.log('SKIP completion in fish: not installed');
    return;
  }
  const ask: Ask = (line) => {
    const script = `dstack completion fish | source; complete -C ${JSON.stringify(line)}`;
    const options = { cwd: project.folder, env, encoding: 'utf8' } as const;
    const shown = linesOf(execFileSync('fish', ['--no-config', '-c', script], options));
    return shown.map((text) => text.split('\t')[0] as string);
  };
  check(ask);
  assert.equal(ask('dstack status :b'), [':best']);
  assert.equal(ask('dstack logs :best/'), [':best/train']);
});

test('in zsh', ({ project, env }) => {
  if (!isThere('zsh')) {
    console.log('SKIP completion in zsh: not installed');
    return;
  }
  // A zsh of its own on a terminal, in which a key is pressed.
  const script = `zmodload zsh/zpty
    zpty shell zsh -f -i
    zpty -w shell "PS1='> '; autoload -U compinit; compinit -u -D; eval \\"\\$(dstack completion zsh)\\"; print rea''dy"
    zpty -r shell seen '*ready*'
    zpty -n -w shell "$1"$'\\t'
    zpty -r shell seen "*$2*" && print found
    zpty -d shell`;
  for (const [line, expected] of [
    ['dstack run tr', 'train '],
    ['dstack run train --le', '--learning-rate '],
    ['dstack logs ca', 'calm-fox '],
    ['dstack status :b', ':best '],
    ['dstack logs :best/', ':best/train '],
  ]) {
    const options = { cwd: project.folder, env, encoding: 'utf8', timeout: 60_000 } as const;
    const found = execFileSync(
      'zsh',
      ['-f', '-c', script, 'zsh', line as string, expected as string],
      options,
    );
    assert.is(found.trim(), 'found', line);
  }
});

test('a help text of a workflow is no command of a shell', async ({ project, env }) => {
  const { stdout } = await project.dstack(['__complete', '--', 'run', 'tr'], { env });
  assert.is(stdout, 'train\tTrain; $(touch hacked) `touch hacked` it\n');
  assert.is(spawnSync('test', ['-e', path.join(project.folder, 'hacked')]).status, 1);
});

test('nothing is said where there is nothing to say', async ({ project }) => {
  const nothing = [
    ['nonsense', ''],
    ['run', 'train', '--rows', ''],
    ['checkout', 'calm-fox/'],
    ['init', ''],
    [],
  ];
  for (const words of nothing) {
    const { exitCode, stdout, stderr } = await project.dstack(['__complete', '--', ...words]);
    assert.is(exitCode, 0);
    assert.is(stderr, '');
    assert.not.match(stdout, 'calm-fox');
  }
  const outside = await project.dstack(['__complete', '--', 'run', ''], { cwd: project.root });
  assert.equal([outside.exitCode, outside.stdout, outside.stderr], [0, '', '']);
});

test.run();
