import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cacheKey } from '../../src/language/cache-key.ts';
import { jobOf, placesOf, workflowsOf } from './language-fixture.ts';

const job = (lines: string) =>
  jobOf(`workflows:\n- name: train\n  commands: [x]\n${lines}`, 'variables: {train: {tool: /opt/tool}}');
const keyOf = (lines: string) => cacheKey({ spec: job(lines), filesTree: 't', dependencyKeys: [] });

test('a workflow can have an entrypoint of its own, or none', () => {
  assert.equal(job('  image: a\n  entrypoint: ["${{ tool }}", wrap, 3.10]').entrypoint, [
    '/opt/tool',
    'wrap',
    '3.10',
  ]);
  assert.equal(job('  image: a\n  entrypoint: []').entrypoint, []);
  // As GitLab has it.
  assert.equal(job('  image: a\n  entrypoint: [""]').entrypoint, []);
  assert.equal(job('  provider: bash\n  entrypoint: []').entrypoint, []);
});

test('what says nothing of it is written as it always was', () => {
  assert.not('entrypoint' in job('  image: a'));
});

test('it is part of the cache key', () => {
  const keys = ['', '  entrypoint: []', '  entrypoint: [a]', '  entrypoint: [a, b]'].map((line) =>
    keyOf(`  image: a\n${line}`),
  );
  assert.is(new Set(keys).size, 4);
});

test('it needs an image, and is a list', () => {
  const places = (lines: string) =>
    placesOf(() => workflowsOf(`workflows:\n- name: train\n  commands: [x]\n${lines}`));
  assert.equal(places('  entrypoint: []'), [
    '4:3: `entrypoint` is in place of that of an image, but there is no `image`',
  ]);
  assert.match(places('  image: a\n  entrypoint: /entry.sh')[0] ?? '', /^5:15: `entrypoint` is a list/);
});

test.run();
