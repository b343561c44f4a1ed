import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** Gitea's are Forgejo's, too. */
export type Forge = 'github' | 'gitlab' | 'gitea' | 'bitbucket';

/** What the headers of a webhook say that it is; nothing of it is true before its signature has been checked. */
export interface Delivery {
  readonly forge: Forge;
  readonly push: boolean;
  /** As it stands in the header; null: there is none. */
  readonly signature: string | null;
}

/** @returns null if no forge that is known sends such a request */
export function recogniseDelivery(headers: IncomingHttpHeaders): Delivery | null {
  const header = (name: string): string | null => {
    const value = headers[name];
    return typeof value === 'string' && value !== '' ? value : null;
  };
  // Gitea sends the headers of GitHub beside its own, so it is asked about first.
  const gitea = header('x-gitea-event') ?? header('x-forgejo-event');
  if (gitea) {
    const signature = header('x-gitea-signature') ?? header('x-forgejo-signature');
    return { forge: 'gitea', push: /^(push|create|delete)$/.test(gitea), signature };
  }
  const github = header('x-github-event');
  if (github) return { forge: 'github', push: github === 'push', signature: header('x-hub-signature-256') };
  const gitlab = header('x-gitlab-event');
  // A system hook says in its body only what it is about; most of them are pushes.
  if (gitlab) {
    return {
      forge: 'gitlab',
      push: /^(push|tag push|system) hook$/i.test(gitlab),
      signature: header('x-gitlab-token'),
    };
  }
  const bitbucket = header('x-event-key');
  if (bitbucket) {
    return {
      forge: 'bitbucket',
      push: bitbucket === 'repo:push' || bitbucket === 'repo:refs_changed',
      signature: header('x-hub-signature'),
    };
  }
  return null;
}

/** Does it come from somebody who knows the secret? In a time that says nothing of how near a wrong one came. */
export function isAuthentic({ forge, signature }: Delivery, body: Uint8Array, secret: string): boolean {
  if (signature === null) return false;
  const digest = createHmac('sha256', secret).update(body).digest('hex');
  switch (forge) {
    case 'gitlab':
      return sameText(signature, secret);
    case 'gitea':
      return sameText(signature, digest);
    case 'github':
    case 'bitbucket':
      return sameText(signature, `sha256=${digest}`);
  }
}

/** The comparison itself needs texts of the same length: their digests are, under a key that nobody knows. */
function sameText(a: string, b: string): boolean {
  const key = randomBytes(32);
  const digest = (text: string) => createHmac('sha256', key).update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** The refs that an authentic push has changed, as its body tells; null if it doesn't. */
export function pushedRefs(body: Uint8Array, contentType: string | undefined): string[] | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    // GitHub and Gitea can be told to send a form, whose one field is the JSON.
    const form = contentType?.toLowerCase().startsWith('application/x-www-form-urlencoded');
    return refsOf(JSON.parse(form ? (new URLSearchParams(text).get('payload') ?? '') : text));
  } catch {
    return null;
  }
}

function refsOf(payload: unknown): string[] | null {
  if (typeof payload !== 'object' || payload === null) return null;
  const { ref, push, changes } = payload as Record<string, unknown>;
  if (typeof ref === 'string') return [ref];
  if (Array.isArray(changes)) {
    // Bitbucket Data Center.
    const ids = changes.map((change) => (change as { ref?: { id?: unknown } } | null)?.ref?.id);
    return allTexts(ids);
  }
  const pushed = (push as { changes?: unknown } | undefined)?.changes;
  if (!Array.isArray(pushed)) return null;
  // Bitbucket Cloud; what was deleted has no `new`.
  return allTexts(
    pushed.map((change) => {
      const { new: now, old } = (change ?? {}) as Record<'new' | 'old', Record<string, unknown> | null>;
      const { type, name } = now ?? old ?? {};
      return typeof name === 'string' ? `refs/${type === 'tag' ? 'tags' : 'heads'}/${name}` : undefined;
    }),
  );
}

function allTexts(values: readonly unknown[]): string[] | null {
  return values.every((value) => typeof value === 'string') ? (values as string[]) : null;
}
