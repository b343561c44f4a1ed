import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as assert from 'uvu/assert';
import type { TestProject } from './project.ts';
import { needlesOf } from './secrets-hunt.ts';

/** Secrets that are like nothing else: one with everything in it that encodings write their own way, and a key. */
export function plant(): { TOKEN: string; KEY: string; PASSWORD: string } {
  const random = (bytes: number) => randomBytes(bytes).toString('base64url');
  return {
    TOKEN: `hf_${random(12)}/+="'$& \\é${random(6)}`,
    KEY: `-----BEGIN ${random(6)}-----\n${random(40)}\n${random(40)}\n-----END ${random(6)}-----`,
    PASSWORD: `pw-${random(18)}`,
  };
}

export const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/**
 * The user's own configuration, with a source of each kind: TOKEN in the runner's environment, KEY in a file, PASSWORD
 * from a program that reads another file.
 * @returns these files, and the environment for the runner
 */
export function configure(
  project: TestProject,
  values: { TOKEN: string; KEY: string; PASSWORD: string },
): { sources: string[]; env: NodeJS.ProcessEnv } {
  const folder = path.join(project.root, 'home', 'config', 'dstack');
  mkdirSync(folder, { recursive: true });
  const [key, password] = ['key', 'password'].map((name) => path.join(folder, name)) as [string, string];
  writeFileSync(key, `${values.KEY}\n`, { mode: 0o600 });
  writeFileSync(password, `${values.PASSWORD}\n`, { mode: 0o600 });
  writeFileSync(
    path.join(folder, 'config.yaml'),
    `runner:
  secrets:
    TOKEN: {env: THE_TOKEN}
    KEY: {file: key}
    PASSWORD: {command: [cat, ${password}]}
`,
  );
  return { sources: [key, password], env: { THE_TOKEN: values.TOKEN } };
}

/** A project with a job that leaks, and with secrets of its user's that must be found nowhere. */
export function prepareLeak(project: TestProject) {
  const values = plant();
  project.write({ 'leak.sh': leak });
  return { values, needles: needlesOf(values), ...configure(project, values) };
}

/** Prints its secrets in all the ways it can think of, waits for a file `go`, and fails. For any POSIX shell. */
const leak = `set -e
printf 'I have %s\\n' "$(printf %s "$TOKEN$KEY$PASSWORD" | sha256sum)"
printf 'raw %s %s %s\\n' "$TOKEN" "$KEY" "$PASSWORD"
printf 'to stderr %s\\n' "$TOKEN" >&2
printf %s "$TOKEN" | base64
printf 'x%s' "$TOKEN" | base64
printf 'xy%s' "$TOKEN" | base64
printf %s "$KEY" | base64
printf '%s\\n' "$PASSWORD" | base64
printf 'in two pieces %s' "\${TOKEN%??????????}"; sleep 1; printf '%s\\n' "\${TOKEN#"\${TOKEN%??????????}"}"
printf 'letters '; printf '%s\\n' "$PASSWORD" | sed 's/./&\\n/g' | while read -r letter; do printf %s "$letter"; done; echo
i=0; while [ $i -lt 12000 ]; do echo "$i $PASSWORD ${'and more '.repeat(10)}"; i=$((i + 1)); done
echo waiting > ready
while [ ! -e go ]; do sleep 0.1; done
printf 'cut off in %s' "\${PASSWORD%??}"
exit 3
`;

/** How the log of that must look. */
export function checkLog(log: string, { TOKEN, KEY, PASSWORD }: ReturnType<typeof plant>): void {
  for (const line of [
    `I have ${sha256(`${TOKEN}${KEY}${PASSWORD}`)}`,
    'raw *** *** ***\n',
    'to stderr ***\n',
    'in two pieces ***\n',
    'letters ***\n',
    '11999 *** and more',
    'cut off in ***',
  ])
    assert.ok(log.includes(line), `${line} in ${log.slice(0, 2000)}`);
}
