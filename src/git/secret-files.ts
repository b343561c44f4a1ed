/** What a file is by its name alone, if such files exist to hold secrets; otherwise null. */
export function secretByName(path: string): string | null {
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase();
  if (/^\.env(\..+)?$/.test(name) && !/\.(example|sample|template)$/.test(name)) return 'environment file';
  if (/^id_(rsa|dsa|ecdsa|ed25519)(_sk)?$/.test(name)) return 'private key';
  if (/\.(key|p12|pfx|ppk|jks|keystore)$/.test(name)) return 'key file';
  if (/^([._]netrc|\.git-credentials|\.pgpass|\.htpasswd)$/.test(name)) return 'passwords';
  if (name === 'credentials.json' || /(^|\/)\.aws\/credentials$/.test(path)) return 'credentials';
  return null;
}

/** Shapes that issuers gave their tokens so that they can be recognised. */
const shapes: readonly (readonly [kind: string, shape: RegExp])[] = [
  ['private key', /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\s|\\n)/],
  ['AWS access key', /\b(?:AKIA|ASIA)[A-Z2-7]{16}\b(?<!EXAMPLE)/],
  ['GitHub token', /\b(?:gh[opsur]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})/],
  ['GitLab token', /\bglpat-[A-Za-z0-9_-]{20,}/],
  ['Hugging Face token', /\bhf_[A-Za-z0-9]{30,}\b/],
  // Not any `sk-…`: notebooks are full of scikit-learn's CSS classes, such as sk-toggleable__label-arrow.
  ['API key', /\bsk-(?:(?:proj|svcacct|admin|ant-[a-z]+\d+)-[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{32,}\b)/],
  ['Google API key', /\bAIza[A-Za-z0-9_-]{35}/],
  ['Slack token', /\bxox[abeoprs]-[A-Za-z0-9-]{20,}/],
  ['npm token', /\bnpm_[A-Za-z0-9]{36}\b/],
];

/** What secret a file's text holds, if any; never the secret itself. */
export function secretByContent(path: string, text: string): string | null {
  if (/(^|\/)\.npmrc$/.test(path) && /^[^#;\n]*_(auth|authToken|password)\s*=\s*"?[^\s"$]/im.test(text))
    return 'registry token';
  if (/(^|\/)\.pypirc$/.test(path) && /^\s*password\s*[=:]\s*\S/m.test(text)) return 'registry password';
  // Settings with the address of a repository, say; elsewhere such an address mostly is an example.
  if (
    /(^|\/)\.[\w-]+rc(\.(json|ya?ml))?$/.test(path) &&
    /\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@"']*:[^\s/@"']+@/i.test(text)
  )
    return 'password in a URL';
  return shapes.find(([, shape]) => shape.test(text))?.[0] ?? null;
}
