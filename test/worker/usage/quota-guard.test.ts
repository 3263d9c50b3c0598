/** What an isolate knows of its own writes: under way, not added yet, being added, and added since a row was read. */
import { expect, it } from "vitest";
import { S3Error } from "../../../src/errors.ts";
import type { QuotaAmount } from "../../../src/model/quota.ts";
import type { AddedAmounts } from "../../../src/storage/d1/quotas.ts";
import { QuotaGuard } from "../../../src/storage/quota-guard.ts";
import { testBucket } from "../../support/storage.ts";

function guarded(fails: number) {
  const added: QuotaAmount[] = [];
  let failures = fails;
  const rows = {
    async add({ buckets }: AddedAmounts) {
      if (failures-- > 0) throw new Error("D1 is down");
      added.push(...buckets.map(({ bytes, objects }) => ({ bytes, objects })));
    },
    requestCount: async () => {},
  };
  // Tests flush themselves.
  const guard = new QuotaGuard(rows, () => {});
  const bucket = (usedBytes: number, readAt: Date) => ({
    ...testBucket({ id: "aaaaaaaaaaaa" }),
    readAt,
    quotas: { bucket: { limits: { bytes: 10 }, used: { bytes: usedBytes, objects: 0 } } },
  });
  const put = (used: number, readAt: Date, bytes: number) =>
    guard.around(bucket(used, readAt), { objects: 1, bytes }, { write: async () => "done" });
  return { guard, bucket, put, added };
}

const EXCEEDED = { code: "QuotaExceeded", status: 403 };
const EARLIER = new Date(0);

it("amounts that could not be added are added with the next ones, and count until then", async () => {
  const { guard, put, added } = guarded(1);
  await put(0, EARLIER, 4);
  await guard.flush();
  expect(added).toEqual([]);
  await expect(put(0, EARLIER, 7)).rejects.toMatchObject(EXCEEDED);
  await put(0, EARLIER, 6);
  await guard.flush();
  expect(added).toEqual([{ bytes: 10, objects: 2 }]);
  await guard.flush();
  expect(added).toHaveLength(1);
});

it("an amount counts for rows that were read before it was added, and not twice for later ones", async () => {
  const { guard, put } = guarded(0);
  await put(0, EARLIER, 8);
  await guard.flush();
  await expect(put(0, EARLIER, 3)).rejects.toMatchObject(EXCEEDED);
  const later = new Date(Date.now() + 1000);
  await expect(put(8, later, 3)).rejects.toMatchObject(EXCEEDED);
  expect(await put(8, later, 2)).toBe("done");
});

it("a write under way has its room until it is done", async () => {
  const { guard, bucket, put } = guarded(0);
  const under = (write: () => Promise<unknown>) =>
    guard.around(bucket(0, EARLIER), { objects: 1, bytes: 8 }, { write, bytesOf: () => 1 });
  let end: (value: string) => void = () => {};
  const pending = under(() => new Promise((resolve) => (end = resolve)));
  await expect(put(0, EARLIER, 3)).rejects.toMatchObject(EXCEEDED);
  end("done");
  await pending;
  // It had only one byte.
  expect(await put(0, EARLIER, 3)).toBe("done");
});

it("a write that was refused has added nothing, and one of which the outcome is unknown has added all", async () => {
  const { guard, bucket, put } = guarded(0);
  const failing = (error: Error) =>
    guard.around(bucket(0, EARLIER), { objects: 1, bytes: 8 }, { write: () => Promise.reject(error) });
  await expect(failing(new S3Error("PreconditionFailed"))).rejects.toMatchObject({ status: 412 });
  await expect(failing(new Error("R2 gave no answer"))).rejects.toThrow("R2 gave no answer");
  await expect(put(0, EARLIER, 3)).rejects.toMatchObject(EXCEEDED);
  expect(await put(0, EARLIER, 2)).toBe("done");
});
