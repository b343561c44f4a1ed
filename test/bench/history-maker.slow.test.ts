import { execFileSync } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withProject } from '../e2e/project.ts';
import { makeHistory, pastRun } from './history-maker.ts';

test(
  'made runs are sound to Git, and to dstack like any others: listed, with their logs, also those that are archived',
  withProject('workflows: []\n', async (project) => {
    const runs = await makeHistory(project.shared, project.root, { count: 300 });
    const more = await makeHistory(project.shared, project.root, { first: 300, count: 3, archive: false });
    assert.is(new Set([...runs, ...more]).size, 303);
    execFileSync('git', ['fsck', '--strict'], { cwd: project.shared, stdio: 'ignore' });
    const status = await project.dstack(['status', '--json', '--all']);
    const shown = JSON.parse(status.stdout).runs as { name: string; state: string }[];
    assert.is(shown.filter(({ state }) => state === 'done').length, 303);
    assert.is(shown[0]?.name, pastRun(302));
    assert.ok((await project.refs('runs')).length < 303);
    for (const run of [pastRun(0), pastRun(302)]) {
      const { stdout, stderr } = await project.dstack(['logs', run]);
      assert.match(stdout, 'trained', stderr);
    }
  }),
);

test.run();
