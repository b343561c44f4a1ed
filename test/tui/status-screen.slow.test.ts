import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startTmux, type Tmux } from './tmux.ts';

const program = fileURLToPath(new URL('show-status.ts', import.meta.url));
const loader = import.meta.resolve('tsx');

const test = suite<{ tmux: Tmux }>('status-screen');

test.before.each(async (context) => {
  context.tmux = startTmux(80, 24, { PROGRAM: program, LOADER: loader, NODE: process.execPath });
  await context.tmux.until('the prompt', (lines) => /^[$#]/.test(lines[0] ?? ''));
  // What the user had on the terminal before.
  context.tmux.send('echo before-$((40+2))', 'Enter');
  await context.tmux.until('the shell', (lines) => lines.includes('before-42'));
  context.tmux.send('"$NODE" --import "$LOADER" "$PROGRAM"; echo status-$?', 'Enter');
  await context.tmux.until('the status', (lines) => lines.some((line) => line.startsWith('❯')));
});
test.after.each(({ tmux }) => tmux.close());

function pointed(lines: string[]): string {
  return lines.filter((line) => line.startsWith('❯')).join('\n');
}

/** The terminal is as it was: main screen, cursor, line mode with echo, and it can be typed on. */
async function assertRestored(tmux: Tmux, status: number): Promise<void> {
  const lines = await tmux.until('the shell', (all) => all.includes(`status-${status}`));
  assert.is(tmux.ask('#{alternate_on} #{cursor_flag}'), '0 1');
  assert.ok(lines.includes('before-42'), 'the old screen is back');
  assert.not.ok(
    lines.some((line) => line.includes('q quit')),
    'nothing of the screen stays',
  );
  tmux.send('stty -a', 'Enter');
  const settings = await tmux.until('stty', (all) => all.some((line) => / -?icanon /.test(` ${line} `)));
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
  tmux.send('Enter');
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
    const head = [/^dstack {2}1 unfinished/, /^ {2}RUN \/ JOB/, /^❯ ▾ brave-/, /^ {4}├ prep/, /^ {4}├ trai/];
    const lines = await tmux.until(
      `a whole screen of ${columns}×${rows}`,
      (all) =>
        all.length === rows &&
        head.every((pattern, index) => pattern.test(all[index] ?? '')) &&
        all.some((line) => line.includes('WORKFLOW')) === columns >= 100 &&
        all.some((line) => line.includes('gpu-1')) === columns >= 60 &&
        all[rows - 2]?.startsWith('q quit') === true &&
        // It stays free, so that nothing scrolls.
        all[rows - 1] === '',
    );
    const once = (pattern: RegExp) => assert.is(lines.filter((line) => pattern.test(line)).length, 1);
    for (const pattern of [...head, /q quit/, /^learning_rate=/]) once(pattern);
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

for (const [signal, number] of [
  ['SIGTERM', 15],
  ['SIGHUP', 1],
] as const) {
  test(`${signal} gives the terminal back`, async ({ tmux }) => {
    const shell = tmux.ask('#{pane_pid}');
    // The program is the shell's only child.
    const pid = Number(execFileSync('ps', ['-o', 'pid=', '--ppid', shell], { encoding: 'utf8' }));
    process.kill(pid, signal);
    await assertRestored(tmux, 128 + number);
  });
}

test('ctrl+c gives the terminal back', async ({ tmux }) => {
  tmux.send('C-c');
  await tmux.until('the end', (lines) => lines.includes('left'));
  await assertRestored(tmux, 0);
});

test.run();
