import { type DstackError, usageError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';

/** Where in S3 a store is. */
export interface S3Place {
  bucket: string;
  /** What all names begin with: empty, or it ends in `/`. */
  prefix: string;
  /** Another service's than AWS's. */
  endpoint: string | undefined;
  region: string | undefined;
  /** The same as text, from which it can be parsed again. */
  location: string;
}

const EXAMPLE =
  'write it as `s3://BUCKET/PREFIX`, or with `?endpoint=https://HOST:PORT&region=REGION` for another service than AWS';
/** A key may have 1,024 bytes; the names of blobs take 71, those of uploads to come may take more. */
const MAX_PREFIX_BYTES = 512;

/** Parses `s3://bucket/prefix?endpoint=…&region=…`. Throws `bad-store` (usage), which never has what may be a password. */
export function parseS3Location(text: string): S3Place {
  const url = parseUrl(text);
  const bad = (what: string) => usageError('bad-store', what, EXAMPLE);
  if (url === null || !/^s3:\/\//i.test(text)) throw bad('the store is not a valid S3 address');
  if (url.username || url.password)
    throw noCredentials('credentials of S3 are not written into the address of a store');
  for (const name of url.searchParams.keys()) {
    if (name !== 'endpoint' && name !== 'region')
      throw bad(`the address of an S3 store has no parameter \`${plainText(name)}\``);
  }
  if (url.hash) throw bad('the address of an S3 store has no part after a #');
  const bucket = url.hostname;
  if (url.port || !/^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/i.test(bucket))
    throw bad(`this can't be the name of a bucket: ${plainText(bucket) || 'nothing'}`);
  const path = prefixOf(url.pathname);
  if (path === null) throw bad(`this can't be a prefix in a bucket: ${plainText(url.pathname)}`);
  const endpoint = url.searchParams.get('endpoint') ?? undefined;
  const region = url.searchParams.get('region') ?? undefined;
  if (region !== undefined && !/^[a-z0-9-]{1,40}$/i.test(region))
    throw bad(`this can't be a region: ${plainText(region)}`);
  const place = { bucket, prefix: path && `${path}/`, endpoint: endpoint && endpointOf(endpoint), region };
  return { ...place, location: locationOf(place) };
}

function parseUrl(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

/** Null if it could mean something else than it says to a server, or to a tool that shows buckets as folders. */
function prefixOf(pathname: string): string | null {
  let path: string;
  try {
    path = decodeURIComponent(pathname).replace(/^\/|\/$/g, '');
  } catch {
    return null;
  }
  if (path === '') return '';
  const odd = path.split('/').some((part) => part === '' || part === '.' || part === '..');
  return odd || plainText(path) !== path || Buffer.byteLength(path) > MAX_PREFIX_BYTES ? null : path;
}

function endpointOf(text: string): string {
  const url = parseUrl(text);
  if (url?.username || url?.password)
    throw noCredentials('credentials of S3 are not written into its endpoint');
  if (url === null || !/^https?:$/.test(url.protocol) || url.search || url.hash)
    throw usageError(
      'bad-store',
      `this can't be an endpoint of S3: ${plainText(text.split('?')[0]!)}`,
      EXAMPLE,
    );
  return (url.origin + url.pathname).replace(/\/$/, '');
}

function locationOf({ bucket, prefix, endpoint, region }: Omit<S3Place, 'location'>): string {
  const path = prefix.replace(/\/$/, '').split('/').map(encodeURIComponent).join('/');
  const query = [
    endpoint && `endpoint=${endpoint.replace(/[&+%#]/g, encodeURIComponent)}`,
    region && `region=${region}`,
  ];
  const given = query.filter(Boolean).join('&');
  return `s3://${bucket}${path && `/${path}`}${given && `?${given}`}`;
}

function noCredentials(what: string): DstackError {
  return usageError('bad-store', what, HOW_TO_GIVE_CREDENTIALS);
}

/** For hints. */
export const HOW_TO_GIVE_CREDENTIALS =
  'give them by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE and ~/.aws/credentials, or a role of the machine';
