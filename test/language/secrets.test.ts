import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { jobOf, placesOf } from './language-fixture.ts';

const test = suite('secrets of a workflow');

const job = (keys: string, variables: string | null = null) =>
  jobOf(`workflows:\n- name: train\n  commands: [echo $TOKEN]\n${keys}`, variables);

test('a job lists them by name; their values are nowhere', () => {
  const spec = job('  secrets: [TOKEN, HF_TOKEN]\n');
  assert.equal(spec.secrets, ['TOKEN', 'HF_TOKEN']);
  assert.equal(spec.env, {});
  assert.equal(spec.commands, ['echo $TOKEN']);
});

test('in env, under its own name, is another way to list one', () => {
  for (const env of [`['TOKEN=\${{ secrets.TOKEN }}', A=1]`, `{TOKEN: '\${{secrets.TOKEN}}', A: '1'}`]) {
    const spec = job(`  env: ${env}\n`);
    assert.equal([spec.secrets, spec.env], [['TOKEN'], { A: '1' }]);
  }
  assert.equal(job(`  env: ['TOKEN=\${{ secrets.TOKEN }}']\n  secrets: [TOKEN, B]\n`).secrets, [
    'TOKEN',
    'B',
  ]);
});

test('anywhere else is an error that says what to do', () => {
  const places = placesOf(() =>
    jobOf(`workflows:
- name: train
  commands:
  - curl -H "\${{ secrets.TOKEN }}" \${{ secrets }}
  env: ['HEADER=Bearer \${{ secrets.TOKEN }}', 'OTHER=\${{ secrets.TOKEN }}']
`),
  );
  assert.is(places.length, 4);
  assert.match(
    places[0] as string,
    "4:14: a secret can't be put into a text, which everybody may read; list `TOKEN` under `secrets`, and the job has it as `$TOKEN`",
  );
  assert.match(places[1] as string, '4:36: a secret');
  assert.match(places[2] as string, '5:24: a secret');
  assert.match(places[3] as string, '5:47: a job has a secret under its own name; list `TOKEN`');
});

test('names that are none, or come twice', () => {
  const places = placesOf(() =>
    jobOf('workflows:\n- name: train\n  commands: [a]\n  secrets: [A-B, A, A, DSTACK_X, "B=hunter22"]\n'),
  );
  assert.equal(
    places.map((place) => place.replace(/: an env.*/, '')),
    [
      "4:13: `A-B` can't be a name in `secrets`",
      '4:21: `A` is in `secrets` twice',
      '4:18: the first one',
      "4:24: `DSTACK_X` can't be a name in `secrets`: it is set by dstack",
      "4:34: `B=…` can't be a name in `secrets`",
    ].map((place) => place.replace(/: an env.*/, '')),
  );
});

test('what the job has in its environment anyway is no secret', () => {
  const places = placesOf(() =>
    job(
      '  secrets: [A, MY_TOKEN, PATH, PORT_0]\n  env: [A=1]\n  ports: 1\n',
      'variables: {global: {my-token: x}}\n',
    ),
  );
  assert.equal(places, [
    '4:13: the secret `A` is set by `env`, too; the job can have one of them',
    '5:9: the other one',
    '4:16: the secret `MY_TOKEN` is set by the variable `my-token`, too; the job can have one of them',
    "4:26: `PATH` can't name a secret: it has another meaning in the environment",
    '4:32: the secret `PORT_0` is set by dstack, too; the job can have one of them',
  ]);
});

test.run();
