import type { Store } from './store.ts';

/** A store into which nothing more is put, by `putBytes`, once the signal says so: each of these is short. */
export function stoppableStore(store: Store, signal: AbortSignal): Store {
  return {
    ...store,
    async has(sha256, size) {
      signal.throwIfAborted();
      return store.has(sha256, size);
    },
    async putBytes(bytes) {
      signal.throwIfAborted();
      return store.putBytes(bytes);
    },
  };
}
