import { describe, expect, it } from "vitest";
import { aclAllows, aclPermissionFor, cannedGrants, isPublicAcl } from "../../../../src/access/acl/grants.ts";
import { S3_ACTIONS } from "../../../../src/access/actions.ts";
import { ACL_PERMISSIONS, type Acl, CANNED_ACLS } from "../../../../src/model/acl.ts";
import { EVERYONE, full, give, LOGS, OTHER, OWNER, SIGNED, user, WRITER } from "./subjects.ts";

// "Access control list (ACL) overview", table "Canned ACL".
const TABLE = {
  private: [],
  "public-read": [give(EVERYONE, "READ")],
  "public-read-write": [give(EVERYONE, "READ"), give(EVERYONE, "WRITE")],
  "authenticated-read": [give(SIGNED, "READ")],
  "log-delivery-write": [give(LOGS, "WRITE"), give(LOGS, "READ_ACP")],
} as const;

describe("cannedGrants", () => {
  it.each(Object.entries(TABLE))("%s adds the grants of AWS's table to the owner's full control", (name, added) => {
    const canned = name as keyof typeof TABLE;
    const bucket = cannedGrants(canned, { target: "bucket", ownerId: OWNER, bucketOwnerId: OWNER });
    expect(bucket).toEqual([full(OWNER), ...added]);
    const object = cannedGrants(canned, { target: "object", ownerId: WRITER, bucketOwnerId: OWNER });
    expect(object).toEqual([full(WRITER), ...added]);
  });

  it.each([
    ["bucket-owner-read", "READ"],
    ["bucket-owner-full-control", "FULL_CONTROL"],
  ] as const)("%s gives the bucket's owner %s on another account's object", (name, permission) => {
    const foreign = cannedGrants(name, { target: "object", ownerId: WRITER, bucketOwnerId: OWNER });
    expect(foreign).toEqual([full(WRITER), give(user(OWNER), permission)]);
    const own = cannedGrants(name, { target: "object", ownerId: OWNER, bucketOwnerId: OWNER });
    expect(own).toEqual([full(OWNER)]);
    // "If you specify this canned ACL when creating a bucket, Amazon S3 ignores it."
    const bucket = cannedGrants(name, { target: "bucket", ownerId: OWNER, bucketOwnerId: OWNER });
    expect(bucket).toEqual([full(OWNER)]);
  });

  it("these tables contain every canned ACL", () => {
    const names = [...Object.keys(TABLE), "bucket-owner-read", "bucket-owner-full-control"];
    expect([...CANNED_ACLS].sort()).toEqual(names.sort());
  });
});

const CALLERS = {
  anonymous: { kind: "anonymous" },
  owner: { kind: "account", canonicalId: OWNER },
  writer: { kind: "account", canonicalId: WRITER },
  other: { kind: "account", canonicalId: OTHER },
} as const;
type Who = keyof typeof CALLERS;

/** Who is allowed each permission, in the order of the model: FULL_CONTROL READ WRITE READ_ACP WRITE_ACP. */
function decisions(acl: Acl | undefined): Record<string, string> {
  const names = Object.keys(CALLERS) as Who[];
  return Object.fromEntries(
    ACL_PERMISSIONS.map((permission) => [
      permission,
      names.filter((name) => aclAllows({ ownerId: OWNER, ...(acl && { acl }) }, CALLERS[name], permission)).join(" "),
    ]),
  );
}

describe("aclAllows", () => {
  const owner = "owner";
  const onlyOwner = { FULL_CONTROL: owner, READ: owner, WRITE: owner, READ_ACP: owner, WRITE_ACP: owner };
  const nobody = { FULL_CONTROL: "", READ: "", WRITE: "", READ_ACP: "", WRITE_ACP: "" };
  /** An owner who is left out can still read and write the list. */
  const leftOut = { ...nobody, READ_ACP: owner, WRITE_ACP: owner };
  const everyone = "anonymous owner writer other";
  const accounts = "owner writer other";

  it.each<[string, Acl | undefined, Record<string, string>]>([
    ["no ACL", undefined, onlyOwner],
    ["the default, written out", [full(OWNER)], onlyOwner],
    ["an empty list", [], leftOut],
    ["the owner's READ alone", [give(user(OWNER), "READ")], { ...leftOut, READ: owner }],
    ["public-read", [full(OWNER), give(EVERYONE, "READ")], { ...onlyOwner, READ: everyone }],
    ["everybody's WRITE", [give(EVERYONE, "WRITE")], { ...leftOut, WRITE: everyone }],
    [
      "all users' FULL_CONTROL",
      [give(EVERYONE, "FULL_CONTROL")],
      { FULL_CONTROL: everyone, READ: everyone, WRITE: everyone, READ_ACP: everyone, WRITE_ACP: everyone },
    ],
    ["authenticated-read", [full(OWNER), give(SIGNED, "READ")], { ...onlyOwner, READ: accounts }],
    ["an account's READ", [full(OWNER), give(user(WRITER), "READ")], { ...onlyOwner, READ: "owner writer" }],
    ["an account's READ_ACP", [give(user(WRITER), "READ_ACP")], { ...leftOut, READ_ACP: "owner writer" }],
    ["an account's WRITE_ACP", [give(user(WRITER), "WRITE_ACP")], { ...leftOut, WRITE_ACP: "owner writer" }],
    [
      "an account's FULL_CONTROL",
      [full(WRITER)],
      { FULL_CONTROL: "writer", READ: "writer", WRITE: "writer", READ_ACP: "owner writer", WRITE_ACP: "owner writer" },
    ],
    ["log delivery", [give(LOGS, "FULL_CONTROL")], leftOut],
  ])("%s", (_name, acl, expected) => {
    expect(decisions(acl)).toEqual(expected);
  });
});

describe("aclPermissionFor", () => {
  // "Mapping of ACL permissions and access policy permissions", and our decisions on DeleteObject and uploads.
  const TABLE: Record<string, string> = {
    "s3:ListBucket": "bucket READ",
    "s3:ListBucketVersions": "bucket READ",
    "s3:ListBucketMultipartUploads": "bucket READ",
    "s3:PutObject": "bucket WRITE",
    "s3:DeleteObject": "bucket WRITE",
    "s3:AbortMultipartUpload": "bucket WRITE",
    "s3:ListMultipartUploadParts": "bucket WRITE",
    "s3:GetBucketAcl": "bucket READ_ACP",
    "s3:PutBucketAcl": "bucket WRITE_ACP",
    "s3:GetObject": "object READ",
    "s3:GetObjectAcl": "object READ_ACP",
    "s3:GetObjectVersion": "object READ",
    "s3:GetObjectVersionAcl": "object READ_ACP",
    "s3:PutObjectVersionAcl": "object WRITE_ACP",
    "s3:PutObjectAcl": "object WRITE_ACP",
  };

  it.each(S3_ACTIONS)("%s", (action) => {
    const need = aclPermissionFor(action);
    expect(need && `${need.on} ${need.permission}`).toBe(TABLE[action]);
  });

  it("the ACL and the tags of a new object need only the permission to write it", () => {
    const need = { on: "bucket", permission: "WRITE", ofOwn: true };
    expect(aclPermissionFor("s3:PutObject")).toEqual(need);
    expect(aclPermissionFor("s3:PutObjectAcl", "new")).toEqual(need);
    expect(aclPermissionFor("s3:PutObjectTagging", "new")).toEqual(need);
    expect(aclPermissionFor("s3:PutObjectTagging")).toBeUndefined();
  });
});

describe("isPublicAcl", () => {
  it.each<[Acl | undefined, boolean]>([
    [undefined, false],
    [[], false],
    [[full(OWNER), full(OTHER)], false],
    [[give(LOGS, "WRITE")], false],
    [[give(EVERYONE, "READ")], true],
    [[full(OWNER), give(SIGNED, "READ_ACP")], true],
  ])("%j: %s", (acl, expected) => {
    expect(isPublicAcl(acl)).toBe(expected);
  });
});
