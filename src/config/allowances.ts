import * as z from 'zod';

/** A folder of the machine, which jobs may also write to if `:rw` stands behind it. */
const mountRoot = z
  .string()
  .max(4096)
  .regex(/^\/[^:\p{Cc}]*(:r[ow])?$/u)
  .refine((text) => !/(^|\/)\.{1,2}(\/|:|$)/.test(text))
  .transform((text) => {
    const [path = '', mode] = text.split(':');
    return { path: path.replace(/\/+/g, '/').replace(/(?<=.)\/$/, ''), writable: mode === 'rw' };
  });

const capability = z
  .string()
  .regex(/^(CAP_)?[A-Z][A-Z_]{1,40}$/)
  .transform((name) => name.replace(/^CAP_/, ''));

/** What a machine lets jobs have that ask for it; without anything, nothing. */
export const allowances = z.strictObject({
  mounts: z.array(mountRoot).max(100).default([]),
  network: z.array(z.literal('host')).max(1).default([]),
  capabilities: z.array(capability).max(64).default([]),
});

export type Allowances = z.output<typeof allowances>;
