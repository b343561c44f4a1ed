import { createHash } from 'node:crypto';
import { accessSync, constants, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import { dockerConfigFolder, readDockerConfig } from './docker-config.ts';

/** Where Docker is. */
export interface DockerEndpoint {
  readonly url: URL;
  /** What says so, for people: a variable, a context; null: it is where one looks first. */
  readonly from: string | null;
  /** Null: in plain text. */
  readonly tls: EndpointTls | null;
}

export interface EndpointTls {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  /** False: whoever answers is taken for it. */
  readonly verify: boolean;
}

/**
 * Docker where `docker` itself would look: DOCKER_HOST, then DOCKER_CONTEXT, then the context in use; then the usual
 * socket. Where that can't be used, that of a rootless Docker or of Podman, if one is there.
 * @param usualSocket where Docker listens unless told otherwise
 * @throws DstackError `docker-unavailable` if what is configured can't be understood or is not there
 */
export function findDocker(
  env: NodeJS.ProcessEnv = process.env,
  usualSocket = '/var/run/docker.sock',
): DockerEndpoint {
  const { DOCKER_HOST: host, DOCKER_CONTEXT: context } = env;
  if (host)
    return { url: parseHost(host, 'DOCKER_HOST'), from: 'DOCKER_HOST', tls: tlsByEnvironment(host, env) };
  const usual = () => usualPlace(env, usualSocket);
  if (context) return byContext(context, `DOCKER_CONTEXT ${plainText(context)}`, env, usual);
  const current = currentContext(env);
  if (current) return byContext(current, `context ${plainText(current)}`, env, usual);
  return usual();
}

/** A configuration that can't be read is told where a login is looked for in it. */
function currentContext(env: NodeJS.ProcessEnv): string | undefined {
  try {
    return readDockerConfig(env).currentContext;
  } catch {
    return undefined;
  }
}

function usualPlace(env: NodeJS.ProcessEnv, usualSocket: string): DockerEndpoint {
  const runtime = env.XDG_RUNTIME_DIR || `/run/user/${process.getuid?.()}`;
  const others: [file: string, what: string][] = [
    [path.join(runtime, 'docker.sock'), 'rootless Docker'],
    [path.join(homedir(), '.docker/run/docker.sock'), 'Docker Desktop'],
    [path.join(runtime, 'podman/podman.sock'), 'Podman'],
    ...(process.getuid?.() === 0 ? [['/run/podman/podman.sock', 'Podman'] as [string, string]] : []),
  ];
  const [file, from] = (!isUsable(usualSocket) && others.find(([one]) => isUsable(one))) || [
    usualSocket,
    null,
  ];
  return { url: new URL(`unix://${file}`), from, tls: null };
}

function isUsable(socket: string): boolean {
  try {
    accessSync(socket, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** `docker` keeps each context in a folder named by the hash of its name. */
function byContext(
  name: string,
  from: string,
  env: NodeJS.ProcessEnv,
  usual: () => DockerEndpoint,
): DockerEndpoint {
  if (name === 'default') return usual();
  const contexts = path.join(dockerConfigFolder(env), 'contexts');
  const id = createHash('sha256').update(name).digest('hex');
  const file = path.join(contexts, 'meta', id, 'meta.json');
  let meta: { Endpoints?: { docker?: { Host?: unknown; SkipTLSVerify?: unknown } } };
  try {
    meta = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw unavailable(`there is no context of Docker for ${from}`, missing ? '' : `: ${file} can't be read`);
  }
  const endpoint = meta?.Endpoints?.docker;
  if (typeof endpoint?.Host !== 'string') throw unavailable(`${from} says nothing of a Docker`, '');
  // Without a host it stands for the usual place.
  if (endpoint.Host === '') return { ...usual(), from };
  const folder = path.join(contexts, 'tls', id, 'docker');
  const verify = endpoint.SkipTLSVerify !== true;
  const tls = certificates(folder, verify);
  const usesTls = Object.keys(tls).length > 1 || !verify;
  return { url: parseHost(endpoint.Host, from), from, tls: usesTls ? tls : null };
}

function unavailable(message: string, more: string): DstackError {
  return new DstackError('docker-unavailable', `${message}${more}`, {
    hint: 'docker context ls shows those that there are; DOCKER_HOST wins over all of them',
  });
}

/** @throws DstackError `docker-unavailable` */
function parseHost(text: string, from: string): URL {
  const shown = plainText(JSON.stringify(text));
  const bad = (cause?: unknown) =>
    new DstackError('docker-unavailable', `Docker can't be reached: ${from} is ${shown}`, {
      hint: 'write it as unix:///PATH, tcp://HOST:PORT or ssh://USER@HOST',
      cause,
    });
  try {
    const url = new URL(text.includes('://') ? text : `tcp://${text}`);
    if (url.protocol === 'unix:' && url.pathname === '') url.pathname = '/var/run/docker.sock';
    const isKnown = /^(unix|tcp|http|https|ssh):$/.test(url.protocol);
    if (isKnown && (url.protocol === 'unix:' ? url.hostname === '' : url.hostname !== '')) return url;
  } catch (error) {
    throw bad(error);
  }
  throw bad();
}

/** As for `docker`: any value turns it on. The port that is meant for it does, too. */
function tlsByEnvironment(host: string, env: NodeJS.ProcessEnv): EndpointTls | null {
  const verify = Boolean(env.DOCKER_TLS_VERIFY);
  const wanted = verify || env.DOCKER_TLS || /^https:|^(?!unix|ssh).*:2376\/?$/.test(host);
  if (!wanted) return null;
  return certificates(env.DOCKER_CERT_PATH || dockerConfigFolder(env), verify || !env.DOCKER_TLS);
}

function certificates(folder: string, verify: boolean): EndpointTls {
  const file = (name: string): Buffer | undefined => {
    try {
      return readFileSync(path.join(folder, `${name}.pem`));
    } catch {
      return undefined;
    }
  };
  const [ca, cert, key] = [file('ca'), file('cert'), file('key')];
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }), verify };
}
