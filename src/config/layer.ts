import * as z from 'zod';
import { type DstackError, usageError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import { allSettings, ownSettings, settings } from './settings.ts';

/** A value that was found, where a person finds it again, and the folder that relative paths in it start from. */
export interface Found {
  value: unknown;
  source: string;
  base: string;
}

/** What one file, the environment or the options say, by dotted key such as `runner.lease`. */
export type Layer = ReadonlyMap<string, Found>;

/** Where a key stands (`key`) or its value, for messages. */
export type PlaceOf = (path: readonly string[], what: 'key' | 'value') => string;

/**
 * Reads a layer from a map of settings, nested as in a file. `undefined` means not set.
 * @throws DstackError `bad-config` (usage) for a key that there is not, or a value of the wrong kind
 */
export function layerOf(raw: unknown, placeOf: PlaceOf, base: string): Layer {
  const layer = new Map<string, Found>();
  const read = (group: z.ZodObject, value: unknown, path: readonly string[]): void => {
    // A group with nothing below it, such as `runner:` with all its lines commented out.
    if (value === null && path.length > 0) return;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      const what = path.length === 0 ? 'the configuration' : path.join('.');
      throw badConfig(placeOf(path, 'value'), `${what} must be a map of settings`);
    }
    for (const [key, child] of Object.entries(value)) {
      if (child === undefined) continue;
      const below = [...path, key];
      const schema = Object.hasOwn(group.shape, key) ? group.shape[key] : undefined;
      if (schema === undefined) throw unknownKey(placeOf(below, 'key'), below, Object.keys(group.shape));
      if (schema instanceof z.ZodObject) {
        read(schema, child, below);
        continue;
      }
      const place = placeOf(below, 'value');
      checkValue(schema as z.ZodType, child, place, below.join('.'));
      layer.set(below.join('.'), { value: child, source: place, base });
    }
  };
  read(settings, raw, []);
  return layer;
}

/** @throws DstackError `bad-config` (usage) that says what is expected */
export function checkValue(schema: z.ZodType, value: unknown, place: string, name: string): void {
  const { error } = schema.safeParse(value);
  if (!error) return;
  if (ownSettings.has(name)) {
    // Somebody may have put the secret itself there.
    const at = error.issues[0]?.path[0];
    const which = at === undefined ? '' : `; ${plainText(String(at).slice(0, 80))} is something else`;
    throw badConfig(place, `${name} must be ${schema.description}${which}`);
  }
  const shown = value === null ? 'nothing' : plainText(JSON.stringify(value).slice(0, 80));
  throw badConfig(place, `${name} must be ${schema.description}, not ${shown}`);
}

/** A {@link DstackError} about a place in the configuration. */
export function badConfig(place: string, message: string, hint?: string): DstackError {
  return usageError('bad-config', `${plainText(place)}: ${message}`, hint);
}

function unknownKey(place: string, path: readonly string[], known: readonly string[]): DstackError {
  const fold = (key: string) => key.toLowerCase().replace(/[-_]/g, '');
  const wanted = fold(path.at(-1) ?? '');
  const everywhere = allSettings().map((setting) => setting.path.join('.'));
  const meant =
    known.find((key) => fold(key) === wanted) ??
    everywhere.find((key) => fold(key.split('.').at(-1) ?? '') === wanted);
  const name = plainText(path.join('.').slice(0, 80));
  return badConfig(
    place,
    `there is no setting ${name}${meant === undefined ? '' : `; did you mean ${meant}?`}`,
    `there are: ${known.join(', ')}`,
  );
}
