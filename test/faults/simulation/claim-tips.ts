import type { ClaimFile, RecordFile } from '../../../src/ledger/formats.ts';
import type { MemoryObjects } from './memory-objects.ts';

export type ClaimTip = { kind: 'claim'; claim: ClaimFile } | { kind: 'finished'; record: RecordFile };

/** Reads what claims point at, without the code under test. */
export function createClaimTips(objects: MemoryObjects): {
  tipOf(commit: string): ClaimTip;
  /** The pieces of its log, in order. */
  logOf(commit: string): string[];
  /** The manifest of what earlier attempts have saved. */
  keptIn(commit: string): string | null;
} {
  const known = new Map<string, ClaimTip>();
  const parsed = <T>(name: string): T | null => {
    const file = objects.read(name);
    return file && (JSON.parse(file.content.toString('utf8')) as T);
  };
  return {
    tipOf(commit) {
      const before = known.get(commit);
      if (before) return before;
      const record = parsed<RecordFile>(`${commit}:record.json`);
      const tip: ClaimTip = record
        ? { kind: 'finished', record }
        : { kind: 'claim', claim: parsed<ClaimFile>(`${commit}:claim.json`) as ClaimFile };
      known.set(commit, tip);
      return tip;
    },
    keptIn: (commit) => objects.read(`${commit}:artifacts.json`)?.content.toString('utf8') ?? null,
    logOf: (commit) => objects.blobs(`${commit}:log`).map((blob) => blob.toString('utf8')),
  };
}
