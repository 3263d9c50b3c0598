import { describe, expect, it, vi } from "vitest";
import { type Permission, permissionOn } from "../../../src/access/actions.ts";
import { authorize, authorizeLifecycle } from "../../../src/access/authorize.ts";
import type { DecidedObject } from "../../../src/access/decision.ts";
import type { S3Error } from "../../../src/errors.ts";
import type { AccountCaller } from "../../../src/model/caller.ts";
import { bucketWith } from "./acl/subjects.ts";

const account = { id: "000000000001", canonicalId: "c", displayName: "owner", isRoot: false };
const owner: AccountCaller = { kind: "account", account, accessKeyId: "AKIA" };
const permission: Permission = { on: "object", action: "s3:GetObject", bucket: "bucket", key: "k" };

const bucketsWith = (documents: Parameters<typeof bucketWith>[0]) => new Map([["bucket", bucketWith(documents)]]);

const FACTS = {
  sourceIp: undefined,
  isSecure: true,
  headers: new Headers(),
  query: { get: () => undefined },
  now: new Date(0),
  authType: "REST-HEADER",
} as const;

describe("the facts about a request", () => {
  it("are not collected for the bucket's owner where there is no policy", async () => {
    const facts = vi.fn(() => FACTS);
    const findObject = vi.fn(async () => undefined);
    const grant = await authorize({
      caller: owner,
      permissions: [permission],
      buckets: bucketsWith({}),
      facts,
      findObject,
    });
    expect(await grant.allows({ ...permission, key: "other" })).toBe(true);
    expect([facts, findObject].map(({ mock }) => mock.calls.length)).toEqual([0, 0]);
  });

  it("are collected once for all decisions of a request", async () => {
    const policy = JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        { Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: "arn:aws:s3:::bucket/k*" },
        { Effect: "Deny", Principal: "*", Action: "s3:*", Resource: "arn:aws:s3:::bucket/k1" },
      ],
    });
    const facts = vi.fn(() => FACTS);
    const findObject = async () => undefined;
    const question = { caller: owner, permissions: [permission], buckets: bucketsWith({ policy }), facts, findObject };
    const grant = await authorize(question);
    expect(await grant.allows({ ...permission, key: "k1" })).toBe(false);
    expect(await grant.allows({ ...permission, key: "k2", requestTags: [{ key: "a", value: "1" }] })).toBe(true);
    expect(facts).toHaveBeenCalledTimes(1);
  });
});

describe("a bucket policy that denies everyone", () => {
  const policy = JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      { Effect: "Deny", Principal: "*", Action: "*", Resource: ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"] },
    ],
  });
  const times = { issuedAt: new Date(0), expiresAt: new Date(1), makerAccessKeyId: "AKIA" };
  const everything = JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }],
  });
  const user = { id: "AIDA", name: "u", path: "/", arn: "arn:aws:iam::000000000001:user/u", policies: [everything] };

  it.each<[string, AccountCaller, boolean]>([
    ["the root of the account", owner, true],
    ["a session of the root", { ...owner, session: times }, true],
    ["a federated user of the root", { ...owner, session: { ...times, name: "fed", policy: everything } }, false],
    ["a user", { ...owner, user }, false],
    ["a session of a user", { ...owner, user, session: times }, false],
    ["the root of another account", { ...owner, account: { ...account, id: "000000000002" } }, false],
  ])("can be read, replaced and removed by %s: %j", async (_who, caller, expected) => {
    const question = {
      caller,
      buckets: bucketsWith({ policy }),
      facts: () => FACTS,
      findObject: async () => undefined,
    };
    const isAllowed = (asked: Permission) =>
      authorize({ ...question, permissions: [asked] }).then(
        () => true,
        () => false,
      );
    for (const action of ["s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"] as const) {
      expect(await isAllowed({ on: "bucket", action, bucket: "bucket" })).toBe(expected);
    }
    expect(await isAllowed({ on: "bucket", action: "s3:ListBucket", bucket: "bucket" })).toBe(false);
    expect(await isAllowed(permission)).toBe(false);
  });
});

describe("decisions about a version", () => {
  const stranger: AccountCaller = { ...owner, account: { ...account, id: "000000000002", canonicalId: "s" } };
  const readable = { ownerId: "c", acl: [{ grantee: { kind: "all-users" }, permission: "READ" }], tags: [] } as const;
  const closed = { ownerId: "c", tags: [{ key: "is", value: "open" }] } as const;
  const ask = (action: "s3:GetObject" | "s3:DeleteObject", versionId: string | undefined, policy?: object) => {
    const findObject = vi.fn(async (_bucket: unknown, object: DecidedObject) =>
      object.versionId === "old" ? closed : readable,
    );
    const buckets = bucketsWith(policy === undefined ? {} : { policy: JSON.stringify(policy) });
    const permissions = [
      permissionOn(action, { bucket: "bucket", key: "k", ...(versionId !== undefined && { versionId }) }),
    ];
    const grant = authorize({ caller: stranger, permissions, buckets, facts: () => FACTS, findObject });
    return grant.then(
      () => "allowed",
      (error: S3Error) => error.code,
    );
  };
  const allow = (action: string, condition: object = {}) => ({
    Version: "2012-10-17",
    Statement: [
      { Effect: "Allow", Principal: "*", Action: action, Resource: "arn:aws:s3:::bucket/*", Condition: condition },
    ],
  });

  it("look at the ACL of that version, and not of the current one", async () => {
    expect(await ask("s3:GetObject", undefined)).toBe("allowed");
    expect(await ask("s3:GetObject", "old")).toBe("AccessDenied");
    expect(await ask("s3:GetObject", "new")).toBe("allowed");
  });

  it("look at the tags of that version", async () => {
    const policy = allow("s3:GetObjectVersion", { StringEquals: { "s3:ExistingObjectTag/is": "open" } });
    expect(await ask("s3:GetObject", "old", policy)).toBe("allowed");
  });

  it("need the action for versions, which is neither contained in the other one nor contains it", async () => {
    expect(await ask("s3:DeleteObject", "old", allow("s3:DeleteObject"))).toBe("AccessDenied");
    expect(await ask("s3:DeleteObject", "old", allow("s3:DeleteObjectVersion"))).toBe("allowed");
    expect(await ask("s3:DeleteObject", undefined, allow("s3:DeleteObjectVersion"))).toBe("AccessDenied");
    expect(await ask("s3:DeleteObject", undefined, allow("s3:DeleteObject"))).toBe("allowed");
  });

  it("have s3:VersionId, and those about the current version do not", async () => {
    const only = { StringEquals: { "s3:VersionId": "old" } };
    expect(await ask("s3:DeleteObject", "old", allow("s3:DeleteObjectVersion", only))).toBe("allowed");
    expect(await ask("s3:DeleteObject", "new", allow("s3:DeleteObjectVersion", only))).toBe("AccessDenied");
    expect(await ask("s3:DeleteObject", undefined, allow("s3:DeleteObject", only))).toBe("AccessDenied");
  });

  it("are made for each object of a body if any version may be allowed", async () => {
    const policy = JSON.stringify(allow("s3:DeleteObjectVersion", { StringEquals: { "s3:VersionId": "old" } }));
    const findObject = async () => undefined;
    const question = { caller: stranger, buckets: bucketsWith({ policy }), facts: () => FACTS, findObject };
    const below = { on: "objects-below", action: "s3:DeleteObject", bucket: "bucket", prefix: "" } as const;
    const some = { ...below, extent: "something-below" } as const;
    await expect(authorize({ ...question, permissions: [some] })).rejects.toThrow("Access Denied");
    const grant = await authorize({ ...question, permissions: [{ ...some, orAction: "s3:DeleteObjectVersion" }] });
    const one = (versionId: string) =>
      grant.allows(permissionOn("s3:DeleteObject", { bucket: "bucket", key: "k", versionId }));
    expect([await one("old"), await one("new")]).toEqual([true, false]);
  });
});

describe("authorizeLifecycle", () => {
  const rule = (isEnabled: boolean) => ({
    id: "r",
    isEnabled,
    schema: "V2" as const,
    filter: { tags: [] },
    transitions: [],
    noncurrentTransitions: [],
  });
  const lifecycleOf = (...rules: boolean[]) => ({
    lifecycle: { rules: rules.map(rule), transitionMinimum: "all_storage_classes_128K" as const },
  });

  it("takes only a bucket whose own configuration has an enabled rule, whatever its policy says", () => {
    const policy = JSON.stringify({
      Statement: {
        Effect: "Deny",
        Principal: "*",
        Action: "s3:*",
        Resource: ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"],
      },
    });
    const bucket = bucketWith({ ...lifecycleOf(false, true), policy });
    expect(authorizeLifecycle(bucket)).toBe(bucket);
    for (const documents of [{}, lifecycleOf(), lifecycleOf(false)]) {
      expect(() => authorizeLifecycle(bucketWith(documents))).toThrow(
        expect.objectContaining({ code: "AccessDenied" }),
      );
    }
  });
});
