import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DstackError } from '../../src/errors.ts';
import { jobSecrets } from '../../src/runner/job-secrets.ts';
import type { StateReport } from '../../src/runner/state-report.ts';
import { jobSpec } from '../ledger/support.ts';

const secrets = jobSecrets(new Map([['TOKEN', 'hunter22']]));
const none = jobSecrets(new Map());

test('they are in the environment that a job is executed with, and not in the job itself', () => {
  const spec = jobSpec('train', { secrets: ['TOKEN'], env: { A: '1' } });
  assert.equal(secrets.addTo(spec).env, { A: '1', TOKEN: 'hunter22' });
  assert.equal(spec.env, { A: '1' });
  assert.is(none.addTo(spec), spec);
});

test('output is told without them, with its last letters at the end; after a pause a few letters', async () => {
  const told: string[] = [];
  const pump = { push: (bytes: Uint8Array) => void told.push(Buffer.from(bytes).toString()) };
  const output = secrets.coverOutput(pump);
  output.push(Buffer.from('a hunter'));
  output.push(Buffer.from('22 hun'));
  assert.equal(told, ['a ', '*** ']);
  while (told.length < 3) await new Promise((resolve) => setTimeout(resolve, 10));
  output.push(Buffer.from('t hu'));
  output.end();
  assert.equal(told, ['a ', '*** ', 'hun', 't ', 'hu']);
  none.coverOutput(pump).push(Buffer.from('hunter22'));
  assert.is(told.at(-1), 'hunter22');
});

test('states, results, texts and errors are told without them', () => {
  const told: unknown[] = [];
  const states: StateReport = { tell: (change) => void told.push(change), take: () => ({}) };
  const covered = secrets.coverStates(states);
  covered.tell({ state: 'pulling', detail: 'at hunter22' });
  covered.tell({ state: 'running', detail: null });
  assert.equal(told, [
    { state: 'pulling', detail: 'at ***' },
    { state: 'running', detail: null },
  ]);
  const result = { exitCode: null, signal: null };
  assert.is(secrets.hideInResult({ ...result, failure: 'no hunter22' }).failure, 'no ***');
  assert.is(secrets.hideInResult({ ...result, failure: null }).failure, null);
  assert.equal([secrets.hide('aHVudGVyMjI='), secrets.hide(null)], ['***I=', null]);

  const plain = secrets.hideInError(new Error('ENOENT: hunter22')) as Error;
  assert.is(plain.message, 'ENOENT: ***');
  assert.not.match(String(plain.stack), 'hunter22');
  const known = secrets.hideInError(new DstackError('lost', 'no hunter22', { hint: 'find hunter22' }));
  assert.instance(known, DstackError);
  const { code, message, hint, stack } = known as DstackError;
  assert.equal([code, message, hint], ['lost', 'no ***', 'find ***']);
  assert.not.match(String(stack), 'hunter22');
});

test.run();
