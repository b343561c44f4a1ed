import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { until } from '../e2e/project.ts';
import { freePort } from '../git/free-port.ts';

const programs = { nginx: '/usr/sbin/nginx', fcgiwrap: '/usr/sbin/fcgiwrap', openssl: '/usr/bin/openssl' };

/** What is missing for this server; null: nothing. */
export const missing = Object.values(programs).find((program) => !existsSync(program)) ?? null;

export const password = 'open sesame';
export const token = 'tok-4711';

/** Git's own `http-backend` behind nginx with TLS, as machines that many share have it. */
export interface WebHost {
  readonly port: number;
  /** The certificate of the authority that vouches for it. */
  readonly authority: string;
  /** `https://…` of a folder below the served one, for those who log in with a password or with a bearer token. */
  url(way: 'password' | 'bearer', repository: string): string;
  /** `ann` for each request that she was let in with, `-` for the others. */
  users(): string[];
  /** How many requests had this in their path. */
  requests(part: string): number;
  stop(): Promise<void>;
}

/**
 * Serves the repositories below a folder.
 * @param folder its own, empty; made if need be
 */
export async function startNginx(folder: string, served: string): Promise<WebHost> {
  const at = (name: string) => path.join(folder, name);
  mkdirSync(folder, { recursive: true });
  makeCertificates(at);
  writeFileSync(at('users'), `ann:{PLAIN}${password}\n`);
  const port = await freePort();
  const backend = path.join(
    execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim(),
    'git-http-backend',
  );
  const pass = (prefix: string, user: string) => `
    fastcgi_pass unix:${at('fcgi')};
    fastcgi_param SCRIPT_FILENAME ${backend};
    fastcgi_param GIT_PROJECT_ROOT ${served};
    fastcgi_param GIT_HTTP_EXPORT_ALL 1;
    fastcgi_param GIT_CONFIG_GLOBAL /dev/null;
    fastcgi_param GIT_CONFIG_NOSYSTEM 1;
    fastcgi_param HOME ${folder};
    fastcgi_param PATH ${process.env.PATH};
    fastcgi_param GIT_PROTOCOL $http_git_protocol;
    fastcgi_param PATH_INFO $repository;
    fastcgi_param QUERY_STRING $query_string;
    fastcgi_param REQUEST_METHOD $request_method;
    fastcgi_param CONTENT_TYPE $content_type;
    fastcgi_param CONTENT_LENGTH $content_length;
    fastcgi_param REMOTE_USER ${user};
    fastcgi_param REMOTE_ADDR $remote_addr;
    set $repository '';
    if ($uri ~ ^/${prefix}(/.*)$) { set $repository $1; }`;
  writeFileSync(
    at('nginx.conf'),
    `
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
pid ${at('pid')};
error_log ${at('error.log')};
events {}
http {
  log_format who '$remote_user $status $request';
  access_log ${at('access.log')} who;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((what) => `${what}_temp_path ${at(what)};`).join('\n  ')}
  client_max_body_size 0;
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${at('host.pem')};
    ssl_certificate_key ${at('host.key')};
    location /password/ {
      auth_basic git;
      auth_basic_user_file ${at('users')};
      ${pass('password', '$remote_user')}
    }
    location /bearer/ {
      if ($http_authorization != 'Bearer ${token}') { return 401; }
      ${pass('bearer', 'robot')}
    }
  }
}
`,
  );
  const started = [
    spawn(programs.fcgiwrap, ['-c', '2', '-f', '-s', `unix:${at('fcgi')}`], {
      stdio: 'ignore',
      detached: true,
    }),
    spawn(programs.nginx, ['-e', at('error.log'), '-c', at('nginx.conf')], {
      stdio: 'ignore',
      detached: true,
    }),
  ];
  const ended = started.map((child) => new Promise((resolve) => child.once('close', resolve)));
  await until('nginx', () => existsSync(at('pid')) && existsSync(at('fcgi')));
  return {
    port,
    authority: at('authority.pem'),
    url: (way, repository) => `https://localhost:${port}/${way}${repository.slice(served.length)}`,
    users: () =>
      readFileSync(at('access.log'), 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => line.split(' ')[0] ?? ''),
    requests: (part) => readFileSync(at('access.log'), 'utf8').split(part).length - 1,
    async stop() {
      for (const { pid } of started) process.kill(-(pid as number));
      await Promise.all(ended);
    },
  };
}

/** An authority, and a certificate of it for `localhost`. */
function makeCertificates(at: (name: string) => string): void {
  const openssl = (...args: string[]) => execFileSync(programs.openssl, args, { stdio: 'ignore' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    ...['req', '-x509', ...key, '-days', '2', '-subj', '/CN=An authority of this test'],
    ...['-keyout', at('authority.key'), '-out', at('authority.pem')],
  );
  openssl('req', ...key, '-subj', '/CN=localhost', '-keyout', at('host.key'), '-out', at('host.csr'));
  writeFileSync(at('extensions'), 'subjectAltName = DNS:localhost, IP:127.0.0.1\n');
  openssl(
    ...['x509', '-req', '-days', '2', '-in', at('host.csr'), '-out', at('host.pem'), '-CAcreateserial'],
    ...['-CA', at('authority.pem'), '-CAkey', at('authority.key'), '-extfile', at('extensions')],
  );
}
