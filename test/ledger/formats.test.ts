import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DstackError } from '../../src/errors.ts';
import {
  claimSchema,
  jobSchema,
  parseFile,
  printFile,
  recordSchema,
  runnerSchema,
  stopSchema,
} from '../../src/ledger/formats.ts';
import { isName } from '../../src/ledger/names.ts';
import { jobSpec, sampleClaim, sampleRecord } from './support.ts';

const read = (schema: Parameters<typeof parseFile>[0], text: string) =>
  parseFile(schema, 'it', Buffer.from(text));

function refusal(act: () => unknown): DstackError {
  try {
    act();
  } catch (error) {
    if (error instanceof DstackError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

const name = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,10}$/).filter(isName);

test('a claim is read back as it was printed', () => {
  fc.assert(
    fc.property(name, fc.string({ maxLength: 50 }), fc.integer({ min: 1 }), (job, detail, attempt) => {
      const claim = sampleClaim({ job, detail, attempt });
      assert.equal(read(claimSchema, printFile(claim)), claim);
    }),
  );
});

test('a record is read back as it was printed', () => {
  fc.assert(
    fc.property(
      name,
      fc.option(fc.string()),
      fc.dictionary(name, fc.string(), { noNullPrototype: true }),
      (run, reason, environment) => {
        const record = sampleRecord({ run, reason, environment });
        assert.equal(read(recordSchema, printFile(record)), record);
      },
    ),
  );
});

test('a job is read back as it was printed', () => {
  const variables = fc.dictionary(name, fc.string(), { noNullPrototype: true });
  fc.assert(
    fc.property(name, variables, fc.array(fc.string()), (run, values, commands) => {
      const spec = jobSpec('train', { variables: values, commands });
      const job = { format: 1, run, spec, useCache: true, cacheKey: null };
      assert.equal(read(jobSchema, printFile(job)), job);
    }),
  );
});

test('a file of a newer version is refused by its version, whatever else is in it', () => {
  for (const schema of [jobSchema, claimSchema, recordSchema, stopSchema, runnerSchema]) {
    const error = refusal(() => read(schema, '{"format": 2, "new": true}'));
    assert.is(error.code, 'unknown-format');
    assert.is(error.message, 'it has format 2');
    assert.match(error.hint ?? '', /reads format 1: install/);
  }
});

test('a file without a version is refused', () => {
  for (const text of ['{}', 'null', '[]', '"format"', '1']) {
    assert.is(refusal(() => read(claimSchema, text)).code, 'unknown-format', text);
  }
});

test('what is no JSON is refused', () => {
  for (const text of ['', '{', '\xff\xfe', 'format: 1']) {
    assert.is(refusal(() => read(claimSchema, text)).message, 'it is not JSON', text);
  }
});

test('hostile values are refused by name', () => {
  const hostile: [object, RegExp][] = [
    [{ ...sampleClaim(), run: '../../etc' }, /run: not a legal name/],
    [{ ...sampleClaim(), job: 'a/b' }, /job/],
    [{ ...sampleClaim(), lease: -1 }, /lease/],
    [{ ...sampleClaim(), lease: 0 }, /lease/],
    [{ ...sampleClaim(), attempt: 0.5 }, /attempt/],
    [{ ...sampleClaim(), state: 'done' }, /state/],
    [{ ...sampleClaim(), detail: 'x'.repeat(5000) }, /detail/],
    [{ ...sampleClaim(), more: 1 }, /more/],
  ];
  for (const [claim, words] of hostile) {
    const error = refusal(() => read(claimSchema, JSON.stringify(claim)));
    assert.is(error.code, 'bad-object');
    assert.match(error.message, words);
  }
  assert.match(
    refusal(() => read(recordSchema, JSON.stringify({ ...sampleRecord(), state: 'running' }))).message,
    /damaged: state/,
  );
});

test.run();
