import { DstackError } from '../../errors.ts';
import { plainText } from '../../terminal-text.ts';
import { errno } from '../file-errors.ts';
import { HOW_TO_GIVE_CREDENTIALS, type S3Place } from '../s3-place.ts';

/** What S3 calls the failure (`NoSuchKey` …); for those without a body the SDK makes a name of the status. */
export function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : '';
}

/** The status of the answer, or undefined if there was none. */
export function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } } | null)?.$metadata?.httpStatusCode;
}

interface Explanation {
  code: string;
  /** Of the store, as which STORE stands. */
  says: string;
  hint: string;
  /** What services and the SDK call it. */
  named?: RegExp;
}

const explanations = {
  expired: {
    code: 'store-credentials-expired',
    says: 'the credentials for the store STORE have expired',
    hint: 'get new ones (`aws sso login`, or a new session token), or use a profile or role that renews them itself',
    named: /^(ExpiredToken|ExpiredTokenException|TokenRefreshRequired|RequestExpired)$/,
  },
  refused: {
    code: 'store-credentials-refused',
    says: 'the store STORE does not accept the credentials',
    hint: 'compare AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or the profile, with those of that service',
    named:
      /^(InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken|InvalidClientTokenId|UnrecognizedClientException)$/,
  },
  noCredentials: {
    code: 'store-no-credentials',
    says: 'there are no credentials for the store STORE',
    hint: HOW_TO_GIVE_CREDENTIALS,
  },
  clock: {
    code: 'store-clock',
    says: 'the clock of this machine differs too much from that of the store STORE',
    hint: 'set the clock, or switch its synchronisation on (`timedatectl set-ntp true`)',
    named: /^(RequestTimeTooSkewed|RequestInTheFuture)$/,
  },
  noBucket: {
    code: 'store-no-bucket',
    says: 'the bucket of the store STORE does not exist',
    hint: 'create it, or correct `store` in .dstackrc; for another service than AWS it needs `?endpoint=`',
    named: /^NoSuchBucket$/,
  },
  wrongRegion: {
    code: 'store-wrong-region',
    says: 'the store STORE is in another region',
    hint: 'add the region of the bucket to `store` in .dstackrc: `?region=REGION`',
    named: /^(PermanentRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraintException|301)$/,
  },
  noRegion: {
    code: 'store-no-region',
    says: 'it is not known in which region the store STORE is',
    hint: 'add it to `store` in .dstackrc: `?region=REGION`, or set AWS_REGION',
  },
  full: {
    code: 'store-full',
    says: 'there is no room left in the store STORE',
    hint: 'remove what is not needed, raise the quota, or set `store` in .dstackrc to a place with more room',
    named: /^(QuotaExceeded|XMinioStorageFull|XMinioAdminBucketQuotaExceeded|InsufficientStorage)$/,
  },
  denied: {
    code: 'store-denied',
    says: 'no permission to use the store STORE',
    hint: 'it takes s3:GetObject, s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload and, on the bucket, s3:ListBucket, without which what is missing looks forbidden',
    named: /^(AccessDenied|AllAccessDisabled|AccountProblem|Forbidden|InvalidObjectState|403|401)$/,
  },
  busy: {
    code: 'store-busy',
    says: 'the store STORE is too busy, also after several attempts',
    hint: 'try again later: what has been sent is not sent again; fewer runners at a time also help',
    named: /^(SlowDown|ServiceUnavailable|InternalError|RequestLimitExceeded|TooManyRequests|Throttling.*)$/,
  },
  damagedOnItsWay: {
    code: 'store-unreliable',
    says: 'what is sent to the store STORE arrives there as something else, also after several attempts',
    hint: 'look for what is on the way to that service, such as a proxy, and test the memory of this machine',
    named: /^(BadDigest|XAmzContentSHA256Mismatch)$/,
  },
  unreachable: {
    code: 'store-unreachable',
    says: 'the store STORE does not answer, also after several attempts',
    hint: 'check the network and the endpoint, then try again: what has been sent is not sent again',
    named: /^TimeoutError$/,
  },
  untrusted: {
    code: 'store-untrusted',
    says: 'the certificate of the store STORE is not trusted',
    hint: 'name the file of the authority that issued it in NODE_EXTRA_CA_CERTS, and compare the host with the certificate',
  },
} satisfies Record<string, Explanation>;

/** Whether what arrived is not what was sent: nothing of it is stored. */
export function isDamagedOnItsWay(error: unknown): boolean {
  return explanations.damagedOnItsWay.named.test(nameOf(error));
}

const NETWORK =
  /^(ECONN.*|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EPIPE|EPROTO|HPE_.*|ERR_STREAM_PREMATURE_CLOSE)$/;
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS_/;

function explain(error: unknown): Explanation | undefined {
  const name = nameOf(error);
  // The SDK's providers fail with classes of their own: an expired session of SSO is one of them.
  if (/^(CredentialsProviderError|TokenProviderError|ProviderError)$/.test(name))
    return /expired/i.test((error as Error).message) ? explanations.expired : explanations.noCredentials;
  const known: readonly Explanation[] = Object.values(explanations);
  const named = known.find((explanation) => explanation.named?.test(name));
  if (named) return named;
  const code = errno(error) ?? '';
  if (CERTIFICATE.test(code)) return explanations.untrusted;
  if (NETWORK.test(code)) return explanations.unreachable;
  if (/region is missing/i.test(error instanceof Error ? error.message : '')) return explanations.noRegion;
  const status = statusOf(error) ?? 0;
  if (status === 507) return explanations.full;
  if (status === 401 || status === 403) return explanations.denied;
  if (status === 429 || status >= 500) return explanations.busy;
  return undefined;
}

/** The words for a failed call that a person can act on. They have nothing of the request in them. */
export function s3Error(error: unknown, place: S3Place): unknown {
  if (error instanceof DstackError) return error;
  const explanation = explain(error);
  const where = plainText(place.location);
  const words = wordsOf(error);
  if (explanation) {
    const { code, says, hint } = explanation;
    return new DstackError(code, `${says.replace('STORE', () => where)} (${words})`, { hint });
  }
  // What a server answered is none of our bugs.
  if (statusOf(error) === undefined) return error;
  return new DstackError('store-failed', `the store ${where} answers ${statusOf(error)}: ${words}`, {
    hint: 'ask whoever runs that service; `dstack runner check` tries it anew',
  });
}

/**
 * The name of the failure and the beginning of what is said of it. The error itself isn't handed on: its fields have
 * the key's id, and the answer with the request's headers.
 */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no reason given';
  // The SDK's words for these are about its own parts.
  const [, silent] = /socket timed out after (\d+) ms/.exec(error.message) ?? [];
  if (silent) return `nothing came through for ${Number(silent) / 1000} s`;
  const [, unconnected] = /did not establish a connection .* (\d+) ms/.exec(error.message) ?? [];
  if (unconnected) return `no connection within ${Number(unconnected) / 1000} s`;
  const code = errno(error);
  const name = code && code !== error.name ? code : error.name;
  const message = error.message === name || /^Unknown/.test(error.message) ? '' : error.message;
  const text = [name, message.split('\n')[0]!.slice(0, 200)].filter(Boolean).join(': ');
  return plainText(text);
}
