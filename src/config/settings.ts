import bytes from 'bytes';
import ms from 'ms';
import * as z from 'zod';
import { allowances } from './allowances.ts';
import { commandLine, secretSources } from './secret-source.ts';

/** Node's timers cannot wait longer than 2^31 - 1 ms. */
const LONGEST_MS = ms('24d');

const duration = z
  .string()
  .regex(/^\d+(\.\d+)? ?(ms|s|m|h|d)$/)
  .transform((text) => ms(text as ms.StringValue))
  .refine((time) => time > 0 && time <= LONGEST_MS);
const DURATION = 'a duration with its unit, such as 60s or 5m, of at most 24d';

const size = z
  .string()
  .regex(/^\d{1,12}(\.\d{1,6})? ?[KkMmGgTt][Bb]$/)
  .transform((text) => Math.floor(bytes.parse(text) ?? 0));

// A leading dash would make an option of it for Git.
const text = z.string().regex(/^[^-\p{Cc}\s][^\p{Cc}]*$/u);

/** A prefix of ref names by Git's rules; those that Git itself gives a meaning cannot be taken whole. */
const refPrefix = z
  .string()
  .transform((prefix) => prefix.replace(/\/$/, ''))
  .refine((prefix) => /^refs(\/(?!\.)((?!\.\.|@\{)[^\p{Cc}\s~^:?*[\\/])+(?<!\.|\.lock))+$/u.test(prefix))
  .refine((prefix) => !/^refs\/(heads|tags|remotes|notes)$/.test(prefix));

const labels = z.record(
  z.string().min(1),
  z.union([z.string(), z.number(), z.boolean()]).transform((value) => String(value)),
);

/**
 * Every setting there is: its type, its default, and in its description what is expected of it.
 * Names of environment variables, messages about wrong values and the list of keys are derived from this.
 */
export const settings = z.strictObject({
  remote: text.optional().describe("a Git remote's name, a URL or a path"),
  refPrefix: refPrefix
    .default('refs/dstack')
    .describe('a ref prefix, such as refs/dstack or refs/heads/dstack'),
  host: z.strictObject({
    rewind: z.boolean().optional().describe('true or false'),
    delete: z.boolean().optional().describe('true or false'),
  }),
  store: text.optional().describe('a folder, such as file:../store, or the URL of another store'),
  runner: z.strictObject({
    name: text.optional().describe('a name, such as gpu-1'),
    executor: z.enum(['docker', 'process']).optional().describe('docker or process'),
    address: z
      .string()
      .regex(/^[A-Za-z0-9_:][A-Za-z0-9_.:-]{0,254}$/)
      .optional()
      .describe('a host name or an IP address, such as 10.0.0.7'),
    concurrency: z.int().min(1).max(1000).default(1).describe('a whole number from 1 to 1000'),
    lease: duration.default(ms('60s')).describe(DURATION),
    poll: duration.default(ms('2s')).describe(DURATION),
    grace: duration.default(ms('10s')).describe(DURATION),
    inputCache: z
      .union([z.literal(0), size])
      .default(20 * 2 ** 30)
      .describe('a size with its unit, such as 20GB, or 0 for none'),
    setupCache: z
      .union([z.literal(0), size])
      .default(20 * 2 ** 30)
      .describe('a size with its unit, such as 20GB, or 0 for none'),
    interruptible: z.boolean().default(false).describe('true or false'),
    labels: labels.default({}).describe('a map of labels, such as {gpu: a100}'),
    allow: allowances
      .prefault({})
      .describe(
        'a map of what containers may have beyond others, such as {mounts: [/data, "/scratch:rw"], network: [host], capabilities: [SYS_PTRACE]}',
      ),
    onEnd: commandLine
      .optional()
      .describe('a list of a program and its arguments, such as [notify-send, "a job has ended"]'),
    secrets: secretSources
      .default({})
      .describe('a map of names to {env: VARIABLE}, {file: PATH} or {command: [PROGRAM, ARGUMENT]}'),
  }),
  snapshot: z.strictObject({
    allowLarge: z.boolean().default(false).describe('true or false'),
    allowSecrets: z
      .array(z.string().min(1))
      .default([])
      .describe('a list of file names, such as [.env.example]'),
  }),
});

/** The settings in force. Durations (`runner.lease`, `poll`, `grace`) are in milliseconds, sizes (`runner.inputCache`, `setupCache`) in bytes; paths are absolute. */
export type Config = z.output<typeof settings>;

type Written = z.input<typeof settings>;

/** Settings as a person writes them, all optional: durations and sizes as text with a unit. */
export type ConfigInput = Partial<Omit<Written, 'host' | 'runner' | 'snapshot'>> & {
  host?: Partial<Written['host']>;
  runner?: Partial<Written['runner']>;
  snapshot?: Partial<Written['snapshot']>;
};

/** A machine's own business: refused in the files of a project, which anybody who can push to it can change. */
export const ownSettings: ReadonlySet<string> = new Set(['runner.allow', 'runner.onEnd', 'runner.secrets']);

/** One setting that has a value, such as `runner.lease`. */
export interface Setting {
  path: readonly string[];
  schema: z.ZodType;
}

/** All settings, in the order of the schema. */
export function allSettings(group: z.ZodObject = settings, above: readonly string[] = []): Setting[] {
  return Object.entries(group.shape).flatMap(([key, schema]) => {
    const path = [...above, key];
    return schema instanceof z.ZodObject
      ? allSettings(schema, path)
      : [{ path, schema: schema as z.ZodType }];
  });
}

/** `runner.lease` → `DSTACK_RUNNER_LEASE`, `refPrefix` → `DSTACK_REF_PREFIX`. */
export function variableOf(path: readonly string[]): string {
  const words = path.map((key) => key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase());
  return ['DSTACK', ...words].join('_');
}
