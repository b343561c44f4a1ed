import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createDockerExecutor } from '../../src/executor/docker-executor.ts';
import { dockerForTests } from './docker-support.ts';
import { exited, removeFolders, run, specOf, temporaryFolder } from './support.ts';

const test = suite('Docker behind TLS');
const docker = await dockerForTests();
const image = 'dstack-test/busybox';
const variables = ['DOCKER_HOST', 'DOCKER_TLS_VERIFY', 'DOCKER_CERT_PATH', 'DOCKER_CONFIG', 'DOCKER_CONTEXT'];
const before = new Map(variables.map((name) => [name, process.env[name]]));

test.after.each(() => {
  for (const [name, value] of before) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  removeFolders();
});

/** An authority, and certificates of it for who answers and who asks: as `docker` expects them. */
function makeCertificates(folder: string): (name: string) => string {
  const at = (name: string) => path.join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl('req', '-x509', ...key, '-subj', '/CN=ca', '-keyout', at('ca.key'), '-out', at('ca.pem'));
  writeFileSync(at('names'), 'subjectAltName=DNS:localhost\n');
  for (const name of ['server', 'client']) {
    const [file, request] = [at(`${name}-key.pem`), at(`${name}.csr`)];
    openssl('req', ...key, '-subj', `/CN=${name}`, '-keyout', file, '-out', request);
    const by = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at('names')];
    openssl('x509', '-req', '-in', request, ...by, '-out', at(`${name}-cert.pem`));
  }
  return at;
}

if (docker !== undefined) {
  test('by the environment, and by a context', async () => {
    const at = makeCertificates(temporaryFolder());
    const read = (name: string) => readFileSync(at(name));
    const certificates = { ca: read('ca.pem'), cert: read('server-cert.pem'), key: read('server-key.pem') };
    // Whoever has no certificate of this authority is let in nowhere.
    const options = { ...certificates, requestCert: true, rejectUnauthorized: true, allowHalfOpen: true };
    const sockets = new Set<net.Socket>();
    const server = tls.createServer(options, (near) => {
      const far = net.connect({ path: '/var/run/docker.sock', allowHalfOpen: true });
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        from.on('error', () => {});
        from.on('close', () => to.destroy());
        from.pipe(to);
      }
    });
    // Also of those who don't get past the handshake.
    server.on('connection', (socket: net.Socket) => sockets.add(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const host = `tcp://localhost:${(server.address() as net.AddressInfo).port}`;
      const place = (folder: string) => {
        mkdirSync(folder, { recursive: true });
        writeFileSync(path.join(folder, 'ca.pem'), certificates.ca);
        for (const name of ['cert', 'key'])
          writeFileSync(path.join(folder, `${name}.pem`), read(`client-${name}.pem`));
      };
      const works = async (place: RegExp) => {
        const executor = createDockerExecutor();
        const check = await executor.check();
        assert.match(check.detail, place);
        assert.is(check.ok, true, check.detail);
        const limits = { cpu: null, memory: 64 * 2 ** 20, shmSize: null };
        const { result, text } = await run(executor, specOf(['echo out', 'exit 3'], { image, limits }));
        assert.equal([result, text()], [exited(3), 'out\n']);
      };
      process.env.DOCKER_CONFIG = temporaryFolder();
      process.env.DOCKER_HOST = host;
      process.env.DOCKER_TLS_VERIFY = '1';
      assert.is((await createDockerExecutor().check()).ok, false, 'without a certificate');
      process.env.DOCKER_CERT_PATH = temporaryFolder();
      place(process.env.DOCKER_CERT_PATH);
      await works(/ at tcp:\/\/localhost:\d+ \(DOCKER_HOST\)$/);

      for (const name of variables.slice(0, 3)) delete process.env[name];
      const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8', stdio: 'pipe' });
      const { DOCKER_CONFIG: config } = process.env;
      const files = ['ca', 'cert', 'key'].map(
        (name) => `${name}=${at(name === 'ca' ? 'ca.pem' : `client-${name}.pem`)}`,
      );
      docker('context', 'create', 'lab', '--docker', [`host=${host}`, ...files].join());
      docker('context', 'use', 'lab');
      await works(/ at tcp:\/\/localhost:\d+ \(context lab\)$/);
      assert.ok(readFileSync(path.join(config, 'config.json'), 'utf8').includes('lab'));
      process.env.DOCKER_CONTEXT = 'none';
      const check = await createDockerExecutor().check();
      assert.match(check.detail, /there is no context of Docker for DOCKER_CONTEXT none/);
    } finally {
      server.close();
      for (const socket of sockets) socket.destroy();
    }
  });
}

test.run();
