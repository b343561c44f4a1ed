import { readFileSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import { isMap, parseDocument, Scalar } from 'yaml';
import { plainText } from '../terminal-text.ts';
import { badConfig, layerOf } from './layer.ts';
import type { ConfigInput } from './settings.ts';

/**
 * Adds settings to a configuration file, or changes them there; everything else in it stays, its comments too.
 * The file is made where there is none, and never seen half written.
 * @throws DstackError `bad-config` (usage) for a file that is not a map of settings, or a value that would not be read
 */
export function writeConfig(file: string, values: ConfigInput): void {
  const text = readIfThere(file);
  const document = parseDocument(text ?? '', { prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) throw badConfig(file, plainText(error.message), 'correct it, then try again');
  if (document.contents !== null && !isMap(document.contents)) {
    throw badConfig(file, 'the configuration must be a map of settings', 'correct it, then try again');
  }
  const inBraces = isMap(document.contents) && document.contents.flow === true;
  for (const [key, { value }] of layerOf(values, () => file, '.')) {
    const path = key.split('.');
    if (document.getIn(path) === value) continue;
    // `runner:` with nothing below it has no place for a setting.
    if (path.length > 1 && document.getIn(path.slice(0, -1)) === null) document.deleteIn(path.slice(0, -1));
    document.setIn(inBraces ? path.map(quoted) : path, inBraces ? quoted(value) : value);
  }
  const target = text === undefined ? file : realpathSync(file);
  const temporary = `${target}.${process.pid}.tmp`;
  writeFileSync(temporary, document.toString({ lineWidth: 0 }));
  renameSync(temporary, target);
}

/** A file in braces may be JSON, which wants its words in quotes. */
function quoted<Value>(value: Value): Value | Scalar {
  if (typeof value !== 'string') return value;
  const scalar = new Scalar(value);
  scalar.type = Scalar.QUOTE_DOUBLE;
  return scalar;
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
