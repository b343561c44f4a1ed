// A real hunt alone: SEED SECONDS. Prints each fault as it strikes, and what came of it.
import { playReal } from './play.ts';

const [seed = String(Date.now() % 1_000_000), seconds = '30'] = process.argv.slice(2);
console.log(`seed ${seed}`);
const report = await playReal({
  seed: Number(seed),
  seconds: Number(seconds),
  note: (text) => console.log(text),
});
console.log(JSON.stringify(report, null, 1));
process.exitCode = report.violations.length === 0 ? 0 : 1;
