import * as z from 'zod';
import { isName } from './names.ts';

// What several kinds of files under the refs have in common.

export const name = z.string().refine(isName, 'not a legal name');
export const time = z.string().max(40);
export const line = z.string().max(4000);
export const objectId = z.string().regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/);
export const jobId = z.strictObject({ run: name, job: name });

/** Of what a runner has or offers for a job, and renews. */
export const heldBy = {
  run: name,
  job: name,
  runner: name,
  host: line,
  /** Drawn at the runner's start; two runners of one name differ in it. */
  instance: z.string().max(64),
  /** Drawn anew for every object, so that no two are ever the same object. */
  nonce: z.string().max(64),
};
