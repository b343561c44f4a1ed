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
    help: 'Train it',
    variables: [
      { name: 'rows', option: '--rows', default: '${{ learning_rate }}', workflows: ['train', 'prep'] },
      { name: 'learning_rate', option: '--learning-rate', default: '0.10', workflows: ['train'] },
      { name: 'seed', option: '--seed', default: '1', workflows: ['prep'] },
    ],
    dependsOn: ['prep'],
  });
});

test('help for an unknown workflow is wrong usage', () => {
  assert.is(failureOf(() => workflowHelp(workflows, variables, 'tran')).code, 'unknown-workflow');
});

test.run();
