import { describe, expect, it } from "vitest";
import { cannedGrants } from "../../../../src/access/acl/canned.ts";
import { CANNED_ACLS } from "../../../../src/model/acl.ts";
import { EVERYONE, full, give, LOGS, OWNER, SIGNED, user, WRITER } from "./subjects.ts";

// "Access control list (ACL) overview", table "Canned ACL".
const TABLE = {
  private: [],
  "public-read": [give(EVERYONE, "READ")],
  "public-read-write": [give(EVERYONE, "READ"), give(EVERYONE, "WRITE")],
  "authenticated-read": [give(SIGNED, "READ")],
  "log-delivery-write": [give(LOGS, "WRITE"), give(LOGS, "READ_ACP")],
} as const;

describe("cannedGrants", () => {
  it.each(Object.entries(TABLE))("%s adds to the owner's full control what AWS's table says", (name, added) => {
    const canned = name as keyof typeof TABLE;
    const bucket = cannedGrants(canned, { target: "bucket", ownerId: OWNER, bucketOwnerId: OWNER });
    expect(bucket).toEqual([full(OWNER), ...added]);
    const object = cannedGrants(canned, { target: "object", ownerId: WRITER, bucketOwnerId: OWNER });
    expect(object).toEqual([full(WRITER), ...added]);
  });

  it.each([
    ["bucket-owner-read", "READ"],
    ["bucket-owner-full-control", "FULL_CONTROL"],
  ] as const)("%s gives the bucket's owner %s on somebody else's object", (name, permission) => {
    const foreign = cannedGrants(name, { target: "object", ownerId: WRITER, bucketOwnerId: OWNER });
    expect(foreign).toEqual([full(WRITER), give(user(OWNER), permission)]);
    const own = cannedGrants(name, { target: "object", ownerId: OWNER, bucketOwnerId: OWNER });
    expect(own).toEqual([full(OWNER)]);
    // "If you specify this canned ACL when creating a bucket, Amazon S3 ignores it."
    const bucket = cannedGrants(name, { target: "bucket", ownerId: OWNER, bucketOwnerId: OWNER });
    expect(bucket).toEqual([full(OWNER)]);
  });

  it("every name is in one of these tables", () => {
    const names = [...Object.keys(TABLE), "bucket-owner-read", "bucket-owner-full-control"];
    expect([...CANNED_ACLS].sort()).toEqual(names.sort());
  });
});
