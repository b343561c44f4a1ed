// The transports without a server that lets people in, each with both kinds of objects.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createProject, type TestProject } from '../e2e/project.ts';
import { serve } from '../ledger/git-daemon.ts';
import { assertSettled, succeeds, wholeRun, workflows } from './whole-run.ts';

const test = suite('transports without a login');

async function withProject(hash: string, body: (project: TestProject) => Promise<void>): Promise<void> {
  const project = await createProject(workflows, { GIT_DEFAULT_HASH: hash });
  try {
    assert.is(await project.git(['rev-parse', '--show-object-format']), hash);
    await body(project);
    await assertSettled(project);
  } finally {
    await project.remove();
  }
}

for (const hash of ['sha1', 'sha256']) {
  test(`a path, ${hash}`, () =>
    withProject(hash, async (project) => {
      await wholeRun(project, { user: { DSTACK_REMOTE: project.shared } });
    }));

  test(`file://, ${hash}`, () =>
    withProject(hash, async (project) => {
      await wholeRun(project, { user: { DSTACK_REMOTE: `file://${project.shared}` } });
    }));

  test(`git://, ${hash}`, () =>
    withProject(hash, async (project) => {
      const { url, stop } = await serve(project.shared);
      try {
        const check = await succeeds(project, ['runner', 'check'], {
          DSTACK_REMOTE: url,
          DSTACK_STORE: `file:${project.store}`,
        });
        assert.match(check.stdout, /ok +push/);
        await wholeRun(project, { user: { DSTACK_REMOTE: url } });
      } finally {
        await stop();
      }
    }));
}

test.run();
