import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { chartsOf } from './document-charts.ts';
import { costTable, tablesOf } from './document-tables.ts';
import { readMeasuredCosts } from './model/host-costs.ts';
import { readResults } from './results.ts';
import { readValidation, validationTable } from './validation.ts';

const document = new URL('../../docs/scale.md', import.meta.url);
const charts = new URL('../../docs/scale/', import.meta.url);

/** Puts tables and charts made from what was measured and played in their places in docs/scale.md. */
export function writeDocument(): void {
  const results = readResults();
  const costs = readMeasuredCosts();
  mkdirSync(charts, { recursive: true });
  for (const [name, svg] of chartsOf(results, costs)) writeFileSync(new URL(name, charts), svg);
  const tables = tablesOf(results)
    .set('costs', costTable(costs))
    .set('validation', validationTable(readValidation()));
  writeFileSync(document, withTables(readFileSync(document, 'utf8'), tables));
}

/**
 * A text with each table between `<!-- NAME -->` and `<!-- end -->`, in place of what stood there.
 * @throws Error for a table that has no place
 */
export function withTables(text: string, tables: ReadonlyMap<string, string>): string {
  let result = text;
  for (const [name, content] of tables) {
    const place = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- end -->)`);
    if (!place.test(result)) throw new Error(`docs/scale.md has no place for the table ${name}`);
    result = result.replace(place, (_, begin: string, end: string) => `${begin}\n${content}\n\n${end}`);
  }
  return result;
}
