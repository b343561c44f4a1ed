import https from 'node:https';
import Docker from 'dockerode';
import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import { type DockerEndpoint, findDocker } from './docker-endpoint.ts';
import { sshAgent } from './docker-ssh.ts';

export interface DockerConnection {
  readonly docker: Docker;
  /** Where it is and what has said so, for people. */
  readonly place: string;
  /** It is where one looks first. */
  readonly isUsual: boolean;
}

/**
 * Docker where `docker` itself would look for it. Nothing is sent yet.
 * @param timeout milliseconds without an answer after which a request fails; 0: as long as it takes
 * @throws DstackError `docker-unavailable` if what is configured can't be understood
 */
export function connectDocker({ timeout = 0 } = {}): DockerConnection {
  const endpoint = findDocker();
  const { url, from } = endpoint;
  const place = `${plainText(withoutPassword(url))}${from === null ? '' : ` (${from})`}`;
  try {
    // What is not named here dockerode would take from the environment, in a way of its own.
    const nothing = { host: undefined, port: undefined, ca: undefined, cert: undefined, key: undefined };
    const options = { ...nothing, ...waysTo(endpoint), pathPrefix: '/', timeout };
    return { docker: new Docker(options as Docker.DockerOptions), place, isUsual: from === null };
  } catch (error) {
    throw new DstackError('docker-unavailable', `Docker can't be reached: ${plainText(String(error))}`, {
      hint: 'correct DOCKER_HOST or DOCKER_CERT_PATH',
      cause: error,
    });
  }
}

function waysTo({ url, tls }: DockerEndpoint): object {
  if (url.protocol === 'unix:') return { protocol: 'http', socketPath: decodeURIComponent(url.pathname) };
  if (url.protocol === 'ssh:')
    return { protocol: 'http', host: url.hostname, port: 80, agent: sshAgent(url) };
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (tls === null) return { protocol: 'http', host, port: url.port || 2375 };
  const { verify, ...certificates } = tls;
  const agent = new https.Agent({ ...certificates, rejectUnauthorized: verify });
  return { protocol: 'https', host, port: url.port || 2376, ...certificates, agent };
}

function withoutPassword(url: URL): string {
  const shown = new URL(url);
  if (shown.password !== '') shown.password = '***';
  return shown.href.replace(/\/$/, '');
}
