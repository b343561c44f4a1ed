import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What the page consists of, besides its HTML. */
export interface PageFiles {
  readonly script: string;
  readonly style: string;
  readonly icon: string;
}

/** A run as a curve that goes down. */
const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#2459a9"/><path d="M3 3.5v9h10" fill="none" stroke="#fff" stroke-width="1.2"/><path d="M4.5 4.5c1.5 5 3 5.5 8 6" fill="none" stroke="#fff" stroke-width="1.5"/></svg>
`;

/** @param folder where the build has left them */
export async function readPageFiles(folder: string): Promise<PageFiles> {
  const [script, style] = await Promise.all(
    ['page.js', 'page.css'].map((name) => readFile(join(folder, name), 'utf8')),
  );
  return { script: script as string, style: style as string, icon };
}
