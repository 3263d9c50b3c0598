/** Listings of a store that seems to contain an endless number of tombstones and nothing else. */
import { describe, expect, it } from "vitest";
import { expectError } from "../../support/errors.ts";
import { readPage } from "../../support/listing.ts";
import { send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { documentOf, textIn } from "../../support/xml.ts";

function endlessTombstones() {
  let calls = 0;
  const list = async ({ prefix = "", cursor, startAfter }: R2ListOptions) => {
    calls++;
    const from = Number((cursor ?? startAfter ?? "0").slice(-9).replace(/\D/g, "")) + 1;
    const keys = Array.from({ length: 1000 }, (_, index) => `${prefix}k${String(from + index).padStart(9, "0")}`);
    const objects = keys.map((key) => ({
      key,
      size: 27,
      etag: "e",
      uploaded: new Date(0),
      checksums: { toJSON: () => ({ md5: "md5", sha384: "sha384" }) },
    }));
    return { objects, delimitedPrefixes: [], truncated: true, cursor: keys.at(-1) };
  };
  const STORE = new Proxy(testEnv.STORE, {
    get: (target, name) => (name === "list" ? list : Reflect.get(target, name)),
  });
  return { env: { ...testEnv, STORE }, calls: () => calls };
}

describe("a listing without end", () => {
  it.each([
    ["", "ListBucketResult", "NextMarker", "marker"],
    ["delimiter=/", "ListBucketResult", "NextMarker", "marker"],
    ["list-type=2", "ListBucketResult", "NextContinuationToken", "continuation-token"],
    ["versions", "ListVersionsResult", "NextKeyMarker", "key-marker"],
  ])("ends early with an empty page and the marker to continue: %s", async (query, root, next, parameter) => {
    const bucket = await createBucket();
    const { env, calls } = endlessTombstones();
    const seen = new Set<string>();
    let marker = "";
    for (let page = 1; page <= 3; page++) {
      const request = { bucket, query: `${query}${marker && `&${parameter}=${encodeURIComponent(marker)}`}`, env };
      const answer = readPage(await documentOf(await send(request), root));
      expect([answer.keys, textIn(answer.root, "IsTruncated")]).toEqual([[], "true"]);
      expect(calls()).toBeLessThanOrEqual(60 * page);
      marker = textIn(answer.root, next) ?? "";
      seen.add(marker);
    }
    expect([seen.size, seen.has("")]).toEqual([3, false]);
  });

  it("does not make DeleteBucket treat the bucket as empty", async () => {
    const bucket = await createBucket();
    const { env, calls } = endlessTombstones();
    await expectError(await send({ method: "DELETE", bucket, env }), 409, "InvalidBucketState", {
      message:
        "Too many keys of the bucket were removed on a condition or by replication to find out whether it is empty.",
    });
    expect(calls()).toBeLessThanOrEqual(1000);
    expect((await send({ method: "HEAD", bucket })).status).toBe(200);
  });
});
