import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openTerminal } from './cli-support.ts';
import { type TestProject, until, withProject } from './project.ts';

const training = (root: string) => `
workflows:
  - name: train
    metrics: m.jsonl
    commands:
      - |
        for step in 1 2 3; do echo "{\\"step\\": $step, \\"loss\\": $((10 - step))}" >> m.jsonl; done
        until [ -e ${root}/go ]; do sleep 0.1; done
        echo '{"step": 4, "loss": 5}' >> m.jsonl
`;

/** A run that has measured three steps, and goes on when `go` is there. */
async function begin(project: TestProject): Promise<string> {
  const runner = project.startRunner('one', ['--drain', '--poll', '200ms', '--executor', 'process']);
  const run = await project.submit(['train']);
  await until('measurements', async () => {
    const { stdout } = await project.dstack(['metrics', run, '--json']);
    return JSON.parse(stdout)[0]?.points.length === 3;
  });
  runner.exited.catch(() => {});
  return run;
}

test(
  'charts that grow: q and Ctrl+C give the terminal back, and what they show in the end stays there',
  withProject(training, async (project) => {
    const run = await begin(project);
    const tmux = await openTerminal(project);
    try {
      const watch = async () => {
        await tmux.clear();
        tmux.send(`dstack metrics ${run} -f`, 'Enter');
        await tmux.until('a chart', (lines) => /^loss/.test(lines[0] ?? '') && lines.includes('q leaves'));
        assert.is(tmux.ask('#{alternate_on} #{cursor_flag}'), '1 0');
      };
      const ended = async (code: number) => {
        const lines = await tmux.until('the end', (all) => all.includes(`ended with ${code}`));
        assert.is(tmux.ask('#{alternate_on} #{cursor_flag}'), '0 1');
        return lines;
      };
      await watch();
      tmux.resize(40, 12);
      await tmux.until('less room', (lines) => lines.length === 12 && lines.at(-1) === 'q leaves');
      tmux.resize(100, 30);
      tmux.send('q');
      await ended(0);
      await watch();
      tmux.send('C-c');
      await ended(130);
      await watch();
      writeFileSync(path.join(project.root, 'go'), '');
      const lines = await ended(0);
      assert.match(lines.join('\n'), /loss\n.*┤.*\nJOB +step +loss\n\S+\/train +4 +5\n/s);
      tmux.send('stty -a', 'Enter');
      await tmux.until('line mode', (all) => / icanon /.test(` ${all.join(' ')} `));
    } finally {
      tmux.close();
    }
  }),
);

test(
  'in a pipe each measurement is a line, until the job has ended',
  withProject(training, async (project) => {
    const run = await begin(project);
    const following = project.dstack(['metrics', run, '-f']);
    writeFileSync(path.join(project.root, 'go'), '');
    const { stdout, exitCode } = await following;
    assert.is(exitCode, 0);
    const expected = [9, 8, 7, 5].map((loss, index) => `${run}/train  step ${index + 1}  loss ${loss}\n`);
    assert.is(stdout, expected.join(''));
  }),
);

test.run();
