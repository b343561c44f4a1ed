import { quoted } from './problems.ts';
import { readMap, readValue, type Shape, shape } from './readers.ts';
import type { LocatedText } from './source.ts';

/** One of `labels`. */
export interface Label {
  readonly name: LocatedText;
  readonly value: LocatedText;
}

const labelName = /^[A-Za-z0-9][\w./-]{0,63}$/;

const schema = {
  type: 'object',
  propertyNames: { pattern: labelName.source },
  additionalProperties: readValue.schema,
};

export const readLabels: Shape<Label[]> = shape(schema, (tree, what, report) => {
  const map = readMap(tree, what, report);
  if (!map) return null;
  return map.entries.flatMap(({ key: name, value }) => {
    if (!labelName.test(name.text)) {
      const message = `${quoted(name.text)} can't be a label: letters, digits, "_", ".", "/" and "-" are allowed, at most 64`;
      report({ span: name.span, message });
      return [];
    }
    const read = readValue(value, `${quoted(name.text)} in ${what}`, report);
    return read ? [{ name, value: read }] : [];
  });
});
