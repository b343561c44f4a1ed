import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { artifactLines } from '../../src/cli/artifact-lines.ts';

const test = suite('artifact-lines');

const file = (path: string, size: number) =>
  ({ type: 'file', path, size, sha256: '0'.repeat(64), executable: false }) as const;

test('what lies at each declared path, and not beside it', () => {
  const manifest = {
    packs: [],
    entries: [
      file('data', 1),
      { type: 'folder', path: 'empty' } as const,
      file('out/a', 10),
      { type: 'link', path: 'out/b', target: 'a' } as const,
      file('out/deep/c', 100),
      file('out-of-it', 1000),
    ],
  };
  const declared = ['out', 'data', 'empty', 'none'];
  assert.equal(artifactLines({ job: 'j', workflow: 'w', declared, manifest }), [
    { job: 'j', path: 'out', files: 3, bytes: 110 },
    { job: 'j', path: 'data', files: 1, bytes: 1 },
  ]);
});

test.run();
