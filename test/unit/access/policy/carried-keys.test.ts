import { describe, expect, it } from "vitest";
import { carriedKeys } from "../../../../src/access/policy/carried-keys.ts";
import type { Acl } from "../../../../src/model/acl.ts";

const OWNER = "a".repeat(64);
const OTHER = "b".repeat(64);
const PLAIN = { storageClass: "STANDARD", ownerId: OWNER } as const;
const stated = (statedAcl: string | null = null, bucketOwnerId = OWNER) => ({ bucketOwnerId, statedAcl });
const full = (id: string) => ({ grantee: { kind: "canonical-user", id }, permission: "FULL_CONTROL" }) as const;
const SSE = "s3:x-amz-server-side-encryption";

/** The keys that the request has. */
function present(...parameters: Parameters<typeof carriedKeys>): Record<string, readonly string[]> {
  return Object.fromEntries(Object.entries(carriedKeys(...parameters)).filter(([, values]) => values.length > 0));
}

describe("carriedKeys", () => {
  it("names encryption and class of any object, and nothing that the request says", () => {
    expect(present(PLAIN, stated())).toEqual({ [SSE]: ["AES256"], "s3:x-amz-storage-class": ["STANDARD"] });
    const names = Object.keys(carriedKeys(PLAIN, stated()));
    expect(names).toEqual(
      expect.arrayContaining([
        "s3:x-amz-acl",
        "s3:x-amz-copy-source",
        "s3:x-amz-grant-read",
        "s3:x-amz-grant-full-control",
      ]),
    );
  });

  it("names the key of SSE-KMS, and the algorithm of a customer's key", () => {
    const kms = { kind: "data-key", sealed: "s", keyArn: "arn:k" } as const;
    expect(present({ ...PLAIN, encryption: kms }, stated())).toMatchObject({
      [SSE]: ["aws:kms"],
      [`${SSE}-aws-kms-key-id`]: ["arn:k"],
    });
    const own = present({ ...PLAIN, encryption: { kind: "customer-key", proof: "p" } }, stated());
    expect(own).toMatchObject({ [`${SSE}-customer-algorithm`]: ["AES256"] });
    expect(own[SSE]).toBeUndefined();
  });

  it.each<[string, Acl, string]>([
    ["public-read", [full(OWNER), { grantee: { kind: "all-users" }, permission: "READ" }], OWNER],
    ["public-read", [{ grantee: { kind: "all-users" }, permission: "READ" }, full(OWNER)], OWNER],
    ["authenticated-read", [full(OWNER), { grantee: { kind: "authenticated-users" }, permission: "READ" }], OWNER],
    ["bucket-owner-full-control", [full(OWNER), full(OTHER)], OTHER],
  ])("names the canned ACL %s", (name, acl, bucketOwnerId) => {
    const keys = present({ ...PLAIN, acl }, stated(null, bucketOwnerId));
    expect(keys["s3:x-amz-acl"]).toEqual([name]);
    expect(Object.keys(keys).filter((key) => key.includes("grant"))).toEqual([]);
  });

  it("names the grantees of other ACLs", () => {
    const acl: Acl = [full(OWNER), full(OTHER), { grantee: { kind: "all-users" }, permission: "READ_ACP" }];
    const keys = present({ ...PLAIN, acl }, stated("public-read"));
    expect(keys["s3:x-amz-acl"]).toBeUndefined();
    expect(keys["s3:x-amz-grant-full-control"]).toEqual([`id=${OWNER}`, `id=${OTHER}`]);
    expect(keys["s3:x-amz-grant-read-acp"]).toEqual(["uri=http://acs.amazonaws.com/groups/global/AllUsers"]);
  });

  it("names the canned ACL of a header if it means the same as the object's", () => {
    for (const name of ["private", "bucket-owner-read", "bucket-owner-full-control"]) {
      expect(present(PLAIN, stated(name))["s3:x-amz-acl"]).toEqual([name]);
    }
    for (const name of ["public-read", "none", ""]) {
      expect(present(PLAIN, stated(name))["s3:x-amz-acl"]).toBeUndefined();
    }
    expect(present(PLAIN, stated("bucket-owner-full-control", OTHER))["s3:x-amz-acl"]).toBeUndefined();
  });
});
