import type { S3Place } from './s3-place.ts';
import type { Store } from './store.ts';

/** A store in a bucket of S3, of AWS's or another service's. The SDK is loaded once the store is used. */
export function openS3Store(place: S3Place): Store {
  let opened: Promise<Store> | undefined;
  const store = () => {
    opened ??= import('./s3/bucket-store.ts').then(({ createBucketStore }) => createBucketStore(place));
    return opened;
  };
  return {
    location: place.location,
    has: async (sha256, size) => (await store()).has(sha256, size),
    putFile: async (path, sha256) => (await store()).putFile(path, sha256),
    putBytes: async (bytes) => (await store()).putBytes(bytes),
    read: async (sha256, range) => (await store()).read(sha256, range),
    fetchFile: async (sha256, path) => (await store()).fetchFile(sha256, path),
    setAside: async (sha256) => (await store()).setAside(sha256),
    remove: async (sha256) => (await store()).remove(sha256),
    async *list() {
      yield* (await store()).list();
    },
    retired: {
      isAtomic: false,
      add: async (sha256, batch) => (await store()).retired.add(sha256, batch),
      async *list() {
        yield* (await store()).retired.list();
      },
      restore: async (blob) => (await store()).retired.restore(blob),
      remove: async (blob) => (await store()).retired.remove(blob),
    },
    notes: {
      write: async (name, text) => (await store()).notes.write(name, text),
      read: async (start) => (await store()).notes.read(start),
      remove: async (name) => (await store()).notes.remove(name),
    },
    now: async () => (await store()).now(),
    removeRemains: async (before) => (await store()).removeRemains(before),
    staleFor: async () => (await store()).staleFor(),
  };
}
