import { describe, expect, it } from "vitest";
import { aclAllows, aclPermissionFor, isPublicAcl } from "../../../../src/access/acl/evaluate.ts";
import { S3_ACTIONS } from "../../../../src/access/actions.ts";
import { ACL_PERMISSIONS, type Acl } from "../../../../src/model/acl.ts";
import { EVERYONE, full, give, LOGS, OTHER, OWNER, SIGNED, user, WRITER } from "./subjects.ts";

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
      names.filter((name) => aclAllows(acl, OWNER, CALLERS[name], permission)).join(" "),
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
      "everybody's FULL_CONTROL",
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
    "s3:PutObjectAcl": "object WRITE_ACP",
  };

  it.each(S3_ACTIONS)("%s", (action) => {
    const need = aclPermissionFor(action);
    expect(need && `${need.on} ${need.permission}`).toBe(TABLE[action]);
  });

  it("the ACL and the tags of an object being written take no more than writing it", () => {
    expect(aclPermissionFor("s3:PutObjectAcl", "new")).toEqual({ on: "bucket", permission: "WRITE" });
    expect(aclPermissionFor("s3:PutObjectTagging", "new")).toEqual({ on: "bucket", permission: "WRITE" });
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
