import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as assert from 'uvu/assert';
import type { TestProject } from './project.ts';

/** What must be nowhere: values, as they are and in encodings, with a name for messages. */
export type Needles = readonly { readonly what: string; readonly bytes: Buffer }[];

export function needlesOf(values: Readonly<Record<string, string>>): Needles {
  return Object.entries(values).flatMap(([name, value]) => {
    const base64 = [0, 1, 2].map((before) => {
      const encoded = Buffer.concat([Buffer.alloc(before), Buffer.from(value)]).toString('base64');
      // The digits that depend on nothing else; of long ones a part that is on one line when wrapped.
      return encoded.slice(4, -4).slice(0, 24);
    });
    const written = {
      'as it is': value,
      'for URLs': encodeURIComponent(value),
      'as JSON': JSON.stringify(value).slice(1, -1),
      'a line': value.split('\n')[1] ?? value,
      'base64, first': base64[0] as string,
      'base64, second': base64[1] as string,
      'base64, third': base64[2] as string,
    };
    return Object.entries(written).map(([how, text]) => ({
      what: `${name} ${how}`,
      bytes: Buffer.from(text),
    }));
  });
}

/** Names of the needles that are in some bytes. */
export function found(needles: Needles, bytes: Uint8Array | string): string[] {
  const hay = Buffer.from(bytes as string);
  return needles.filter(({ bytes }) => hay.includes(bytes)).map(({ what }) => what);
}

/** Searches everything that lies in the project's root, with all objects of all repositories there. */
export async function huntEverywhere(
  project: TestProject,
  needles: Needles,
  sources: readonly string[],
): Promise<void> {
  const files = readdirSync(project.root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => !sources.includes(file));
  for (const file of files) assert.equal(found(needles, readFileSync(file)), [], file);
  const repositories = files
    .filter((file) => path.basename(file) === 'HEAD')
    .map((file) => path.dirname(file));
  const whole = repositories.filter((folder) => files.includes(path.join(folder, 'config')));
  assert.ok(whole.length >= 4, `too few repositories to be all: ${whole.join(' ')}`);
  let searched = 0;
  for (const folder of whole) {
    const objects = await project.git(['cat-file', '--batch-all-objects', '--batch', '--unordered'], {
      cwd: folder,
    });
    searched += objects.length;
    assert.equal(found(needles, objects), [], folder);
  }
  // The log is a part of what has been searched, more than once.
  assert.ok(searched > 1 << 20);
}

/** Searches the command lines of all processes of this machine. */
export function huntCommandLines(needles: Needles): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    let line = '';
    try {
      line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    } catch {
      // It has ended meanwhile.
    }
    assert.equal(found(needles, line), [], line.replaceAll('\0', ' ').slice(0, 200));
  }
}
