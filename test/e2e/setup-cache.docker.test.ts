import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type TestProject, withProject } from './project.ts';

const images = fileURLToPath(new URL('../../fixtures/images/build.sh', import.meta.url));
test.before(() => {
  execFileSync(images, { stdio: ['ignore', 'ignore', 'inherit'] });
});

async function logOf(project: TestProject, workflow: string): Promise<string[]> {
  project.write({ salt: String(Math.random()) });
  const run = await project.submit([workflow]);
  const runner = project.startRunner('one', ['--executor', 'docker', '--drain']);
  assert.is(await runner.exited, 0, runner.output());
  assert.is((await project.record(run, workflow)).state, 'done');
  return (await project.log(run, workflow)).split('\n');
}

test(
  "folders of the workspace and of the home are kept, and writable for the image's user, as is what lies beside them",
  withProject(
    `
workflows:
  - name: train
    image: dstack-test/user
    cache: [~/.cache/tool/data, .venv]
    commands:
      - mkdir -p .venv
      - for place in ~/.cache/tool/data .venv; do echo x >> $place/runs; wc -l < $place/runs; done
      - id -u
      - touch ~/.cache/other ~/.cache/tool/other && echo mine
`,
    async (project) => {
      const first = await logOf(project, 'train');
      assert.equal(first.slice(0, 5), [
        'dstack: setup cache: ~/.cache/tool/data none yet; .venv none yet',
        ...['1', '1', '1234', 'mine'],
      ]);
      assert.match(first.at(-1) as string, /kept ~\/\.cache\/tool\/data \(.*; \.venv \(/);
      const second = await logOf(project, 'train');
      assert.match(second[0] as string, /~\/\.cache\/tool\/data [\d.]+KB from .* ago; \.venv [\d.]+KB from/);
      assert.equal(second.slice(1, 5), ['2', '2', '1234', 'mine']);
    },
  ),
);

test.run();
