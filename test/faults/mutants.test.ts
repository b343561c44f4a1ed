import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mutants } from './mutants.ts';
import { type Change, changed, huntWith, plant } from './plant.ts';

/** Histories in which a mutant must have shown itself. The seeds are fixed, so a run is like the next. */
const limit = 2_000;

const test = suite('mutants');
const folder = await mkdtemp(path.join(os.tmpdir(), 'mutants-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

for (const [index, mutant] of mutants.entries()) {
  test(mutant.name, async () => {
    const program = path.join(folder, `${index}.mjs`);
    await plant(mutant, program);
    const finding = await huntWith(program, { base: mutant.from ?? 1, limit, kind: mutant.kind });
    assert.ok(finding.seed !== null, `not found in ${finding.played} histories`);
    const violation = finding.violations.find((text) => mutant.kind.test(text));
    console.log(`${mutant.name}\n  seed ${finding.seed}, ${violation}`);
  });
}

test('a mutant that does not apply is an error', () => {
  const change: Change = { file: 'src/ledger/decide.ts', text: 'no such text', by: '' };
  assert.throws(() => changed(change), /occurs 0 times/);
  assert.throws(() => changed({ ...change, text: 'live' }), /occurs \d+ times/);
});

test('a history that fails is shrunk to the misfortunes that matter', async () => {
  const mutant = mutants.find(({ name }) => name.startsWith('no second look'));
  const program = path.join(folder, 'shrunk.mjs');
  await plant(mutant as Change, program);
  const { shrunk, struck } = await huntWith(program, {
    base: 1,
    limit,
    kind: (mutant as (typeof mutants)[number]).kind,
    shrink: true,
  });
  assert.ok(shrunk);
  const { length } = shrunk.misfortunes;
  assert.ok(length >= 1 && length <= struck / 2, `${length} of ${struck}`);
  assert.match(shrunk.log.join('\n'), /VIOLATION/);
});

test.run();
