import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { SecretSource } from '../config/secret-source.ts';
import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import { outputOf } from './user-program.ts';

/** What is shorter can't be kept out of a log: too much other text would look like it. */
const leastCharacters = 4;
const mostBytes = 16 << 10;

/**
 * A secret's value as it is now; of files and programs without the line breaks at its end.
 * @throws DstackError `secret-unreadable`, which never says anything of the value
 */
export async function readSecret(
  name: string,
  source: SecretSource,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const fail = (problem: string, hint: string): never => {
    throw new DstackError('secret-unreadable', `the secret ${name} can't be read: ${plainText(problem)}`, {
      hint: plainText(hint),
    });
  };
  const where = describeSource(source);
  let value: string;
  if ('env' in source) {
    value = env[source.env] ?? fail(`${where} is not set`, 'set it where the runner is started');
  } else {
    const bytes =
      'file' in source ? await contentOf(source.file, fail) : await printedBy(source.command, where, fail);
    try {
      value = new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/[\r\n]+$/, '');
    } catch {
      return fail(
        `what ${where} has is no text`,
        'encode it, in base64 for instance, and let the job decode it',
      );
    }
  }
  if (value.includes('\0')) return fail(`${where} has a NUL character in it`, 'no environment can carry it');
  if (Buffer.byteLength(value) > mostBytes) return fail(`${where} has more than 16 KiB`, 'store less in it');
  if (value.trim().length < leastCharacters) {
    const hint = `it takes ${leastCharacters} characters for a secret to be told from other text in a log`;
    return fail(`${where} has too few characters`, hint);
  }
  return value;
}

/** Where a secret comes from, for people: `the file /run/token`. */
export function describeSource(source: SecretSource): string {
  if ('env' in source) return `the variable ${source.env}`;
  return 'file' in source ? `the file ${source.file}` : `\`${source.command[0]}\``;
}

type Fail = (problem: string, hint: string) => never;

async function contentOf(file: string, fail: Fail): Promise<Buffer> {
  // A pipe would wait for somebody to write.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch(
    (error: NodeJS.ErrnoException) =>
      fail(
        error.code === 'ENOENT'
          ? `there is no file ${file}`
          : `the file ${file} can't be opened (${error.code})`,
        "put the secret there, readable by the runner's user alone",
      ),
  );
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) fail(`${file} is not a file`, 'put the secret into a file');
    if ((stats.mode & 0o077) !== 0)
      fail(`the file ${file} can be read or changed by others`, `chmod 600 ${file}`);
    const uid = process.getuid?.();
    if (uid !== undefined && stats.uid !== uid && stats.uid !== 0) {
      fail(
        `the file ${file} belongs to another user`,
        `chown it to the runner's user, and chmod 600 ${file}`,
      );
    }
    if (stats.size > mostBytes) fail(`the file ${file} has more than 16 KiB`, 'store less in it');
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

async function printedBy(
  command: readonly [string, ...string[]],
  where: string,
  fail: Fail,
): Promise<Buffer> {
  try {
    return await outputOf(command, { mostBytes: 2 * mostBytes });
  } catch (error) {
    // Its arguments stay unsaid: some may be as secret as what it prints.
    return fail(`${where} ${(error as Error).message}`, "try it by hand, as the runner's user");
  }
}
