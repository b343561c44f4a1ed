// `npm run scale [SERIES…]`: plays fleets in virtual time with measured costs, and writes the tables and charts of
// docs/scale.md from what came of them. Without a name: all of them, which takes ten minutes; `draw`: only the document.
import { hostCosts, readMeasuredCosts } from './model/host-costs.ts';
import { simulate } from './model/simulate.ts';
import { keepResults, type Played } from './results.ts';
import { allSeries } from './scenarios.ts';
import { writeDocument } from './write-document.ts';

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => name !== 'draw' && !allSeries.some((series) => series.name === name));
if (unknown.length > 0) {
  console.error(
    `no such series: ${unknown.join(', ')}; there are ${allSeries.map(({ name }) => name).join(', ')}`,
  );
  process.exit(2);
}
const costs = hostCosts(readMeasuredCosts());
for (const { name, scenarios } of allSeries) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const played: Played[] = [];
  for (const scenario of scenarios) {
    const { runners, jobs, latency } = scenario;
    const start = performance.now();
    played.push({ scenario, outcome: simulate(scenario, costs) });
    const took = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`${name}: ${runners} runners, ${jobs} jobs, ${latency} ms: ${took} s`);
    keepResults(name, played);
  }
}
writeDocument();
