// Plays fleets for real, with runner processes and a Git server on this machine, and in the model, and keeps both for
// docs/scale.md. Takes minutes. The model gets one processor that is as slow as it takes for the same time, for runners do
// more than ask the host, and a machine may have more to do: what is compared is what is asked for, not how long it takes.
import { playReal } from './measure/real-fleet.ts';
import { hostCosts, readMeasuredCosts, slower } from './model/host-costs.ts';
import { type Scenario, usual } from './model/scenario.ts';
import { simulate } from './model/simulate.ts';
import { keepValidation, type Validation } from './validation.ts';

const fleets = [{ runners: 10, jobs: 100, duration: 10_000, latency: 0 }];

const costs = hostCosts(readMeasuredCosts());
const validations: Validation[] = [];
for (const fleet of fleets) {
  const scenario: Scenario = {
    ...usual,
    ...fleet,
    queued: fleet.jobs,
    printsEvery: Number.POSITIVE_INFINITY,
    cores: 1,
    grouped: false,
    historyLimit: null,
    together: true,
    realCandidates: true,
  };
  const real = await playReal(fleet);
  const model = simulate(scenario, slower(costs, real.drained / simulate(scenario, costs).hostTime));
  console.log({ real, model });
  validations.push({ real, model });
}
keepValidation(validations);
