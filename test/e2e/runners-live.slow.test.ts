import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openTerminal } from './cli-support.ts';
import { withProject } from './project.ts';

const workflows = `workflows:
  - name: train
    resources: {cpu: 1, memory: 64MB}
    commands: ['sleep 1000']
`;

test(
  'the live list of runners shows what of each is taken, by what and since when, and gives the terminal back',
  withProject(workflows, async (project) => {
    const runner = project.startRunner('cpu-1', ['--executor', 'process', '--concurrency', '2']);
    const tmux = await openTerminal(project);
    try {
      tmux.send('dstack runners', 'Enter');
      const seen =
        (...words: RegExp[]) =>
        (lines: string[]) =>
          words.every((word) => lines.some((line) => word.test(line)));
      await tmux.until(
        'an idle runner',
        seen(
          /^dstack runners +1 runner · 0 jobs at work · 0 waiting/,
          /^cpu-1 +alive /,
          /^ +0 of 2 jobs · 0 of \d+ CPUs/,
        ),
      );
      assert.is(tmux.ask('#{alternate_on}'), '1');
      await tmux.until('what it waits for', seen(/^ +waits for work: the queue is empty/));
      const run = await project.submit(['train']);
      await tmux.until(
        'its job',
        seen(
          /1 job at work/,
          /^ +1 of 2 jobs · 1 of \d+ CPUs · 64MB of /,
          new RegExp(`^ +● ${run}/train +[1-9]\\d?s +1 CPU · 64MB`),
        ),
      );
      tmux.resize(40, 12);
      await tmux.until(
        'a narrow one',
        (lines) => lines.some((line) => /● .*\d+s$/.test(line)) && lines.every((line) => line.length <= 40),
      );
      const shown = await project.dstack(['runners', '--json']);
      const [card] = JSON.parse(shown.stdout);
      assert.equal(card.used, { cpu: 1, memory: 64 * 2 ** 20, gpus: 0 });
      assert.is(card.doing[0].job, `${run}/train`);
      assert.match(
        (await project.dstack(['runners'])).stdout,
        new RegExp(`1/2 .*${run}/train \\d+(\\.\\d)?s`),
      );
      await project.dstack(['stop', run, '--abort', '-y']);
      await tmux.until('no job', seen(/^ +0 of 2 jobs/));
      runner.kill('SIGTERM');
      await tmux.until('no runner', seen(/^No runners\./));
      tmux.send('q');
      await tmux.until('its end', (lines) => lines.includes('ended with 0'));
      assert.is(tmux.ask('#{alternate_on} #{cursor_flag}'), '0 1');
    } finally {
      tmux.close();
    }
  }),
);

test.run();
