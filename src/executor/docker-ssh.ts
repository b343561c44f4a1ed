import { spawn } from 'node:child_process';
import http from 'node:http';
import { Duplex, Readable, Writable } from 'node:stream';
import { plainText } from '../terminal-text.ts';

/**
 * Reaches Docker on another machine as `docker` does: by the user's own ssh, with his settings, keys and known hosts,
 * and the `docker` that is there. Each request is a connection of its own.
 */
export function sshAgent(url: URL): http.Agent {
  const agent = new http.Agent();
  return Object.assign(agent, { createConnection: () => dial(url) });
}

function dial(url: URL): Duplex {
  const child = spawn('ssh', sshArguments(url), { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-1000);
  });
  const ended = new Promise<string | null>((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ENOENT' ? 'it is not installed here' : error.message),
    );
    child.once('close', (code) =>
      resolve(code === 0 ? null : said.trim().split('\n').at(-1) || `it ended with ${code}`),
    );
  });
  /** What comes back, and why no more does. */
  async function* answers(): AsyncGenerator<Buffer> {
    for await (const chunk of child.stdout) yield chunk;
    const problem = await ended;
    if (problem !== null) throw new Error(`ssh: ${plainText(problem)}`);
  }
  child.stdin.on('error', () => {});
  // What can't be written any more is no error of its own: the end of what comes back tells why.
  const questions = new Writable({
    write: (chunk, encoding, done) => void child.stdin.write(chunk, encoding, () => done()),
    final: (done) => void child.stdin.end(() => done()),
  });
  const stream = Duplex.from({
    readable: Readable.from(answers(), { objectMode: false }),
    writable: questions,
  });
  stream.once('close', () => child.kill());
  return stream;
}

/** Never asks for anything: nobody may be there to answer. */
export function sshArguments(url: URL): string[] {
  const user = decodeURIComponent(url.username);
  const socket = url.pathname.length > 1 ? ['--host', `unix://${decodeURIComponent(url.pathname)}`] : [];
  return [
    ...['-o', 'BatchMode=yes', '-o', 'ConnectTimeout=30', '-T'],
    ...(user === '' ? [] : ['-l', user]),
    ...(url.port === '' ? [] : ['-p', url.port]),
    ...['--', url.hostname, 'docker', ...socket, 'system', 'dial-stdio'],
  ];
}
