import { type CacheEntry, readCache } from '../ledger/cache-entries.ts';
import { type Explanation, openExplainer } from '../ledger/explain.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { PlannedJob } from '../ledger/plan-run.ts';
import { jobName } from '../ledger/refs.ts';
import { listRuns } from '../ledger/runs.ts';
import { readManifest } from '../runner/job-inputs.ts';
import type { Store } from '../store/store.ts';
import { verifyBlobs } from '../store/verify-blobs.ts';
import { explanationInShort } from '../tui/explanation-text.ts';
import { planTree } from '../tui/plan-tree.ts';
import type { Request } from './prepare-request.ts';
import { openLedgerStore } from './project.ts';
import { hasColour, plural, printJson } from './terminal.ts';

/** So many earlier runs of a job are compared with it, and so many jobs of a plan with earlier ones. */
const newest = 10;
const mostExplained = 200;
/** Files of cached results that are looked for in the store; beyond that the cache is believed. */
const mostVerified = 5_000;

/** Prints what would be executed and why, and what would come from the cache and from where. */
export async function printPlan(
  request: Request,
  run: string,
  options: { cache: boolean; json?: true },
): Promise<void> {
  const { project, ledger, snapshot } = request;
  const jobs = await request.planFor(run);
  const found = options.cache
    ? await readCache(
        ledger,
        jobs.flatMap(({ cacheKey }) => cacheKey ?? []),
      )
    : new Map<string, CacheEntry>();
  const store = await openLedgerStore(project, ledger).catch(() => null);
  const hits = store ? await withFiles(ledger, found, store) : found;
  const hitOf = ({ cacheKey }: PlannedJob) => (cacheKey === null ? undefined : hits.get(cacheKey));

  const byName = new Map(jobs.map((job) => [job.spec.name, { ...job, useCache: options.cache }]));
  const inputs = { run, tree: snapshot.tree, job: async (name: string) => byName.get(name) ?? null };
  const explain = openExplainer(ledger, inputs, await listRuns(ledger), { newest, asOf: null });
  const explanations = new Map<string, Explanation>();
  for (const job of jobs) {
    if (hitOf(job) || explanations.size >= mostExplained) continue;
    explanations.set(job.spec.name, await explain(job.spec.name));
  }

  if (options.json) {
    printJson(
      jobs.map((job) => {
        const hit = hitOf(job);
        return {
          ...job.spec,
          cacheKey: job.cacheKey,
          cached: hit !== undefined,
          cachedFrom: hit ? origin(hit) : null,
          explanation: explanations.get(job.spec.name) ?? null,
        };
      }),
    );
    return;
  }
  const planned = jobs.map((job) => ({ ...job.spec, note: noteOf(job) }));
  process.stdout.write(planTree(planned, { colour: hasColour(process.stdout) }));
  const cached = jobs.filter(hitOf).length;
  process.stdout.write(`${plural(jobs.length - cached, 'job')} to execute, ${cached} from the cache\n`);

  function noteOf(job: PlannedJob): string {
    const hit = hitOf(job);
    if (hit) return `cached from ${jobName(origin(hit))}`;
    const explanation = explanations.get(job.spec.name);
    return explanation ? `runs: ${explanationInShort(explanation)}` : 'runs';
  }
}

/** The job that was executed. */
const origin = ({ id, record }: CacheEntry) => record.cachedFrom ?? id;

/** Those of which all files are in the store. */
async function withFiles(
  ledger: Ledger,
  found: ReadonlyMap<string, CacheEntry>,
  store: Store,
): Promise<Map<string, CacheEntry>> {
  const whole = new Map<string, CacheEntry>();
  let verified = 0;
  for (const [key, entry] of found) {
    const { artifacts } = entry.record;
    if (artifacts && verified + artifacts.files <= mostVerified) {
      verified += artifacts.files;
      const missing = await readManifest(ledger, entry.commit, entry.record)
        .then((manifest) => (manifest ? verifyBlobs(manifest, store) : []))
        .then((files) => files.length > 0)
        .catch(() => true);
      if (missing) continue;
    }
    whole.set(key, entry);
  }
  return whole;
}
