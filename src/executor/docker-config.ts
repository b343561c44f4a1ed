import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import * as z from 'zod';
import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';

/** What of `docker`'s own configuration matters here; what else is in it is its own business. */
const schema = z.object({
  currentContext: z.string().optional(),
  auths: z
    .record(
      z.string(),
      z.object({
        auth: z.string().optional(),
        username: z.string().optional(),
        password: z.string().optional(),
        identitytoken: z.string().optional(),
        registrytoken: z.string().optional(),
      }),
    )
    .optional(),
  credsStore: z.string().optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
});

export type DockerConfig = z.infer<typeof schema>;

/** Where `docker` keeps its configuration, contexts and certificates. */
export function dockerConfigFolder(env: NodeJS.ProcessEnv): string {
  return env.DOCKER_CONFIG || path.join(homedir(), '.docker');
}

/**
 * `config.json`, as `docker login` and `docker context use` write it; empty where there is none.
 * @throws DstackError `docker-config` if it can't be read
 */
export function readDockerConfig(env: NodeJS.ProcessEnv): DockerConfig {
  const file = path.join(dockerConfigFolder(env), 'config.json');
  const bad = (what: string) =>
    new DstackError('docker-config', `${plainText(file)} ${what}`, {
      hint: 'correct it: docker reads it, too',
    });
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return {};
    throw bad(`can't be read (${code})`);
  }
  try {
    // Its content, which may be a password, is not repeated in a message.
    const parsed = schema.safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data;
    throw bad(`is not what docker writes: ${plainText(parsed.error.issues[0]?.path.join('.') ?? '')}`);
  } catch (error) {
    throw error instanceof DstackError ? error : bad('is not JSON');
  }
}
