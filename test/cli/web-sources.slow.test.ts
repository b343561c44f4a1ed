import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openProjectState } from '../../src/cli/open-state.ts';
import type { Project } from '../../src/cli/project.ts';
import { openWebSources } from '../../src/cli/web-sources.ts';
import type { Config } from '../../src/config/settings.ts';
import { discoverRepository } from '../../src/git/repository.ts';
import { scratchRepository } from '../git/scratch-repository.ts';
import { participant, scratchShared, submit } from '../ledger/support.ts';

test('whatever is asked for is found in the ledgers that are open already', async () => {
  const shared = await scratchShared();
  const submitter = await participant(shared.path);
  for (const run of ['one', 'two', 'three']) await submit(submitter, run);
  const { path: folder } = scratchRepository();
  const project: Project = {
    repository: await discoverRepository(folder),
    config: { remote: shared.path } as Config,
    sources: {},
    folder,
  };
  const state = await openProjectState(project);
  const sources = openWebSources(project, () => state);
  for (const name of ['one', 'two', 'three']) {
    const { ledger, run } = await sources.find(name);
    assert.is(run.name, name);
    assert.is(ledger, state.ledgers[0]);
  }
  await sources.find('four').then(
    () => assert.unreachable(),
    (error) => assert.is(error.code, 'unknown-run'),
  );
  for (const ledger of state.ledgers) ledger.close();
});

test.run();
