import { findOverlap } from '../language/paths.ts';
import type { Manifest } from '../store/manifest.ts';
import { inOwnFolder } from '../store/own-folder.ts';

/** What a job has left. */
export interface JobArtifacts {
  readonly job: string;
  readonly workflow: string;
  /** The paths that it declared, variables replaced. */
  readonly declared: readonly string[];
  readonly manifest: Manifest;
}

/**
 * The artifacts of several jobs as they lie in one folder: each at its own paths, but those of a matrix's cells that
 * would collide as a job would get them that depends on all of these, each in a folder of its own.
 */
export function placeArtifacts<T extends JobArtifacts>(all: readonly T[]): T[] {
  const collide = (workflow: string) => {
    const cells = all.filter((one) => one.workflow === workflow);
    return (
      findOverlap(cells.flatMap(({ job, declared }) => declared.map((path) => ({ path, owner: job })))) !==
      null
    );
  };
  const colliding = new Set([...new Set(all.map(({ workflow }) => workflow))].filter(collide));
  return all.map((one) =>
    colliding.has(one.workflow)
      ? { ...one, manifest: inOwnFolder(one.manifest, one.declared, one.job) }
      : one,
  );
}
