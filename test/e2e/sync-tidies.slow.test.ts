import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeObject } from '../../src/git/encode-object.ts';
import { writeLooseObject } from '../../src/git/loose-objects.ts';
import { createProject, until } from './project.ts';

test('what pushes have left loose is packed by the sync that the hook begins', async () => {
  const project = await createProject('workflows: []\n');
  try {
    const objects = path.join(project.shared, 'objects');
    for (let index = 0; index < 1_000; index += 1)
      await writeLooseObject(objects, encodeObject('blob', `${index}\n`, 'sha1'), null);
    await project.git(['config', 'gc.auto', '256']);
    const { exitCode, stderr } = await project.dstack(['sync', '--bare'], { cwd: project.shared });
    assert.is(exitCode, 0, stderr);
    const loose = () => readdirSync(objects).filter((name) => name.length === 2);
    await until(
      'a pack of all',
      () => loose().length === 0 && !existsSync(path.join(project.shared, 'gc.pid')),
    );
  } finally {
    await project.remove();
  }
});

test.run();
