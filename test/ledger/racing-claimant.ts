// Claims a job of a shared repository as soon as its standard input ends: `racing-claimant.ts REPOSITORY RUN JOB NAME`.
import { acquireClaim } from '../../src/ledger/claims.ts';
import { claimant, participant, queued } from './support.ts';

const [remote = '', run = '', job = '', name = ''] = process.argv.slice(2);
const ledger = await participant(remote, name);
const entry = await queued(ledger, run, job);
console.log('ready');
for await (const _ of process.stdin);
const { result } = await acquireClaim(ledger, entry, claimant(name), null);
console.log(result);
ledger.close();
