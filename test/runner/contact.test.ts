import { pino } from 'pino';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DstackError } from '../../src/errors.ts';
import { keepContact } from '../../src/runner/contact.ts';

const away = new DstackError('unreachable', 'connection refused');
const busy = new DstackError('busy', '429');

function start() {
  const lines: { msg: string; since?: string; seconds?: number }[] = [];
  let seconds = 1_000;
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const contact = keepContact(log, { monotonic: () => seconds, now: () => seconds * 1_000 });
  const said = () => lines.splice(0).map(({ msg }) => msg);
  const pass = (more: number) => {
    seconds += more;
  };
  return { contact, lines, said, pass };
}

test('an outage is told when it begins, now and then while it lasts, and when it is over', () => {
  const { contact, lines, said, pass } = start();
  contact.answered();
  assert.equal(said(), []);
  contact.failed(away);
  assert.equal(said(), ['the shared repository does not answer']);
  for (let second = 0; second < 600; second += 10) {
    pass(10);
    contact.failed(away);
  }
  assert.is(contact.failures(), 61);
  assert.is(lines[0]?.since, '1970-01-01T00:16:40.000Z');
  assert.equal(said(), Array(4).fill('the shared repository still does not answer'));
  contact.answered();
  assert.is(contact.failures(), 0);
  assert.is(lines[0]?.seconds, 600);
  assert.equal(said(), ['the shared repository is back']);
  assert.is(contact.lately(), 'it was out of contact for 10m00s until 1970-01-01T00:26:40.000Z');
  pass(61);
  assert.is(contact.lately(), null);
});

test('a host that refuses is told from one that is away, as one outage', () => {
  const { contact, lines, said, pass } = start();
  contact.failed(away);
  pass(30);
  contact.failed(busy);
  pass(30);
  said();
  contact.answered();
  assert.is(lines[0]?.seconds, 60);
});

test('a listing that failed once is not worth a word on the card', () => {
  const { contact, pass } = start();
  contact.failed(away);
  pass(2);
  contact.answered();
  assert.is(contact.lately(), null);
});

test.run();
