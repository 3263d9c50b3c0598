/** The API of usage: pages, accounts, and for the root account only. */
import { describe, expect, it } from "vitest";
import { createAccount } from "../../support/accounts.ts";
import { createUser } from "../../support/iam.ts";
import { putObject } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
import { askUsage, count, type UsageAnswer } from "../../support/usage.ts";

async function answerTo(query: string, key = "usage") {
  const response = await askUsage(query, { key: `admin/${key}` });
  return { status: response.status, json: (await response.json()) as UsageAnswer & { error?: { code: string } } };
}

describe("GET /-/admin/usage", () => {
  it("answers with pages of buckets by name, and with accounts on the first one", async () => {
    const account = await createAccount();
    const names = await Promise.all(["c", "a", "b"].map(() => createBucket({ key: account })));
    const sorted = [...names].sort();
    const account_ = `account=${account.accountId}`;
    const first = await answerTo(`${account_}&limit=2`);
    expect(first.json.buckets.map(({ name }) => name)).toEqual(sorted.slice(0, 2));
    expect(first.json.accounts).toMatchObject([{ accountId: account.accountId, buckets: 3, uncounted: 3 }]);
    expect(first.json.next).toBe(sorted[1]);
    const second = await answerTo(`${account_}&limit=2&after=${first.json.next}`);
    expect(second.json.buckets.map(({ name }) => name)).toEqual(sorted.slice(2));
    expect(second.json).not.toHaveProperty("next");
    expect(second.json).not.toHaveProperty("accounts");
    const all = await answerTo("");
    expect(all.json.buckets.map(({ name }) => name)).toEqual(expect.arrayContaining(sorted));
    expect(all.json.accounts?.length).toBeGreaterThanOrEqual(2);
  });

  it("answers with one bucket, with the time of its count", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "content");
    await count(bucket);
    const { json } = await answerTo(`bucket=${bucket}`);
    expect(json).toEqual({
      buckets: [
        {
          name: bucket,
          accountId: expect.stringMatching(/^\d{12}$/),
          objects: 1,
          versions: 0,
          deleteMarkers: 0,
          bytes: 7,
          noncurrentBytes: 0,
          openUploads: 0,
          uploadBytes: 0,
          computedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        },
      ],
    });
  });

  it.each([
    ["usage", "bucket=none-such", 404, "NoSuchBucket"],
    ["usage", "bucket=", 404, "NoSuchBucket"],
    ["usage", "account=000000000001", 404, "NoSuchAccount"],
    ["usage", "account=1&bucket=b", 400, "InvalidRequest"],
    ["usage", "limit=0", 400, "InvalidRequest"],
    ["usage", "limit=-1", 400, "InvalidRequest"],
    ["usage", "limit=x", 400, "InvalidRequest"],
    ["usage/history", "bucket=none-such", 404, "NoSuchBucket"],
    ["usage/history", "", 404, "NoSuchBucket"],
  ])("%s?%s is refused with %i %s", async (key, query, status, code) => {
    const { status: actual, json } = await answerTo(query, key);
    expect([actual, json.error?.code]).toEqual([status, code]);
  });

  it("is for the root account only", async () => {
    const account = await createAccount();
    const { key: user } = await createUser([{ Effect: "Allow", Action: "*", Resource: "*" }]);
    for (const key of ["usage", "usage/history"]) {
      for (const as of [account, user, null]) {
        expect((await askUsage("", { key: `admin/${key}`, as })).status).toBe(403);
      }
    }
  });
});
