import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { commitContent, encodeObject, treeContent } from '../../src/git/encode-object.ts';
import type { TreeEntry } from '../../src/git/object-reader.ts';
import type { Signature } from '../../src/git/write-commits.ts';

const typeNumbers = { commit: 1, tree: 2, blob: 3 } as const;

/** Collects objects, to be written into a repository as one pack: far faster than any command that makes them. */
export interface PackWriter {
  /** Each returns the object's id. */
  blob(content: string): string;
  tree(entries: readonly TreeEntry[]): string;
  commit(commit: { tree: string; parents: readonly string[]; author: Signature; message: string }): string;
  /** Writes what was collected, and begins anew. */
  write(gitDir: string): void;
}

export function packWriter(): PackWriter {
  let objects = new Map<string, Buffer>();
  const add = (type: keyof typeof typeNumbers, content: string | Uint8Array): string => {
    const { id } = encodeObject(type, content, 'sha1');
    if (!objects.has(id)) {
      const body = Buffer.from(content);
      objects.set(
        id,
        Buffer.concat([header(typeNumbers[type], body.length), deflateSync(body, { level: 1 })]),
      );
    }
    return id;
  };
  return {
    blob: (content) => add('blob', content),
    tree: (entries) => add('tree', treeContent(entries)),
    commit: (commit) => add('commit', commitContent(commit)),
    write(gitDir) {
      const start = Buffer.alloc(12);
      start.write('PACK');
      start.writeUInt32BE(2, 4);
      start.writeUInt32BE(objects.size, 8);
      const body = Buffer.concat([start, ...objects.values()]);
      const input = Buffer.concat([body, createHash('sha1').update(body).digest()]);
      execFileSync('git', ['index-pack', '--stdin'], {
        cwd: gitDir,
        input,
        stdio: ['pipe', 'ignore', 'inherit'],
      });
      objects = new Map();
    },
  };
}

/** Type and size of an object, as a pack says them: four bits of the size, then seven in each byte. */
function header(type: number, size: number): Buffer {
  const bytes: number[] = [];
  let byte = (type << 4) | (size & 15);
  for (let rest = size >>> 4; rest > 0; rest >>>= 7) {
    bytes.push(byte | 128);
    byte = rest & 127;
  }
  return Buffer.from([...bytes, byte]);
}
