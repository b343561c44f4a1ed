import { execFile } from 'node:child_process';
import { homedir } from 'node:os';
import type { AuthConfig } from 'dockerode';
import * as z from 'zod';
import { plainText } from '../terminal-text.ts';
import { type DockerConfig, readDockerConfig } from './docker-config.ts';
import { sourceOf } from './image-name.ts';

/** How long a credential helper may take; it may have to ask a server. */
const helperMs = 30_000;

export interface RegistryLogin {
  /** As dockerode passes it on; undefined: there is none, which most images don't need. */
  readonly auth: AuthConfig | undefined;
  /** Why a login that is configured can't be used, for people; nothing of it is in there. */
  readonly problem: string | null;
}

interface Credentials {
  username?: string;
  password?: string;
  identitytoken?: string;
  registrytoken?: string;
}

/**
 * The login for an image's registry that `docker login` or a credential helper has on this machine. Looked up anew
 * each time, since it may change at any time. Never throws.
 */
export async function loginFor(image: string, env = process.env): Promise<RegistryLogin> {
  const registry = sourceOf(image)?.registry;
  if (registry === undefined) return { auth: undefined, problem: null };
  try {
    const config = readDockerConfig(env);
    const helper = config.credHelpers?.[registry] || config.credsStore;
    const found = helper ? await askHelper(helper, registry, env) : inFile(config, registry);
    return { auth: found && encode({ ...found, serveraddress: registry }), problem: null };
  } catch (error) {
    const problem = `the login for ${plainText(registry)} can't be used: ${(error as Error).message}`;
    return { auth: undefined, problem };
  }
}

/** The daemon takes it in a header, in the alphabet for URLs but with its padding. */
function encode(credentials: Credentials & { serveraddress: string }): AuthConfig {
  const base64 = Buffer.from(JSON.stringify(credentials)).toString('base64');
  return { base64: base64.replaceAll('+', '-').replaceAll('/', '_') };
}

/** An entry by the registry's name, or by one that is the same but for `https://` and a path. */
function inFile({ auths = {} }: DockerConfig, registry: string): Credentials | undefined {
  const key = Object.hasOwn(auths, registry)
    ? registry
    : Object.keys(auths).find((name) => hostOf(name) === hostOf(registry));
  const entry = key === undefined ? undefined : auths[key];
  if (!entry) return undefined;
  const { auth, ...rest } = entry;
  if (!auth) return Object.keys(rest).length > 0 ? rest : undefined;
  const decoded = Buffer.from(auth, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  if (colon < 1) throw new Error('its entry in config.json has no user and password');
  const password = decoded.slice(colon + 1).replace(/\0+$/, '');
  return { ...rest, username: decoded.slice(0, colon), password };
}

const hostOf = (name: string): string => name.replace(/^https?:\/\//, '').split('/')[0] ?? '';

const answerSchema = z.object({ Username: z.string(), Secret: z.string() });

/** What `docker-credential-NAME get` has; undefined if it knows of none. */
async function askHelper(
  name: string,
  registry: string,
  env: NodeJS.ProcessEnv,
): Promise<Credentials | undefined> {
  if (!/^[\w.-]+$/.test(name)) throw new Error(`${plainText(name)} is not the name of a credential helper`);
  const program = `docker-credential-${name}`;
  const { failed, stdout } = await run(program, registry, env);
  if (failed !== null) {
    // The only answer of a helper that is no failure; all of them use these words.
    if (/credentials not found/i.test(stdout)) return undefined;
    throw new Error(`${program} ${failed}`);
  }
  const answer = answerSchema.safeParse(parse(stdout));
  if (!answer.success) throw new Error(`${program} did not answer as a credential helper does`);
  const { Username: username, Secret: secret } = answer.data;
  if (secret === '') return undefined;
  return username === '<token>' ? { identitytoken: secret } : { username, password: secret };
}

/** What it printed is for nobody's eyes: `failed` says how it ended alone. */
function run(
  program: string,
  input: string,
  env: NodeJS.ProcessEnv,
): Promise<{ failed: string | null; stdout: string }> {
  return new Promise((resolve) => {
    const options = {
      env,
      cwd: homedir(),
      timeout: helperMs,
      killSignal: 'SIGKILL',
      maxBuffer: 2 ** 20,
    } as const;
    const child = execFile(program, ['get'], options, (error, stdout) => {
      if (error === null) return resolve({ failed: null, stdout });
      const { code, killed } = error;
      const late = `did not end within ${helperMs / 1000} s`;
      const ended = typeof code === 'number' ? `ended with exit code ${code}` : `can't be started (${code})`;
      const missing = (code as unknown) === 'ENOENT';
      resolve({ failed: killed ? late : missing ? 'is not installed here' : ended, stdout });
    });
    child.stdin?.on('error', () => {}); // It may end without having read.
    child.stdin?.end(`${input}\n`);
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
