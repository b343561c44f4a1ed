import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createMasker, maskText } from '../../src/runner/masker.ts';
import { compilePatterns } from '../../src/runner/secret-patterns.ts';

const test = suite('masker');

const mask = (secret: string | string[], text: string) => maskText(compilePatterns([secret].flat()), text);

/** What is told at each step, and at the end. */
function steps(secret: string, ...chunks: (string | 'pause')[]): string[] {
  const masker = createMasker(compilePatterns([secret]));
  const told = chunks.map((chunk) => (chunk === 'pause' ? masker.pause() : masker.push(Buffer.from(chunk))));
  return [...told, masker.end()].map((bytes) => Buffer.from(bytes).toString());
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** One with everything in it that some encoding writes in its own way. */
const token = `hf_a/b+c="d'e" f$g&h<i>\\j%é`;

test('a secret is three stars, alone or within other text, once or more often', () => {
  assert.is(mask('hunter22', 'hunter22'), '***');
  assert.is(mask('hunter22', 'a hunter22, b=hunter22;hunter22 hunter2!'), 'a ***, b=***;*** hunter2!');
  assert.is(mask('hunter22', 'hunter22hunter22'), '***');
  assert.is(mask('hunter22', 'nothing of it\n'), 'nothing of it\n');
});

test('secrets that overlap, begin alike, or hold one another', () => {
  assert.is(mask(['abcdef', 'defghi'], '-abcdefghi-'), '-***-');
  assert.is(mask(['abcd', 'abcdefgh'], '-abcdefgh-abcdef-'), '-***-***ef-');
  assert.is(mask(['bcde', 'abcdef'], '-abcdef-abcde-'), '-***-a***-');
  assert.is(mask('aaab', 'aaaaaab'), 'aaa***');
});

test('encodings, in any mixture', () => {
  const url = encodeURIComponent(token);
  for (const written of [
    token,
    url,
    url.toLowerCase(),
    encodeURIComponent(url),
    encodeURI(token),
    new URLSearchParams({ token }).toString().slice('token='.length),
    JSON.stringify(token),
    JSON.stringify(JSON.stringify(token)),
    JSON.stringify(JSON.stringify({ token })),
    token.replaceAll('/', '\\/'),
    token.replaceAll("'", `'\\''`),
    token.replaceAll("'", `'"'"'`),
    token.replace(/[^a-z0-9_é]/gi, (character) => `\\${character}`),
    token.replaceAll('"', '""'),
    token.replaceAll('é', '\\xc3\\xA9'),
    token.replaceAll('é', '\\303\\251').replaceAll('\\j', '\\\\j'),
    token.replaceAll('é', '\\u00E9').replaceAll('<', '\\u003c').replaceAll('&', '\\u0026'),
    token.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll("'", '&#39;').replaceAll('"', '&#x22;'),
    url.replace(/%2F|%3D/g, decodeURIComponent),
  ])
    assert.match(
      mask(token, `[${written}]`),
      /^\[[\\"]*(\{[\\"]+token[\\"]+:[\\"]*)?\*\*\*[\\"}]*\]$/,
      written,
    );
});

test('base64, whatever stands before and behind it, for URLs too, and wrapped', () => {
  const long = `${token}${'x?>~'.repeat(30)}`;
  for (const before of ['', 'a', 'ab', 'user:', 'Authorization: ']) {
    for (const behind of ['', '\n', '12', '123']) {
      for (const secret of [token, long]) {
        const encoded = base64(before + secret + behind);
        const wrapped = encoded.replace(/.{76}/g, '$&\r\n');
        const forUrls = Buffer.from(before + secret + behind).toString('base64url');
        for (const written of [encoded, wrapped, forUrls, encodeURIComponent(encoded)]) {
          const told = mask(secret, `<${written}>`);
          // What depends on the neighbours, too, may stay: a digit at either end.
          const most = Math.ceil((before.length * 4) / 3) + Math.ceil((behind.length * 4) / 3) + 2;
          assert.match(told, /^<[\w/+%-]*\*\*\*[\w/+%=-]*>$/, written);
          assert.ok(told.replace(/[<>*=]|%3D/g, '').length <= most, told);
        }
      }
    }
  }
});

test('of a secret with several lines each longer one, indented or alone; the whole with its breaks escaped', () => {
  const key = '-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA7\nshort\n\nqRbbGh8Wz0t1Zc\n-----END KEY-----\n';
  assert.is(mask(key, '    MIIEpAIBAAKCAQEA7\r\n'), '    ***\r\n');
  assert.is(mask(key, `a\n${key}b\n`), 'a\n***\nb\n');
  assert.is(mask(key, `a\r\n${key.replaceAll('\n', '\r\n')}b`), 'a\r\n***\r\nb');
  for (const written of [JSON.stringify(key), JSON.stringify(JSON.stringify(key)), encodeURIComponent(key)]) {
    assert.match(mask(key, written), /^\\*"?\\*"?\*\*\*(\\+n|%0A)[\\"]*$/, written);
  }
  assert.match(mask(key, base64(key)), /^\*\*\*.{0,4}$/);
  assert.is(mask(key, 'this is short'), 'this is short');
});

test('one secret in pieces; its beginning waits, other text does not', () => {
  assert.equal(steps('hunter22', 'my hun', 'ter', '22 is'), ['my ', '', '*** is', '']);
  assert.equal(steps('hunter22', 'my hun', 'ted house'), ['my ', 'hunted house', '']);
  assert.equal(steps('hunter22', '100 %'), ['100 %', '']);
});

test('after a pause a few letters are told, more are not; the rest of a secret never is', () => {
  assert.equal(steps('hunter22', 'ah', 'pause', ' ah.'), ['a', 'h', ' ah.', '']);
  assert.equal(steps('hunter22', 'hun', 'pause', 'ter22.'), ['', 'hun', '***.', '']);
  assert.equal(steps('hunter22', 'hunt', 'pause', 'ed'), ['', '', 'hunted', '']);
  assert.equal(steps('hunter22', 'h\n\n\n\n', 'pause'), ['', 'h\n\n\n\n', '']);
});

test('a secret that was cut off at the end is hidden if it is half of it or more', () => {
  assert.is(mask('hunter22', 'see hunte'), 'see ***');
  assert.is(mask('hunter22', 'see hun'), 'see hun');
});

test('bytes that are no text stay as they are', () => {
  const masker = createMasker(compilePatterns(['hunter22']));
  const bytes = Buffer.from([0xff, 0x00, 0x68, 0x75, 0xc3, 0x28, 0x1b, 0x5b]);
  assert.equal(Buffer.concat([masker.push(bytes), masker.end()]), bytes);
});

const secrets = fc.array(
  fc.oneof(
    fc.string({ unit: fc.constantFrom(...'abAB09/+="\'\\ $%&é\n'), minLength: 6, maxLength: 20 }),
    fc.string({ unit: 'grapheme', minLength: 6, maxLength: 12 }),
  ),
  { minLength: 1, maxLength: 3 },
);
// Stars could be taken for the mask; and what is mostly white space is no secret.
const usable = secrets.map((all) => all.map((one) => `k7${one.replaceAll('*', '').trim()}q`));

const encodings: ((secret: string) => string)[] = [
  (secret) => secret,
  (secret) => encodeURIComponent(secret),
  (secret) => new URLSearchParams([[secret, '']]).toString().slice(0, -1),
  (secret) => JSON.stringify(secret).slice(1, -1),
  (secret) => JSON.stringify(JSON.stringify(secret)).slice(3, -3),
  (secret) => secret.replaceAll("'", `'\\''`),
  (secret) => base64(secret),
  (secret) => base64(`a${secret}`),
  (secret) => base64(`ab${secret}`),
  (secret) => Buffer.from(secret).toString('base64url'),
];

/** Secrets, and a text with some of them in it, cut into pieces. */
const streams = usable.chain((all) =>
  fc.record({
    secrets: fc.constant(all),
    pieces: fc.array(
      fc.oneof(
        fc.string({ maxLength: 20 }),
        fc.tuple(fc.constantFrom(...all), fc.constantFrom(...encodings)).map(([one, encode]) => encode(one)),
        fc.tuple(fc.constantFrom(...all), fc.nat(8)).map(([one, length]) => one.slice(0, length)),
      ),
      { maxLength: 12 },
    ),
    cuts: fc.array(fc.nat(300), { maxLength: 12 }),
  }),
);

test('however a text is cut, it is masked alike', () => {
  fc.assert(
    fc.property(streams, ({ secrets, pieces, cuts }) => {
      const patterns = compilePatterns(secrets);
      const text = Buffer.from(pieces.join(''));
      const masker = createMasker(patterns);
      const at = [0, ...cuts.map((cut) => Math.min(cut, text.length)).sort((a, b) => a - b), text.length];
      const told = at.slice(1).map((end, index) => masker.push(text.subarray(at[index], end)));
      const whole = Buffer.concat([...told, masker.end()]);
      assert.is(whole.toString(), maskText(patterns, text.toString()));
    }),
    { numRuns: 60 },
  );
});

test('no secret survives, in no encoding', () => {
  fc.assert(
    fc.property(streams, ({ secrets, pieces }) => {
      const told = maskText(compilePatterns(secrets), pieces.join(''));
      for (const secret of secrets) {
        for (const [index, encode] of encodings.entries()) {
          // Of base64 the inner digits, which depend on nothing else.
          const written = index < 6 ? encode(secret) : encode(secret).slice(4, -4);
          if (written.length >= 4) assert.not.ok(told.includes(written), `${written} in ${told}`);
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('a text that has nothing of a secret stays as it is', () => {
  fc.assert(
    fc.property(usable, fc.string({ unit: fc.constantFrom(...'xyz.\n\r- ') }), (secrets, text) => {
      assert.is(maskText(compilePatterns(secrets), text), text);
    }),
    { numRuns: 60 },
  );
});

test.run();
