import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { lackedSecrets } from '../../src/runner/lacked-secrets.ts';
import { openSecrets } from '../../src/runner/secrets.ts';

const secrets = openSecrets(
  { OWN: { env: 'OWN' }, LIMITED: { env: 'LIMITED', workflows: ['train'] } },
  'the-repository',
);

test("what jobs ask for and can't have is told, each once; what it has is not", () => {
  const jobs = [
    { workflow: 'train', secrets: ['OWN', 'LIMITED', 'OTHER'] },
    { workflow: 'train', secrets: ['OTHER'] },
    { workflow: 'test', secrets: ['LIMITED'] },
    { workflow: 'lint', secrets: [] },
  ];
  assert.equal(lackedSecrets(jobs, secrets), [
    { workflow: 'train', secret: 'OTHER' },
    { workflow: 'test', secret: 'LIMITED' },
  ]);
});

test('a card does not grow with what anybody asks for', () => {
  const many = Array.from({ length: 1_000 }, (_, index) => `S${index}`);
  assert.is(lackedSecrets([{ workflow: 'w', secrets: many }], secrets).length, 50);
  assert.equal(lackedSecrets([{ workflow: 'w', secrets: ['x'.repeat(5_000)] }], secrets), []);
});

test.run();
