import { cleanup } from 'ink-testing-library';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { manyRuns, sampleState } from './sample-state.ts';
import { KEYS, normal, showStatus } from './screen-support.ts';

const test = suite('status-keys');
test.after.each(cleanup);

test('moves with arrows and with j and k, and stops at both ends', async () => {
  const screen = await showStatus(sampleState);
  await screen.press(KEYS.up);
  assert.match(screen.pointed(), /brave-otter/);
  await screen.press(KEYS.down, 'j');
  assert.match(screen.pointed(), /train-1/);
  await screen.press('k');
  assert.match(screen.pointed(), /preprocess/);
  await screen.press('jjjjjjjjjj');
  assert.match(screen.pointed(), /dull-owl/);
  await screen.press('g');
  assert.match(screen.pointed(), /brave-otter/);
  screen.close();
});

test('enter folds and unfolds a run, so do the arrows; of a job it opens all about it', async () => {
  const screen = await showStatus(sampleState);
  await screen.press(KEYS.enter);
  assert.match(screen.pointed(), /▸ brave-otter/);
  assert.not.match(screen.text(), /train-1/);
  await screen.press('j', KEYS.right);
  assert.match(screen.text(), / train +✖ failed/);
  await screen.press('j', 'j', KEYS.left);
  assert.match(screen.pointed(), /▸ calm-fox/, 'on a job they fold its run');
  await screen.press(KEYS.right, 'j', 'j', KEYS.enter);
  assert.match(screen.text(), /^calm-fox-1a2b\/train\nState: +failed\n/);
  await screen.press(KEYS.escape);
  assert.match(screen.pointed(), / train /);
  screen.close();
});

test('typing after / filters, backspace and escape take it back, enter keeps it', async () => {
  const screen = await showStatus(sampleState);
  await screen.press('/fixx', KEYS.backspace, KEYS.backspace, KEYS.backspace, 'ox');
  assert.match(screen.lines()[0] ?? '', /\/fox_/);
  assert.match(screen.pointed(), /calm-fox/);
  await screen.press(KEYS.enter, KEYS.enter);
  assert.match(screen.lines()[3] ?? '', / preprocess/, 'after enter, keys are keys again');
  assert.match(screen.lines()[0] ?? '', /\/fox \(1\)/);
  await screen.press(`${KEYS.escape}j`);
  assert.match(screen.text(), /dull-owl/);
  assert.match(screen.pointed(), /preprocess|dull-owl/, 'what comes at once with escape is a key of its own');
  await screen.press('/', 'nothing has this');
  assert.match(screen.text(), /Nothing matches/);
  await screen.press(KEYS.escape, '/', 'LEARNING_rate=0.01 train-2');
  assert.match(screen.pointed(), /brave-otter/, 'variables and jobs count, capitals do not');
  screen.close();
});

test('s asks, y stops the job, and the answer is shown until the next key', async () => {
  const screen = await showStatus(sampleState);
  await screen.press('j', 'j', 's');
  assert.is(screen.bottom(), 'Stop brave-otter-7k2m/train-1? y/n');
  await screen.press('n');
  assert.equal(screen.calls, []);
  await screen.press('sy');
  assert.equal(screen.calls, [['stop', 'brave-otter-7k2m', 'train-1']]);
  assert.is(screen.bottom(), 'it stops');
  await screen.press('j');
  assert.match(screen.bottom() ?? '', /waits for a runner/);
  screen.close();
});

test('s on a run stops the run, A aborts it; on a finished one they say so; a refusal is shown', async () => {
  const screen = await showStatus(sampleState);
  screen.refuse(new Error('no contact\x1b[2J'));
  await screen.press('s', 'y');
  assert.is(screen.bottom(), 'no contact\\x1b[2J');
  await screen.press('A');
  assert.match(screen.bottom() ?? '', /^Abort, .* brave-otter-7k2m \(2 unfinished jobs\)\? y\/n$/);
  await screen.press('y');
  assert.equal(screen.calls, [
    ['stop', 'brave-otter-7k2m', null],
    ['abort', 'brave-otter-7k2m', null],
  ]);
  for (const key of ['s', 'A']) {
    await screen.press('G', key);
    assert.is(screen.bottom(), 'dull-owl-9x8y has ended already (cached)');
    await screen.press('y');
  }
  assert.is(screen.calls.length, 2);
  screen.close();
});

test('r runs the run of a job once more, if that is confirmed', async () => {
  const screen = await showStatus(sampleState);
  await screen.press('j', 'r', 'x');
  assert.equal(screen.calls, []);
  await screen.press('r');
  assert.is(screen.bottom(), 'Run the code and variables of brave-otter-7k2m once more? y/n');
  await screen.press('y');
  assert.equal(screen.calls, [['rerun', 'brave-otter-7k2m']]);
  assert.is(screen.bottom(), 'submitted as new-bee-1111');
  screen.close();
});

test('t takes the name of a tag, in which all keys are letters', async () => {
  const screen = await showStatus(sampleState);
  await screen.press('t', 'quots', KEYS.backspace, 'e?');
  assert.is(screen.bottom(), 'Tag for brave-otter-7k2m: quote?_');
  await screen.press(KEYS.escape);
  assert.equal(screen.calls, []);
  await screen.press('tbest', KEYS.enter);
  assert.equal(screen.calls, [['tag', 'brave-otter-7k2m', 'best']]);
  assert.is(screen.bottom(), 'best keeps brave-otter-7k2m');
  await screen.press('t', KEYS.enter);
  assert.is(screen.calls.length, 1, 'no name, no tag');
  screen.close();
});

test('space marks runs, d shows in what two differ, page by page', async () => {
  const screen = await showStatus(sampleState);
  await screen.press('d');
  assert.is(screen.bottom(), 'mark two runs with the space bar');
  await screen.press(' ');
  assert.match(screen.text(), /^ ◆▾ brave-otter/m);
  assert.match(screen.pointed(), /calm-fox/, 'it goes on to the next run');
  assert.match(screen.keys() ?? '', /d diff/);
  await screen.press(' ', ' ', 'd');
  assert.match(screen.bottom() ?? '', /3 runs are marked/);
  assert.equal(screen.calls, []);
  await screen.press(KEYS.escape, 'g', ' ', 'd');
  assert.equal(screen.calls, [['diff', 'brave-otter-7k2m', 'calm-fox-1a2b']], 'the marked one and this');
  assert.match(
    screen.text(),
    /^diff brave-otter-7k2m calm-fox-1a2b {2}1-20 of 102\nCode of brave-otter-7k2m\n/,
  );
  await screen.press(' ');
  assert.match(screen.lines()[0] ?? '', / 21-40 of 102$/);
  await screen.press('jk', 'G');
  assert.match(screen.text(), /the end/);
  await screen.press('b', 'g', KEYS.down);
  assert.match(screen.lines()[0] ?? '', / 2-21 of 102$/);
  await screen.press('q');
  assert.match(screen.pointed(), /calm-fox/, 'q closes the page, and not the screen');
  assert.is(screen.subscribed(), 1);
  screen.refuse(new Error('its code has gone'));
  await screen.press('d');
  assert.match(screen.text(), /its code has gone/);
  screen.close();
});

test('while a page is open the keys of what it shows go on working', async () => {
  const screen = await showStatus(sampleState);
  await screen.press('j', 'j', 'o', 's');
  assert.is(screen.bottom(), 'Stop brave-otter-7k2m/train-1? y/n');
  await screen.press('y');
  assert.equal(screen.calls, [['stop', 'brave-otter-7k2m', 'train-1']]);
  assert.match(screen.lines()[0] ?? '', /^brave-otter-7k2m\/train-1/, 'the page is still there');
  assert.is(screen.bottom(), 'it stops');
  await screen.press('l');
  assert.equal(screen.calls.at(-1), ['logs', 'brave-otter-7k2m', 'train-1']);
});

test('l leaves for the log of the job, or of all jobs of the run', async () => {
  const job = await showStatus(sampleState);
  await job.press('j', 'j', 'l');
  assert.equal(job.calls, [['logs', 'brave-otter-7k2m', 'train-1']]);
  assert.is(job.subscribed(), 0, 'leaving ends the subscription');
  const run = await showStatus(sampleState);
  await run.press('l');
  assert.equal(run.calls, [['logs', 'brave-otter-7k2m', null]]);
  const single = await showStatus(sampleState);
  await single.press('G', 'l');
  assert.equal(single.calls, [['logs', 'dull-owl-9x8y', 'preprocess']], 'a run of one job has one log');
});

test('q leaves; what is typed after it is not acted on', async () => {
  const screen = await showStatus(sampleState);
  await screen.press('qsyl');
  assert.is(screen.subscribed(), 0);
  assert.equal(screen.calls, []);
});

test('? explains the keys and the symbols, any key closes it', async () => {
  const screen = await showStatus(sampleState, { ...normal, rows: 40 });
  await screen.press('?');
  assert.match(screen.text(), /fold or unfold/);
  assert.match(screen.text(), /⊘ aborted/);
  await screen.press('q');
  assert.match(screen.pointed(), /brave-otter/);
  assert.is(screen.subscribed(), 1);
  screen.close();
});

test('a page of keys that is longer than the screen can be read to its end', async () => {
  const screen = await showStatus(manyRuns(3), normal);
  await screen.press('?', KEYS.pageDown);
  assert.match(screen.text(), /≡ cached/);
  screen.close();
});

test.run();
