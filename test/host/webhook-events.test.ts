import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isAuthentic, pushedRefs, recogniseDelivery } from '../../src/host/webhook-events.ts';
import { forges, secret } from './deliveries.ts';

for (const [name, push] of Object.entries(forges)) {
  test(`a push as ${name} sends it: recognised, authentic, its refs read`, () => {
    const { headers, body, refs } = push();
    const delivery = recogniseDelivery(headers);
    assert.ok(delivery);
    assert.is(delivery.forge, name.replace('DataCenter', ''));
    assert.is(delivery.push, true);
    assert.is(isAuthentic(delivery, body, secret), true);
    assert.equal(pushedRefs(body, 'application/json'), refs);
  });

  test(`as ${name} sends it, but with another secret, an empty signature, a shorter or longer one`, () => {
    const { headers, body } = push('another secret');
    const delivery = recogniseDelivery(headers);
    assert.ok(delivery);
    assert.is(isAuthentic(delivery, body, secret), false);
    const right = recogniseDelivery(push().headers)?.signature ?? '';
    for (const signature of [null, '', right.slice(0, -1), `${right}0`, right.toUpperCase(), `${right} `]) {
      assert.is(isAuthentic({ ...delivery, signature }, body, secret), false, String(signature));
    }
  });
}

test('a body that was changed on its way has no longer the signature of its sender', () => {
  for (const forge of ['github', 'gitea', 'bitbucket'] as const) {
    const { headers, body } = forges[forge]();
    const delivery = recogniseDelivery(headers);
    assert.ok(delivery);
    assert.is(isAuthentic(delivery, Buffer.concat([body, Buffer.from(' ')]), secret), false);
  }
});

test("GitHub's old signature by SHA-1 does not count", () => {
  const { 'x-hub-signature-256': _, ...headers } = forges.github().headers;
  assert.is(recogniseDelivery(headers)?.signature, null);
});

test('other events are no pushes; other requests are no events', () => {
  assert.is(recogniseDelivery({ 'x-github-event': 'ping' })?.push, false);
  assert.is(recogniseDelivery({ 'x-gitlab-event': 'Issue Hook' })?.push, false);
  assert.is(recogniseDelivery({ 'x-gitlab-event': 'Tag Push Hook' })?.push, true);
  assert.is(recogniseDelivery({ 'x-gitea-event': 'issues' })?.push, false);
  assert.is(recogniseDelivery({ 'x-event-key': 'diagnostics:ping' })?.push, false);
  assert.is(recogniseDelivery({ 'user-agent': 'curl' }), null);
  assert.is(recogniseDelivery({ 'x-github-event': '' }), null);
});

test('what changed is not known of bodies of another kind', () => {
  const refs = (text: string, type?: string) => pushedRefs(Buffer.from(text), type);
  for (const text of [
    '',
    'null',
    '[]',
    '"x"',
    '{}',
    '{"ref":1}',
    '{"changes":[null]}',
    '{"push":{"changes":[{}]}}',
    '{',
  ])
    assert.is(refs(text), null, text);
  assert.is(pushedRefs(Buffer.from([0xff, 0xfe]), undefined), null);
  assert.equal(refs('{"push":{"changes":[]}}'), []);
});

test('GitHub may send a form', () => {
  const form = new URLSearchParams({ payload: forges.github().body.toString() }).toString();
  assert.equal(pushedRefs(Buffer.from(form), 'application/x-www-form-urlencoded'), ['refs/heads/main']);
});

test.run();
