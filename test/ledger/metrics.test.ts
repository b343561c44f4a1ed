import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { addMeasurements, measurementsSchema, parseMeasurements } from '../../src/ledger/metrics.ts';
import { lastOf } from '../../src/ledger/read-metrics.ts';

test('a line is a JSON object; what is in objects in it has their names before its own', () => {
  assert.equal(
    parseMeasurements('{"step": 1, "loss": 0.5, "val": {"loss": 1, "at": {"k": 5}}, "name": "a"}'),
    {
      step: 1,
      loss: 0.5,
      'val.loss': 1,
      'val.at.k': 5,
      name: 'a',
    },
  );
  assert.equal(parseMeasurements('{"list": [1], "nothing": null, "yes": true}'), { yes: true });
});

test('what Python writes for numbers that JSON does not have is read, and texts stay as they are', () => {
  const line = '{"loss": NaN, "best": -Infinity, "note": "NaN and \\" Infinity", "worst": Infinity}';
  assert.equal(parseMeasurements(line), {
    loss: 'NaN',
    best: '-Infinity',
    note: 'NaN and " Infinity',
    worst: 'Infinity',
  });
});

test('anything else is no line of metrics', () => {
  for (const line of [
    '',
    ' ',
    'epoch 1: loss 0.5',
    '[1]',
    '3',
    'null',
    '{"a": 1',
    '{"a": NaNa}',
    "{'a': 1}",
  ]) {
    assert.is(parseMeasurements(line), null, line);
  }
});

test('whatever a job writes, what is taken from it may stand in a record', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.json({ maxDepth: 4 }),
          fc.string(),
          fc.object().map((value) => JSON.stringify(value)),
        ),
      ),
      (lines) => {
        const found = lines.map(parseMeasurements).filter((measured) => measured !== null);
        for (const measured of [...found, lastOf(found) ?? {}])
          assert.ok(measurementsSchema.safeParse(measured).success);
      },
    ),
  );
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`n${i}`, i]));
  const others = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`m${i}`, i]));
  const both = addMeasurements(
    parseMeasurements(JSON.stringify(many))!,
    parseMeasurements(JSON.stringify(others))!,
  );
  assert.ok(measurementsSchema.safeParse(both).success);
  const long = parseMeasurements(JSON.stringify({ ['n'.repeat(1000)]: 1, text: 't'.repeat(1000) }));
  assert.ok(measurementsSchema.safeParse(long).success);
});

test.run();
