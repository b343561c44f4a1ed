import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { workflowHelp } from '../../src/language/workflow-help.ts';
import { failureOf, variablesOf, workflowsOf } from './language-fixture.ts';

const workflows = workflowsOf(`workflows:
- {name: prep, commands: [x]}
- {name: train, help: Train it, commands: [x], depends-on: [prep]}
- {name: other, commands: [x]}
`);
const variables = variablesOf(`variables:
  global: {rows: 1000}
  train: {learning_rate: 0.10, rows: '\${{ learning_rate }}'}
  prep: {seed: 1}
  other: {unrelated: 1}
`);

test('help shows what can be given, with defaults as written and what they have an effect on', () => {
  assert.equal(workflowHelp(workflows, variables, 'train'), {
    name: 'train',
    matrix: null,
    jobs: 1,
    help: 'Train it',
    variables: [
      { name: 'rows', option: '--rows', default: '${{ learning_rate }}', workflows: ['train', 'prep'] },
      { name: 'learning_rate', option: '--learning-rate', default: '0.10', workflows: ['train'] },
      { name: 'seed', option: '--seed', default: '1', workflows: ['prep'] },
    ],
    dependsOn: ['prep'],
  });
});

test('help says of a matrix how many jobs it is, and by what, and has the variables that only it uses', () => {
  const text = `workflows:
- {name: a, matrix: {seed: [1, $last], include: [{note: x}, {seed: 9}]}, commands: [x]}
- {name: b, commands: [x], depends-on: [a]}
`;
  const help = workflowHelp(workflowsOf(text), variablesOf('variables: {a: {last: 2}}'), 'a');
  assert.equal([help.matrix, help.jobs], [['seed', 'note'], 3]);
  assert.equal(
    help.variables.map(({ option }) => option),
    ['--last'],
  );
  assert.equal(workflowHelp(workflowsOf(text), variablesOf('variables: {a: {last: 2}}'), 'b').dependsOn, [
    'a',
  ]);
});

test('help for an unknown workflow is wrong usage', () => {
  assert.is(failureOf(() => workflowHelp(workflows, variables, 'tran')).code, 'unknown-workflow');
});

test.run();
