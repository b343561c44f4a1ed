import type Docker from 'dockerode';
import type { ImageIdentity } from './executor.ts';

/** Docker's grammar of references; also keeps a name from being another path of Docker's API. */
const grammar =
  /^(?:sha256:[0-9a-f]{64}|(?:[a-zA-Z0-9.-]+(?::\d+)?\/)?[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*(?::\w[\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?)$/;

export function isImageName(name: string): boolean {
  return name.length <= 512 && grammar.test(name);
}

/** Where an image comes from, by its name. */
export interface ImageSource {
  /** As Docker's configuration calls it in its list of logins. */
  readonly registry: string;
  /** With the registry, as Docker lists it with digests: `docker.io/library/python`. */
  readonly repository: string;
  /** It names one image for ever, not one that a tag points at. */
  readonly pinned: boolean;
}

/** Docker's own registry, as it is called in lists of logins. */
const dockerHub = 'https://index.docker.io/v1/';

/** @returns null for an id: such an image comes from nowhere */
export function sourceOf(image: string): ImageSource | null {
  if (image.startsWith('sha256:')) return null;
  const [name = ''] = image.split('@');
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  const path = (isHost ? name.slice(slash + 1) : name).replace(/:[^:]*$/, '');
  const pinned = image.includes('@');
  if (isHost && !/^(index\.)?docker\.io$/.test(first)) {
    return { registry: first, repository: `${first}/${path}`, pinned };
  }
  const repository = `docker.io/${path.includes('/') ? path : `library/${path}`}`;
  return { registry: dockerHub, repository, pinned };
}

/** The digests by which an image's registry knows it; several where it has been pushed in several wrappings. */
export function digestsOf(
  image: string,
  { RepoDigests }: Pick<Docker.ImageInspectInfo, 'RepoDigests'>,
): string[] {
  const repository = sourceOf(image)?.repository;
  return (RepoDigests ?? []).flatMap((name) => {
    const digest = name.split('@')[1];
    return digest !== undefined && sourceOf(name)?.repository === repository ? [digest] : [];
  });
}

/**
 * Which image it is that Docker has by this name.
 * @param digest the one that its tag points at, if that is known
 */
export function identityOf(
  image: string,
  info: Pick<Docker.ImageInspectInfo, 'Id' | 'RepoDigests'>,
  digest = image.split('@')[1],
): ImageIdentity {
  const digests = digestsOf(image, info);
  const known = digest !== undefined && digests.includes(digest) ? digest : digests[0];
  return { digest: known ?? null, id: info.Id.includes(':') ? info.Id : `sha256:${info.Id}` };
}
