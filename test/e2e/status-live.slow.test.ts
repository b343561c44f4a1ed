import { renameSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { makeHistory, pastRun } from '../bench/history-maker.ts';
import { openTerminal } from './cli-support.ts';
import { withProject } from './project.ts';

const workflows = (root: string) => `workflows:
  - name: data
    commands: ['mkdir -p out; echo 1 > out/one']
    artifacts: [out]
  - name: train
    depends-on: {workflows: [data]}
    matrix: {seed: [1, 2], lr: [0.1]}
    metrics: metrics.jsonl
    commands:
      - 'echo "{\\"step\\": 7, \\"loss\\": 0.25}" >> metrics.jsonl'
      - 'printf "\\r 10%%|#   |\\r 42%%|### | 42/100"; until [ -e ${root}/go ]; do sleep 0.1; done; echo'
  - name: report
    depends-on: {workflows: [train]}
    commands: ['echo "it is lost" >&2; exit 3']
  - name: large
    resources: {memory: 900TB}
    commands: [':']
`;

const seen =
  (...words: RegExp[]) =>
  (lines: string[]) =>
    words.every((word) => lines.some((line) => word.test(line)));

test(
  'the live screen shows how real jobs go, and its keys do what they say',
  withProject(workflows, async (project) => {
    project.startRunner('anna', ['--executor', 'process', '--concurrency', '1']);
    const large = await project.submit(['large']);
    const run = await project.submit(['report']);
    const tmux = await openTerminal(project);
    try {
      tmux.resize(200, 24);
      tmux.send('dstack status', 'Enter');
      await tmux.until(
        'the tree, with queue times, cells, metrics and a progress bar',
        seen(
          new RegExp(`^. ▾ ${run} +● running +\\S+ +\\S+ +\\S+ ago +report +1/4`),
          /^. +data +✔ done +\S+ +\S+ +anna/,
          // Which one a runner takes first is drawn.
          /^. +[├└] train-[12] +● running +\S+ +\S+ +anna +seed=[12] · step 7 {2}loss 0.25 · 42%\|### \| 42\/1/,
          /^. +[├└] train-[12] +○ submitted +\S+ +seed=[12] · waits for a runner: anna is busy/,
          /^. {3,}└ report +○ submitted +waits for train-1, train-2 · after train-1/,
          /^. +large +○ submitted +\S+ +waits for a runner: it needs 900TB/,
        ),
      );
      tmux.resize(40, 24);
      await tmux.until(
        'a narrow one',
        (lines) => seen(/train-[12] +● running/)(lines) && lines.every((line) => line.length <= 40),
      );
      tmux.resize(100, 30);

      tmux.send(`/${large}`, 'Enter', 'A');
      await tmux.until('the question', seen(new RegExp(`^Abort.* ${large} \\(1 unfinished job\\)\\? y/n`)));
      tmux.send('y');
      await tmux.until('its end', seen(new RegExp(`▾ ${large} +⊘ aborted`)));
      tmux.send('Escape');
      // A terminal sends the escape key as the beginning of a longer sequence: what follows has to come later.
      await tmux.until('all', seen(new RegExp(run)));
      tmux.send(`/${run}`, 'Enter');
      project.write({ '../go': '' });
      await tmux.until('why it failed', seen(/└ report +✖ failed .*exit code 3: it is lost/));

      tmux.send('t', 'best', 'Enter');
      await tmux.until('the tag', seen(new RegExp(`^best keeps ${run}`), new RegExp(`${run} .*:best`)));
      tmux.send('t', 'no good', 'Enter');
      await tmux.until('what is wrong with that', seen(/no good/));
      assert.equal(await project.refs('tags'), ['best']);
      tmux.send('r');
      await tmux.until('the question', seen(/once more\? y\/n/));
      tmux.send('y');
      const again = await tmux.until('its answer', seen(/^submitted as \S+$/));
      const second = again.map((line) => /^submitted as (\S+)$/.exec(line)?.[1]).find(Boolean) ?? '';
      assert.match((await project.dstack(['status', second])).stdout, `rerun of ${run}`);
      tmux.send('Escape');
      await tmux.until('the new run', seen(new RegExp(`${second} +✖ failed`)));

      tmux.send('g', 'Space', 'Space', 'd');
      await tmux.until('a difference', seen(/^diff \S+ \S+/, /^Code: the same/));
      tmux.send('q', 'g', 'l');
      await tmux.until('the log', seen(/\| it is lost/, /q (back|quit|leave)/));
      tmux.send('q');
      await tmux.until('the screen again', seen(/^dstack +0 unfinished/));

      renameSync(project.shared, `${project.shared}.away`);
      await tmux.until('that it is gone', seen(/^connection lost .* ago: ./, / as of \d+s ago$/));
      assert.ok(seen(new RegExp(run))(tmux.screen()), 'what is known stays');
      renameSync(`${project.shared}.away`, project.shared);
      await tmux.until(
        'contact again',
        (lines) => !seen(/^connection lost/)(lines) && seen(/as of now$/)(lines),
      );
      tmux.send('q');
      await tmux.until('its end', (lines) => lines.includes('ended with 0'));
      assert.is(tmux.ask('#{alternate_on} #{cursor_flag}'), '0 1');
    } finally {
      tmux.close();
    }
  }),
);

test(
  'archived runs are read as the cursor comes near them, or as a filter asks for them',
  withProject('workflows: []\n', async (project) => {
    await makeHistory(project.shared, project.root, { count: 1_000 });
    const tmux = await openTerminal(project);
    try {
      tmux.send('dstack status', 'Enter');
      await tmux.until('the newest', seen(/^dstack .* 1000 runs/, new RegExp(`^❯ . ${pastRun(999)}`)));
      tmux.send(`/${pastRun(17)}`);
      await tmux.until('an old one', seen(new RegExp(`^❯ . ${pastRun(17)} +✔ done`)));
      tmux.send('Escape');
      await tmux.until('all', seen(new RegExp(pastRun(18))));
      tmux.send('G');
      await tmux.until('the oldest', seen(new RegExp(`^❯ . ${pastRun(0)}`), / {2}as of /));
      assert.not.ok(seen(/older to read/)(tmux.screen()));
      tmux.send('q');
      await tmux.until('its end', (lines) => lines.includes('ended with 0'));
    } finally {
      tmux.close();
    }
  }),
);

test.run();
