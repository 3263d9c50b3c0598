import { describe, expect, it } from "vitest";
import { createAccount } from "../../support/accounts.ts";
import { expectError } from "../../support/errors.ts";
import { send } from "../../support/request.ts";
import { createBucket, type Key } from "../../support/s3.ts";
import { all, documentOf, fields, textIn, texts } from "../../support/xml.ts";

async function list(as: Key, query = "") {
  const root = await documentOf(await send({ as, query }), "ListAllMyBucketsResult");
  const [buckets] = all(root, "Buckets");
  if (buckets === undefined) throw new Error("no Buckets");
  return { root, names: texts(buckets, "Bucket", "Name"), first: fields(all(buckets, "Bucket")[0]) };
}

async function accountWith(...names: string[]) {
  const account = await createAccount("Jürgen & Söhne <x>");
  for (const bucket of names) await send({ method: "PUT", bucket, as: account });
  return account;
}

describe("ListBuckets", () => {
  it("ListBuckets returns the caller's own buckets by name, with owner, date and region", async () => {
    const account = await accountWith("own-b", "own-a", "own-c");
    await createBucket();
    const { root, names, first } = await list(account);
    expect(names).toEqual(["own-a", "own-b", "own-c"]);
    expect(fields(all(root, "Owner")[0])).toEqual({ ID: account.canonicalId, DisplayName: account.displayName });
    expect(first).toEqual({
      Name: "own-a",
      CreationDate: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/),
      BucketRegion: "us-east-1",
      BucketArn: "arn:aws:s3:::own-a",
    });
    expect(Math.abs(Date.parse(first.CreationDate ?? "") - Date.now())).toBeLessThan(60_000);
    expect(textIn(root, "ContinuationToken")).toBeUndefined();
    expect(textIn(root, "Prefix")).toBeUndefined();
  });

  it("ListBuckets answers an empty list to an account without buckets", async () => {
    expect((await list(await accountWith())).names).toEqual([]);
  });

  it("ListBuckets returns only names with the prefix, and repeats the prefix", async () => {
    const account = await accountWith("prefix-a", "prefix-b", "other-prefix");
    const { root, names } = await list(account, "prefix=prefix-");
    expect(names).toEqual(["prefix-a", "prefix-b"]);
    expect(textIn(root, "Prefix")).toBe("prefix-");
    // A prefix is text, not a pattern.
    expect((await list(account, "prefix=prefix_")).names).toEqual([]);
    expect((await list(account, "prefix=%25")).names).toEqual([]);
  });

  it("ListBuckets returns only buckets of the requested region", async () => {
    const account = await accountWith("region-a");
    expect((await list(account, "bucket-region=us-east-1")).names).toEqual(["region-a"]);
    expect((await list(account, "bucket-region=eu-west-1")).names).toEqual([]);
  });

  it("ListBuckets pages by max-buckets and continuation-token to the end", async () => {
    const names = Array.from({ length: 5 }, (_, index) => `page-${index}`);
    const account = await accountWith(...names);
    const found: string[][] = [];
    let token: string | undefined;
    do {
      const query = `max-buckets=2${token === undefined ? "" : `&continuation-token=${token}`}`;
      const page = await list(account, query);
      found.push(page.names);
      token = textIn(page.root, "ContinuationToken");
    } while (token !== undefined);
    expect(found).toEqual([["page-0", "page-1"], ["page-2", "page-3"], ["page-4"]]);
  });

  it("ListBuckets returns no token when the last page is exactly full", async () => {
    const account = await accountWith("full-a", "full-b");
    const { root, names } = await list(account, "max-buckets=2");
    expect(names).toHaveLength(2);
    expect(textIn(root, "ContinuationToken")).toBeUndefined();
  });

  it.each(["0", "10001", "-1", "x", "", "1.5"])(
    "ListBuckets refuses max-buckets=%s with InvalidArgument",
    async (value) => {
      await expectError(await send({ query: `max-buckets=${value}` }), 400, "InvalidArgument", {
        message: "max-buckets must be an integer between 1 and 10000",
        details: { ArgumentName: "max-buckets", ArgumentValue: value },
      });
    },
  );

  it("ListBuckets refuses a token it did not issue with InvalidArgument", async () => {
    for (const token of ["x", "not/base64", "AAAA".repeat(20)]) {
      const query = `continuation-token=${encodeURIComponent(token)}`;
      await expectError(await send({ query }), 400, "InvalidArgument", {
        message: "The continuation token provided is incorrect",
        details: { ArgumentName: "continuation-token" },
      });
    }
  });

  it("ListBuckets returns the first page for an empty token", async () => {
    const account = await accountWith("empty-a", "empty-b");
    const names = (page: Awaited<ReturnType<typeof list>>) => texts(page.root, "Bucket", "Name");
    expect(names(await list(account, "continuation-token=&max-buckets=10000&prefix="))).toEqual(
      names(await list(account)),
    );
  });

  it("ListBuckets refuses another account's token with InvalidArgument", async () => {
    const account = await accountWith("token-a", "token-b");
    const token = textIn((await list(account, "max-buckets=1")).root, "ContinuationToken") ?? "";
    await expectError(await send({ query: `continuation-token=${token}` }), 400, "InvalidArgument", {
      message: "The continuation token provided is incorrect",
      details: { ArgumentName: "continuation-token" },
    });
  });

  it("ListBuckets refuses an anonymous caller with AccessDenied", async () => {
    await expectError(await send({ as: null }), 403, "AccessDenied");
  });
});
