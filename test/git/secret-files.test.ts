import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { secretByContent, secretByName } from '../../src/git/secret-files.ts';

const test = suite('secret files');

test('by name', () => {
  for (const path of [
    ...['.env', 'a/.env', '.env.local', '.ENV', 'id_rsa', 'keys/id_ed25519', 'id_ecdsa_sk'],
    ...['tls/server.key', 'cert.P12', 'a.pfx', '.netrc', '_netrc', '.git-credentials'],
    ...['credentials.json', 'home/.aws/credentials'],
  ])
    assert.type(secretByName(path), 'string', path);
});

test('names that are none', () => {
  for (const path of [
    ...['.env.example', '.env.sample', '.env.template', '.env/bin/python', 'environment.yaml', 'my.env.py'],
    ...['id_rsa.pub', 'cacert.pem', 'key', 'keys.py', 'credentials', 'aws/credentials', 'monkey'],
  ])
    assert.is(secretByName(path), null, path);
});

// Put together here, so that no file of this project looks like a secret itself.
const header = (kind: string) => `-----BEGIN ${kind}-----`;

test('by content', () => {
  for (const [kind, text] of [
    ['private key', `${header('RSA PRIVATE KEY')}\nMIIE`],
    ['private key', `${header('PRIVATE KEY')}\r\nMIIE`],
    ['private key', `${header('OPENSSH PRIVATE KEY')}\nb3Bl`],
    ['private key', `${header('PGP PRIVATE KEY BLOCK')}\n\nxcFG`],
    ['private key', `{"private_key": "${header('PRIVATE KEY')}\\nMIIE"}`],
    ['AWS access key', `key=AKIA${'IOSFODNN7ABCDEFG'}`],
    ['GitHub token', `ghp_${'a1B2'.repeat(9)}`],
    ['GitHub token', `x: github_pat_${'a1B2'.repeat(5)}_${'c3'.repeat(29)}c`],
    ['GitLab token', `glpat-${'a1B2'.repeat(5)}`],
    ['Hugging Face token', `token="hf_${'aBcD'.repeat(8)}aB"`],
    ['API key', `sk-${'a1B2'.repeat(12)}`],
    ['API key', `sk-proj-${'a1_B-'.repeat(10)}`],
    ['API key', `sk-ant-api03-${'a1_B-'.repeat(10)}`],
    ['Slack token', `xoxb-${'123456789012-'.repeat(2)}abc`],
    ['Google API key', `AIza${'a1B2_'.repeat(7)}`],
    ['npm token', `npm_${'a1B2'.repeat(9)}`],
  ] as const)
    assert.is(secretByContent('notes.txt', text), kind, text);
});

test('content that is none', () => {
  for (const text of [
    `${header('CERTIFICATE')}\nMIIE`,
    `${header('PUBLIC KEY')}\nMIIE`,
    `if line.startswith('${header('PRIVATE KEY')}'):`,
    `AKIA${'IOSFODNN7EXAMPLE'}`,
    '<label class="sk-toggleable__label sk-toggleable__label-arrow-container">',
    'hf_hub_download_with_a_very_long_function_name()',
    'task-11111111111111111111111111111111111111',
    'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  ])
    assert.is(secretByContent('notes.txt', text), null, text);
});

test('package registries', () => {
  assert.type(secretByContent('.npmrc', '//registry.npmjs.org/:_authToken=abc\n'), 'string');
  assert.type(secretByContent('a/.npmrc', 'x=1\n_auth = "abc"\n'), 'string');
  assert.type(secretByContent('.pypirc', '[pypi]\npassword = abc\n'), 'string');
  // A token that is read from the environment is not in the file.
  assert.is(secretByContent('.npmrc', '//registry.npmjs.org/:_authToken=$' + '{NPM_TOKEN}\n'), null);
  assert.is(secretByContent('.npmrc', 'ignore-scripts=true\n# _auth=abc\n'), null);
  assert.is(secretByContent('.pypirc', '[pypi]\nusername = me\n'), null);
});

test('a password in the address of a repository or store, in a file of settings', () => {
  const url = ['https://ann', 'hunter22@host/ml.git'].join(':');
  for (const path of ['.dstackrc', 'a/.dstackrc', '.dstackrc.yaml', '.dstackrc.json', '.curlrc'])
    assert.is(secretByContent(path, `remote: "${url}"\n`), 'password in a URL', path);
  assert.is(secretByContent('README.md', `git clone ${url}`), null);
  for (const harmless of [
    'https://ann@host/ml.git',
    'https://host:8080/a@b',
    'ssh://git@host:22/a',
    'git@host:a:b@c',
  ])
    assert.is(secretByContent('.dstackrc', `remote: ${harmless}\n`), null, harmless);
});

test.run();
