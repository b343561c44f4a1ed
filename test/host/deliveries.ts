import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';

export const secret = 'a secret of the hook';

export const payload = (name: string): Buffer =>
  readFileSync(new URL(`payloads/${name}.json`, import.meta.url));

const hmac = (body: Uint8Array, key: string) => createHmac('sha256', key).update(body).digest('hex');

/** How each forge sends a push: its headers, as they are documented, over its payload. */
export const forges = {
  github: (key = secret, body = payload('github-push')) => ({
    body,
    headers: {
      'user-agent': 'GitHub-Hookshot/044aadd',
      'x-github-delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
      'x-github-event': 'push',
      'x-hub-signature': 'sha1=7d38cdd689735b008b3c702edd92eea23791c5f6',
      'x-hub-signature-256': `sha256=${hmac(body, key)}`,
    },
    refs: ['refs/heads/main'],
  }),
  gitlab: (key = secret, body = payload('gitlab-push')) => ({
    body,
    headers: {
      'x-gitlab-event': 'Push Hook',
      'x-gitlab-token': key,
      'x-gitlab-instance': 'https://gitlab.example',
    },
    refs: ['refs/heads/master'],
  }),
  // It sends what GitHub and Gogs would, too.
  gitea: (key = secret, body = payload('gitea-push')) => ({
    body,
    headers: {
      'x-gitea-delivery': 'f6266f16-1bf3-46a5-9ea4-602e06ead473',
      'x-gitea-event': 'push',
      'x-gitea-signature': hmac(body, key),
      'x-gogs-event': 'push',
      'x-gogs-signature': hmac(body, key),
      'x-github-event': 'push',
      'x-hub-signature-256': `sha256=${hmac(body, key)}`,
    },
    refs: ['refs/heads/develop'],
  }),
  bitbucket: (key = secret, body = payload('bitbucket-push')) => ({
    body,
    headers: {
      'x-event-key': 'repo:push',
      'x-hook-uuid': '2b5c4e8a',
      'x-hub-signature': `sha256=${hmac(body, key)}`,
    },
    refs: ['refs/heads/name-of-branch', 'refs/tags/v1'],
  }),
  bitbucketDataCenter: (key = secret, body = payload('bitbucket-refs-changed')) => ({
    body,
    headers: {
      'x-event-key': 'repo:refs_changed',
      'x-request-id': '@1',
      'x-hub-signature': `sha256=${hmac(body, key)}`,
    },
    refs: ['refs/heads/master'],
  }),
} satisfies Record<string, (key?: string, body?: Buffer) => object>;
