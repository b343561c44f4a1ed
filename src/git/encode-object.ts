import { createHash } from 'node:crypto';
import type { Signature } from './commit-input.ts';
import type { GitObject, TreeEntry } from './object-reader.ts';
import type { Repository } from './repository.ts';

/** An object as Git hashes and stores it. */
export interface EncodedObject {
  readonly id: string;
  /** Its header and its content. */
  readonly bytes: Buffer;
}

export function encodeObject(
  type: GitObject['type'],
  content: string | Uint8Array,
  objectFormat: Repository['objectFormat'],
): EncodedObject {
  const body = typeof content === 'string' ? Buffer.from(content) : content;
  const bytes = Buffer.concat([Buffer.from(`${type} ${body.length}\0`), body]);
  return { id: createHash(objectFormat).update(bytes).digest('hex'), bytes };
}

/** The content of a tree with these entries, in any order; modes may have leading zeros. */
export function treeContent(entries: Iterable<TreeEntry>): Buffer {
  const parts = [...entries].map(({ mode, name, id }) => {
    const plainMode = mode.replace(/^0+/, '');
    return {
      // Git sorts by bytes, a folder as if its name ended in a slash.
      key: Buffer.from(plainMode === '40000' ? `${name}/` : name),
      bytes: Buffer.concat([Buffer.from(`${plainMode} ${name}\0`), Buffer.from(id, 'hex')]),
    };
  });
  parts.sort((one, other) => Buffer.compare(one.key, other.key));
  return Buffer.concat(parts.map(({ bytes }) => bytes));
}

/** The content of a commit. */
export function commitContent(commit: {
  tree: string;
  parents: readonly string[];
  author: Signature;
  message: string;
}): string {
  const who = signatureLine(commit.author);
  const parents = commit.parents.map((parent) => `parent ${parent}\n`).join('');
  return `tree ${commit.tree}\n${parents}author ${who}\ncommitter ${who}\n\n${commit.message}`;
}

/** `Name <mail> seconds zone`, without what would be taken for the end of one of them. */
export function signatureLine({ name, email, time }: Signature): string {
  return `${cleanIdent(name)} <${cleanIdent(email)}> ${Math.floor(time / 1000)} +0000`;
}

function cleanIdent(text: string): string {
  return text.replace(/[<>\n\0]/g, '').trim() || 'unknown';
}
