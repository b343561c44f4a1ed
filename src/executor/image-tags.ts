import type Docker from 'dockerode';
import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import { answerOf, statusOf } from './docker-client.ts';
import { loginFor } from './registry-login.ts';

/** How long a registry may take to say where a tag points, in milliseconds. */
const lookMs = 10_000;
/** So many names are remembered. */
const mostNames = 500;

/**
 * Where a tag points; null: the registry can't be asked, and why, for people. Without a reason there is no way to ask:
 * Podman has none.
 */
export type TagLook =
  | { readonly digest: string }
  | { readonly digest: null; readonly problem: string | null };

/** What registries say of tags, asked through Docker, which knows its mirrors and whom it may trust. */
export interface ImageTags {
  /**
   * Where a tag points now, or pointed less than `maxAge` milliseconds ago. A registry counts how often it is asked, and
   * one that can't be reached takes its time: so an answer is good for a while, a missing one as well. Never throws.
   */
  look(image: string, maxAge: number): Promise<TagLook>;
  /** Where it points has just been seen by pulling it. */
  note(image: string, digest: string): void;
}

/** How long nothing is asked of a registry again that could not be asked; milliseconds. */
const missingMs = 5 * 60_000;

export function openImageTags(docker: Docker): ImageTags {
  const looks = new Map<string, { readonly at: number; readonly look: Promise<TagLook>; found: boolean }>();

  function remember(image: string, look: Promise<TagLook>): Promise<TagLook> {
    looks.delete(image);
    const [oldest] = looks.keys();
    if (looks.size >= mostNames && oldest !== undefined) looks.delete(oldest);
    const entry = { at: performance.now(), look, found: true };
    looks.set(image, entry);
    void look.then(({ digest }) => {
      entry.found = digest !== null;
    });
    return look;
  }

  return {
    look(image, maxAge) {
      const known = looks.get(image);
      const age = known ? performance.now() - known.at : Number.POSITIVE_INFINITY;
      if (known && age < (known.found ? maxAge : Math.min(maxAge, missingMs))) return known.look;
      return remember(image, askRegistry(docker, image));
    },
    note(image, digest) {
      void remember(image, Promise.resolve({ digest }));
    },
  };
}

async function askRegistry(docker: Docker, image: string): Promise<TagLook> {
  const { auth, problem } = await loginFor(image);
  try {
    const answer = await answerOf(docker.getImage(image).distribution({ authconfig: auth }), lookMs);
    const digest: unknown = answer?.Descriptor?.digest;
    if (typeof digest === 'string' && /^sha256:[0-9a-f]{64}$/.test(digest)) return { digest };
    return { digest: null, problem: 'it named no digest' };
  } catch (error) {
    if (hasNoSuchRequest(error)) return { digest: null, problem: null };
    const words = plainText((error as Error).message).slice(0, 300);
    return { digest: null, problem: problem === null ? words : `${words}; ${problem}` };
  }
}

/** Docker says what it doesn't find; who has never heard of the request says nothing but that. */
function hasNoSuchRequest(error: unknown): boolean {
  const { json } = (error instanceof DstackError ? error.cause : error) as { json?: { message?: unknown } };
  return statusOf(error) === 404 && typeof json?.message !== 'string';
}
