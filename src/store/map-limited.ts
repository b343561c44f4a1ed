import pLimit from 'p-limit';

/**
 * Like `Promise.all(items.map(work))`, a few at a time. After a failure it starts nothing new, waits for
 * what is under way, so that nothing goes on behind the caller's back, and throws the first error.
 */
export async function mapLimited<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
  atOnce = 8,
): Promise<Result[]> {
  const limit = pLimit(atOnce);
  const failures: unknown[] = [];
  const tasks = items.map((item) =>
    limit(async () => {
      if (failures.length > 0) throw failures[0];
      try {
        return await work(item);
      } catch (error) {
        failures.push(error);
        throw error;
      }
    }),
  );
  await Promise.allSettled(tasks);
  if (failures.length > 0) throw failures[0];
  return Promise.all(tasks);
}
