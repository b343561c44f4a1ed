import * as z from 'zod';
import { mostNodes } from '../../language/job-spec.ts';
import { heldBy, line, name } from '../field-schemas.ts';

const id = z.string().min(1).max(64);

/** Part of `claim.json` of a job for several nodes: all who have it together. Its runner is the node of rank 0. */
export const gangSchema = z.lazy(() =>
  z.strictObject({
    /** Drawn with the claim: whoever has joined says which one. */
    id,
    /** Where the others find the node of rank 0, and a port that is free there. */
    address: z.string().regex(/^[A-Za-z0-9_:][A-Za-z0-9_.:-]{0,254}$/), // No option of whatever it is given to.
    port: z.number().int().min(1).max(65_535),
    /** The nodes from rank 1 on, by what their runners had offered. */
    members: z
      .array(z.strictObject({ runner: name, offer: id }))
      .min(1)
      .max(mostNodes - 1),
    /** `gathering` until all are ready; `ending` once one of them has ended, or all are to. */
    phase: z.enum(['gathering', 'begun', 'ending']),
  }),
);

/** `node.json`: a runner offers itself as a node of a job, and what it does as one. */
export const nodeSchema = z.lazy(() =>
  z.strictObject({
    format: z.literal(1),
    ...heldBy,
    /** Seconds without a change of the ref after which it counts as dead. */
    lease: z.number().positive(),
    /** The queue object that it is for. */
    queue: z.string().max(64),
    /** Drawn for each offer; a claim names it. */
    offer: id,
    /** The gang that it has joined. */
    gang: id.nullable(),
    state: z.enum(['offered', 'joined', 'ready', 'pulling', 'running', 'ended']),
    /** One line for people. */
    detail: line.nullable(),
    /** How its commands ended. */
    end: z
      .strictObject({
        exitCode: z.number().int().nullable(),
        signal: z.string().max(40).nullable(),
        /** Why they could not be executed. */
        failure: line.nullable(),
        outOfMemory: z.boolean(),
        lost: z.boolean(),
        /** Its runner was leaving, and has ended them. */
        left: z.boolean(),
      })
      .nullable(),
  }),
);

export type Gang = z.infer<typeof gangSchema>;
export type NodeFile = z.infer<typeof nodeSchema>;
export type NodeEnd = NonNullable<NodeFile['end']>;
