import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { placesOf, workflowOf, workflowsOf } from './language-fixture.ts';

const text = (on: string) => `workflows:\n- name: a\n  commands: [x]\n  on: ${on}`;

function read(on: string) {
  const { push, schedules } = workflowOf(text(on)).triggers;
  const texts = (list: readonly { text: string }[] | null) => list?.map((one) => one.text) ?? null;
  return {
    push: push && { branches: texts(push.branches), tags: texts(push.tags), paths: texts(push.paths) },
    schedules: schedules.map(({ cron, timezone }) => [cron.text, timezone?.text ?? null]),
  };
}
const errorsOf = (on: string) => placesOf(() => workflowsOf(text(on)));
const any = { branches: null, tags: null, paths: null };

test('nothing starts by itself that does not say so', () => {
  assert.equal(workflowOf('workflows: [{name: a, commands: [x]}]').triggers, { push: null, schedules: [] });
});

test('a push, whichever way it is written', () => {
  for (const on of ['push', '[push]', '{push: }', '{push: {}}']) {
    assert.equal(read(on), { push: any, schedules: [] }, on);
  }
  assert.equal(read("{push: {branches: [main, 'release/*'], tags: v*, paths: 'src/**'}}").push, {
    branches: ['main', 'release/*'],
    tags: ['v*'],
    paths: ['src/**'],
  });
});

test('schedules, one or several', () => {
  assert.equal(read("{schedule: '0 3 * * *'}"), { push: null, schedules: [['0 3 * * *', null]] });
  assert.equal(
    read("{schedule: ['*/5 * * * * *', {cron: 0 3 * * 1-5, timezone: Europe/Berlin}]}").schedules,
    [
      ['*/5 * * * * *', null],
      ['0 3 * * 1-5', 'Europe/Berlin'],
    ],
  );
});

test('what can not be meant is an error where it stands', () => {
  const wrong: [on: string, error: RegExp][] = [
    ['pull', /^4:7: there is no event `pull`; /],
    ['{pish: }', /^4:8: unknown key `pish` in `on`; did you mean `push`\?/],
    ["{push: {branches: ['!main']}}", /^4:26: .* begins with "!"/],
    ['{push: {branches: refs/heads/main}}', /^4:25: .*the name alone is meant/],
    ['{push: {paths: ../x}}', /^4:22: .*`\.\.` would lead out/],
    ["{push: {branches: '${{ x }}'}}", /^4:25: .*variables are not known/],
    [`{push: {branches: ${'x'.repeat(201)}}}`, /^4:25: .*longer than 200/],
    ["{schedule: '61 * * * *'}", /^4:18: .*Invalid value for minute/],
    ["{schedule: '0 0 30 2 *'}", /^4:18: `0 0 30 2 \*` is never due/],
    ["{schedule: '@reboot'}", /^4:18: `@reboot` is no cron pattern/],
    ["{schedule: '2026-12-24T18:00:00'}", /^4:18: .* is no cron pattern/],
    ["{schedule: {cron: '0 3 * * *', timezone: Mars/Base}}", /^4:48: there is no time zone `Mars\/Base`/],
    ['{schedule: {timezone: UTC}}', /^4:18: .* has no `cron`/],
    [`{schedule: [${Array(21).fill("'0 3 * * *'").join(', ')}]}`, /^4:18: .* more than 20 items/],
  ];
  for (const [on, error] of wrong) {
    const found = errorsOf(on);
    assert.is(found.length, 1, `${on}: ${found.join('\n')}`);
    assert.match(found[0]!, error);
  }
});

test.run();
