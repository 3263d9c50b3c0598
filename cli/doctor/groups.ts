/** Work on many items, some at a time. */

const AT_A_TIME = 4;

export async function inGroups<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const waiting = items.values();
  let hasFailed = false;
  const worker = async () => {
    for (const item of waiting) {
      // After a failure the rest would fail too, each after its time limit.
      if (hasFailed) return;
      await work(item).catch((error: unknown) => {
        hasFailed = true;
        throw error;
      });
    }
  };
  // All workers end before an error is passed on, so that nothing is made after the removal.
  const results = await Promise.allSettled(Array.from({ length: AT_A_TIME }, worker));
  for (const result of results) if (result.status === "rejected") throw result.reason;
}
