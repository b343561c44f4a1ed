/** Bounds how many bytes are held in memory at once. */
export interface Budget {
  /** Waits until there is room, first come, first served. More than all there is counts as all. */
  take(bytes: number): Promise<void>;
  /** Gives back as much as was taken. */
  give(bytes: number): void;
}

export function createBudget(total: number): Budget {
  let free = total;
  const waiting: { bytes: number; go: () => void }[] = [];
  return {
    async take(bytes) {
      const wanted = Math.min(bytes, total);
      if (waiting.length === 0 && wanted <= free) {
        free -= wanted;
        return;
      }
      await new Promise<void>((go) => waiting.push({ bytes: wanted, go }));
    },
    give(bytes) {
      free += Math.min(bytes, total);
      for (let next = waiting[0]; next && next.bytes <= free; next = waiting[0]) {
        waiting.shift();
        free -= next.bytes;
        next.go();
      }
    },
  };
}
