import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startTmux, type Tmux } from './tmux.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'show-status-'));
const program = path.join(folder, 'show-status.mjs');

const test = suite<{ tmux: Tmux }>('status-screen');

/** A terminal of this size with the live screen on it, below what the user had there before. */
async function startScreen(
  columns: number,
  rows: number,
  env: Record<string, string> = {},
  pointer = '❯',
): Promise<Tmux> {
  const tmux = startTmux(columns, rows, { PROGRAM: program, NODE: process.execPath, ...env });
  try {
    await tmux.until('the prompt', (lines) => /^[$#]/.test(lines[0] ?? ''));
    tmux.send('echo before-$((40+2))', 'Enter');
    await tmux.until('the shell', (lines) => lines.includes('before-42'));
    tmux.send('"$NODE" "$PROGRAM"; echo status-$?', 'Enter');
    await tmux.until('the status', (lines) => lines.some((line) => line.startsWith(pointer)));
    return tmux;
  } catch (error) {
    tmux.close();
    throw error;
  }
}

// Started as often as here, it is worth being compiled once.
test.before(async () => {
  writeFileSync(path.join(folder, 'nothing.js'), 'export default {};');
  await build({
    entryPoints: [fileURLToPath(new URL('show-status.ts', import.meta.url))],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    define: { 'process.env.NODE_ENV': '"production"' },
    alias: { 'react-devtools-core': path.join(folder, 'nothing.js') },
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
});
test.after(() => rmSync(folder, { recursive: true, force: true }));

test.before.each(async (context) => {
  context.tmux = await startScreen(80, 24);
});
test.after.each(({ tmux }) => tmux.close());

function pointed(lines: string[]): string {
  return lines.filter((line) => line.startsWith('❯')).join('\n');
}

/** The terminal is as it was: main screen, cursor, line mode with echo, and it can be typed on. */
async function assertRestored(tmux: Tmux, status: number, said = true): Promise<void> {
  if (!said) {
    await tmux.until('the prompt', (all) => /^[$#]$/.test(all.findLast(Boolean) ?? ''));
    tmux.send('echo status-$?', 'Enter');
  }
  const lines = await tmux.until('the shell', (all) => all.includes(`status-${status}`));
  assert.is(tmux.ask('#{alternate_on} #{cursor_flag}'), '0 1');
  assert.ok(lines.includes('before-42'), 'the old screen is back');
  assert.not.ok(
    lines.some((line) => line.includes('q quit')),
    'nothing of the screen stays',
  );
  tmux.send('stty -a', 'Enter');
  const settings = await tmux.until(
    'stty',
    (all) => all.some((line) => / -?icanon /.test(` ${line} `)) && /^[$#]$/.test(all.findLast(Boolean) ?? ''),
  );
  assert.match(settings.join(' '), / icanon /);
  assert.match(settings.join(' '), / isig /);
  assert.match(settings.join(' '), / echo /);
  tmux.send('echo typed-$((40+2))', 'Enter');
  await tmux.until(
    'what is typed',
    (all) => all.includes('typed-42') && all.some((line) => /^[$#] echo typed/.test(line)),
  );
}

test('keys move, fold, filter, stop, and q gives the terminal back', async ({ tmux }) => {
  assert.is(tmux.ask('#{alternate_on} #{cursor_flag}'), '1 0');
  tmux.send('j', 'j');
  await tmux.until('j j', (lines) => pointed(lines).includes('train-1'));
  tmux.send('Up');
  await tmux.until('up', (lines) => pointed(lines).includes('preprocess'));
  tmux.send('Left');
  await tmux.until(
    'folded',
    (lines) => pointed(lines).includes('▸ brave-otter-7k2m') && !lines.join().includes('train-1'),
  );
  tmux.send('s');
  await tmux.until('the question', (lines) =>
    lines.includes('Stop brave-otter-7k2m (2 unfinished jobs)? y/n'),
  );
  tmux.send('y');
  await tmux.until('the answer', (lines) => lines.includes('asked brave-otter-7k2m whole to stop'));
  tmux.send('/fox');
  await tmux.until(
    'the filter',
    (lines) => pointed(lines).includes('calm-fox-1a2b') && !lines.join().includes('dull-owl'),
  );
  tmux.send('Escape');
  await tmux.until('everything', (lines) => lines.join().includes('dull-owl'));
  tmux.send('q');
  await tmux.until('the end', (lines) => lines.includes('left'));
  await assertRestored(tmux, 0);
});

test('follows the size of the window without broken lines', async ({ tmux }) => {
  for (const [columns, rows] of [
    [40, 12],
    [200, 50],
    [30, 8],
    [80, 24],
  ] as const) {
    tmux.resize(columns, rows);
    const head = [
      /^dstack {2}1 unfinished/,
      /^ {2}RUN \/ JOB/,
      /^❯ ▾ brave-/,
      /^ {4,6}prep/,
      /^ {4,6}├ trai/,
    ];
    const lines = await tmux.until(
      `a whole screen of ${columns}×${rows}`,
      (all) =>
        all.length === rows &&
        head.every((pattern, index) => pattern.test(all[index] ?? '')) &&
        all.some((line) => line.includes('WORKFLOW')) === columns >= 160 &&
        all.some((line) => line.includes('on gpu-1')) === (columns >= 60 && columns < 100) &&
        all.some((line) => line.includes('QUEUED')) === columns >= 80 &&
        all[rows - 2]?.startsWith('q quit') === true &&
        // It stays free, so that nothing scrolls.
        all[rows - 1] === '',
    );
    const once = (pattern: RegExp) => assert.is(lines.filter((line) => pattern.test(line)).length, 1);
    for (const pattern of [...head, /q quit/]) once(pattern);
  }
  tmux.send('q');
  await assertRestored(tmux, 0);
});

test('leaves for a log and comes back to the same job', async ({ tmux }) => {
  tmux.send('j', 'j', 'l');
  await tmux.until('train-1 again', (lines) => pointed(lines).includes('train-1'));
  tmux.send('j');
  await tmux.until('keys again', (lines) => pointed(lines).includes('train-2'));
  tmux.send('q');
  const lines = await tmux.until('the end', (all) => all.includes('left'));
  assert.ok(lines.includes('log of brave-otter-7k2m/train-1'));
  await assertRestored(tmux, 0);
});

/** The program is the shell's only child. */
function programOf(tmux: Tmux): number {
  const shell = tmux.ask('#{pane_pid}');
  return Number(execFileSync('ps', ['-o', 'pid=', '--ppid', shell], { encoding: 'utf8' }));
}

for (const [signal, number] of [
  ['SIGTERM', 15],
  ['SIGHUP', 1],
  ['SIGINT', 2],
] as const) {
  test(`${signal} gives the terminal back`, async ({ tmux }) => {
    process.kill(programOf(tmux), signal);
    // A shell whose program was interrupted does not go on with its line.
    await assertRestored(tmux, 128 + number, signal !== 'SIGINT');
  });
}

test('ctrl+c gives the terminal back', async ({ tmux }) => {
  tmux.send('C-c');
  await tmux.until('the end', (lines) => lines.includes('left'));
  await assertRestored(tmux, 0);
});

test('an error that nobody catches gives the terminal back, and is still to be read there', async ({
  tmux,
}) => {
  tmux.send('t', 'crash', 'Enter');
  await tmux.until('the error', (lines) => lines.some((line) => line.includes('Error: this went wrong')));
  await assertRestored(tmux, 1);
});

for (const way of ['ctrl+z', 'SIGTSTP'] as const) {
  test(`${way} gives the terminal to the shell until fg`, async ({ tmux }) => {
    tmux.send('j');
    await tmux.until('j', (lines) => pointed(lines).includes('preprocess'));
    if (way === 'ctrl+z') tmux.send('C-z');
    else process.kill(programOf(tmux), 'SIGTSTP');
    await tmux.until('the shell', (lines) => lines.some((line) => /Stopped|Suspended/i.test(line)));
    assert.is(tmux.ask('#{alternate_on} #{cursor_flag}'), '0 1');
    tmux.send('echo typed-$((40+2))', 'Enter');
    await tmux.until('what is typed', (lines) => lines.includes('typed-42'));
    tmux.resize(60, 20);
    tmux.send('fg', 'Enter');
    const lines = await tmux.until('the whole screen again', (all) =>
      [/^dstack /, /RUN \/ JOB/, /^❯ .*preprocess/, /dull-owl/, /^q quit/].every((pattern) =>
        all.some((line) => pattern.test(line)),
      ),
    );
    assert.not.ok(lines.includes('typed-42'));
    assert.is(tmux.ask('#{alternate_on} #{cursor_flag}'), '1 0');
    tmux.send('j');
    await tmux.until('keys again', (all) => pointed(all).includes('train-1'));
    tmux.send('q');
    await tmux.until('the end', (all) => all.includes('left'));
    await assertRestored(tmux, 0, false);
  });
}

for (const [columns, rows] of [
  [80, 24],
  [200, 50],
  [40, 24],
] as const) {
  test(`without colours and Unicode, at ${columns}×${rows}`, async (context) => {
    context.tmux.close();
    const tmux = await startScreen(columns, rows, { LANG: 'C', NO_COLOR: '1' }, '>');
    context.tmux = tmux;
    const seen = [
      /^> - brave-otter-7k2m +\* running/,
      /^ +\| train-1 +\* running/,
      /^ {2}\+ calm-fox-1a2b +x failed/,
    ];
    await tmux.until('the tree', (lines) => seen.every((one) => lines.some((line) => one.test(line))));
    assert.match(tmux.screen().join(''), /^[\x20-\x7e]*$/);
    assert.not.match(tmux.colours(), /\x1b\[[0-9;]*(3[0-7]|9[0-7])m/);
    tmux.send('q');
    await tmux.until('the end', (lines) => lines.includes('left'));
  });

  test(`in colour, at ${columns}×${rows}`, async (context) => {
    context.tmux.close();
    const tmux = await startScreen(columns, rows);
    context.tmux = tmux;
    assert.match(tmux.colours(), /\x1b\[31m[^ ]* *✖ failed/);
    assert.match(tmux.colours(), /\x1b\[36m[^ ]* *● running/);
    tmux.send(' ', 'd');
    await tmux.until('the difference', (lines) => lines.some((line) => line.includes('+ new')));
    assert.match(tmux.colours(), /\x1b\[32m\+ new/);
    tmux.send('q', 'q');
    await tmux.until('the end', (lines) => lines.includes('left'));
  });
}

test.run();
