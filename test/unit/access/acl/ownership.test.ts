import { describe, expect, it } from "vitest";
import {
  aclOfBucket,
  aclOfNewBucket,
  aclOfNewObject,
  aclOfObject,
  aclOfReplica,
  effectiveAcl,
  ownershipOf,
  requireOwnerOnly,
  shownAcl,
} from "../../../../src/access/acl/ownership.ts";
import type { Acl, AclRequest, CannedAcl, ObjectOwnership } from "../../../../src/model/acl.ts";
import { failure } from "../../protocol/failure.ts";
import { bucketWith, EVERYONE, full, give, OPEN_BLOCK, OTHER, OWNER, PUBLIC_READ, user, WRITER } from "./subjects.ts";

const canned = (name: CannedAcl): AclRequest => ({ kind: "canned", name });
const grants = (...list: Acl): AclRequest => ({ kind: "grants", grants: list });
const owned = (ownership: ObjectOwnership) => bucketWith({ ownership });
const BLOCKING = { publicAccessBlock: { ...OPEN_BLOCK, blockPublicAcls: true } };
const IGNORING = { publicAccessBlock: { ...OPEN_BLOCK, ignorePublicAcls: true } };

describe("ownershipOf", () => {
  it("is ObjectWriter unless set", () => {
    expect(ownershipOf(bucketWith())).toBe("ObjectWriter");
    expect(ownershipOf(owned("BucketOwnerPreferred"))).toBe("BucketOwnerPreferred");
  });
});

describe("aclOfNewObject", () => {
  const fromOther = [full(WRITER), full(OWNER)];

  it.each<[ObjectOwnership, AclRequest | undefined, ReturnType<typeof aclOfNewObject> | string]>([
    ["ObjectWriter", undefined, { ownerId: WRITER }],
    ["ObjectWriter", canned("private"), { ownerId: WRITER }],
    ["ObjectWriter", canned("bucket-owner-full-control"), { ownerId: WRITER, acl: fromOther }],
    ["ObjectWriter", canned("public-read"), { ownerId: WRITER, acl: [full(WRITER), give(EVERYONE, "READ")] }],
    ["ObjectWriter", grants(give(user(OTHER), "READ")), { ownerId: WRITER, acl: [give(user(OTHER), "READ")] }],
    ["ObjectWriter", grants(full(WRITER)), { ownerId: WRITER }],
    ["ObjectWriter", grants(full(OWNER)), { ownerId: WRITER, acl: [full(OWNER)] }],
    ["BucketOwnerPreferred", undefined, { ownerId: WRITER }],
    ["BucketOwnerPreferred", canned("private"), { ownerId: WRITER }],
    ["BucketOwnerPreferred", canned("bucket-owner-full-control"), { ownerId: OWNER }],
    ["BucketOwnerPreferred", canned("public-read"), { ownerId: WRITER, acl: [full(WRITER), give(EVERYONE, "READ")] }],
    ["BucketOwnerEnforced", undefined, { ownerId: OWNER }],
    ["BucketOwnerEnforced", canned("bucket-owner-full-control"), { ownerId: OWNER }],
    ["BucketOwnerEnforced", grants(full(OWNER)), { ownerId: OWNER }],
    ["BucketOwnerEnforced", canned("private"), "AccessControlListNotSupported"],
    ["BucketOwnerEnforced", canned("public-read"), "AccessControlListNotSupported"],
    ["BucketOwnerEnforced", grants(full(WRITER)), "AccessControlListNotSupported"],
    ["BucketOwnerEnforced", grants(full(OWNER), full(WRITER)), "AccessControlListNotSupported"],
    ["BucketOwnerEnforced", grants(), "AccessControlListNotSupported"],
  ])("%s, %j: %j", (ownership, request, expected) => {
    const run = () => aclOfNewObject(request, owned(ownership), WRITER);
    if (typeof expected === "string") expect(failure(run).code).toBe(expected);
    else expect(run()).toEqual(expected);
  });

  it.each<CannedAcl>(["public-read", "public-read-write", "authenticated-read"])(
    "refuses %s with AccessDenied if public ACLs are blocked",
    (name) => {
      expect(failure(() => aclOfNewObject(canned(name), bucketWith(BLOCKING), WRITER)).code).toBe("AccessDenied");
    },
  );

  it("accepts other ACLs if public ACLs are blocked", () => {
    expect(aclOfNewObject(canned("private"), bucketWith(BLOCKING), WRITER)).toEqual({ ownerId: WRITER });
    expect(aclOfNewObject(undefined, bucketWith(BLOCKING), WRITER)).toEqual({ ownerId: WRITER });
  });
});

describe("aclOfObject", () => {
  const object = { ownerId: WRITER, acl: [give(user(OTHER), "READ")] };

  it("is relative to the object's owner", () => {
    expect(aclOfObject(canned("private"), bucketWith(), object)).toBeUndefined();
    expect(aclOfObject(canned("bucket-owner-read"), bucketWith(), object)).toEqual([
      full(WRITER),
      give(user(OWNER), "READ"),
    ]);
  });

  it("keeps the ACL of another owner's object if ACLs are disabled, and refuses all other ACLs", () => {
    const bucket = owned("BucketOwnerEnforced");
    expect(aclOfObject(canned("bucket-owner-full-control"), bucket, object)).toBe(object.acl);
    expect(aclOfObject(grants(full(OWNER)), bucket, object)).toBe(object.acl);
    expect(failure(() => aclOfObject(canned("private"), bucket, object)).code).toBe("AccessControlListNotSupported");
  });

  it("refuses a public ACL with AccessDenied if public ACLs are blocked", () => {
    const run = () => aclOfObject(grants(give(EVERYONE, "READ_ACP")), bucketWith(BLOCKING), object);
    expect(failure(run).code).toBe("AccessDenied");
  });
});

describe("aclOfBucket", () => {
  it("is relative to the bucket's owner; the default is no ACL", () => {
    expect(aclOfBucket(canned("public-read"), bucketWith())).toEqual(PUBLIC_READ);
    expect(aclOfBucket(canned("private"), bucketWith({ acl: PUBLIC_READ }))).toBeUndefined();
    expect(aclOfBucket(grants(), bucketWith())).toEqual([]);
  });

  it.each<CannedAcl>(["private", "public-read", "bucket-owner-full-control"])(
    "%s is refused with AccessControlListNotSupported if ACLs are disabled",
    (name) => {
      const run = () => aclOfBucket(canned(name), owned("BucketOwnerEnforced"));
      expect(failure(run).code).toBe("AccessControlListNotSupported");
    },
  );

  it("refuses a public ACL with AccessDenied if public ACLs are blocked", () => {
    expect(failure(() => aclOfBucket(canned("authenticated-read"), bucketWith(BLOCKING))).code).toBe("AccessDenied");
    expect(aclOfBucket(grants(full(OTHER)), bucketWith(BLOCKING))).toEqual([full(OTHER)]);
  });
});

describe("aclOfNewBucket", () => {
  it.each<[AclRequest | undefined, ObjectOwnership | undefined, Acl | undefined]>([
    [undefined, undefined, undefined],
    [undefined, "BucketOwnerEnforced", undefined],
    [canned("private"), "BucketOwnerEnforced", undefined],
    [canned("public-read"), undefined, PUBLIC_READ],
    [canned("public-read"), "BucketOwnerPreferred", PUBLIC_READ],
    [grants(full(OTHER)), "ObjectWriter", [full(OTHER)]],
  ])("%j, %s: %j", (request, ownership, expected) => {
    expect(aclOfNewBucket(request, ownership === undefined ? {} : { ownership }, OWNER)).toEqual(expected);
  });

  it("refuses grants to others with InvalidBucketAclWithObjectOwnership if the bucket disables ACLs", () => {
    const run = () => aclOfNewBucket(canned("public-read"), { ownership: "BucketOwnerEnforced" }, OWNER);
    expect(failure(run).code).toBe("InvalidBucketAclWithObjectOwnership");
  });
});

describe("requireOwnerOnly", () => {
  it.each<[Acl | undefined, boolean]>([
    [undefined, true],
    [[], true],
    [[give(user(OWNER), "READ")], true],
    [[full(OWNER), full(OTHER)], false],
    [[give(EVERYONE, "READ")], false],
    [[give({ kind: "log-delivery" }, "WRITE")], false],
  ])("%j: %s", (acl, accepted) => {
    const run = () => requireOwnerOnly(acl, OWNER);
    if (accepted) expect(run()).toBeUndefined();
    else expect(failure(run).code).toBe("InvalidBucketAclWithObjectOwnership");
  });
});

describe("effectiveAcl", () => {
  const foreign = { ownerId: WRITER, acl: [full(WRITER), give(EVERYONE, "READ")] };

  it.each([
    ["no settings, bucket", bucketWith({ acl: PUBLIC_READ }), undefined, { ownerId: OWNER, acl: PUBLIC_READ }],
    ["no settings, default", bucketWith(), undefined, { ownerId: OWNER }],
    [
      "an object never has its bucket's ACL",
      bucketWith({ acl: PUBLIC_READ }),
      { ownerId: WRITER },
      { ownerId: WRITER },
    ],
    ["no settings, object", bucketWith(), foreign, foreign],
    [
      "ACLs disabled, bucket",
      bucketWith({ acl: PUBLIC_READ, ownership: "BucketOwnerEnforced" }),
      undefined,
      { ownerId: OWNER },
    ],
    ["ACLs disabled, object", owned("BucketOwnerEnforced"), foreign, { ownerId: OWNER }],
    [
      "public ones ignored, bucket",
      bucketWith({ ...IGNORING, acl: PUBLIC_READ }),
      undefined,
      { ownerId: OWNER, acl: [full(OWNER)] },
    ],
    ["public ones ignored, object", bucketWith(IGNORING), foreign, { ownerId: WRITER, acl: [full(WRITER)] }],
    // An ACL with only public grants is not the same as no ACL: the owner is not in it.
    [
      "nothing left",
      bucketWith({ ...IGNORING, acl: [give(EVERYONE, "READ")] }),
      undefined,
      { ownerId: OWNER, acl: [] },
    ],
    [
      "blocked is not ignored",
      bucketWith({ ...BLOCKING, acl: PUBLIC_READ }),
      undefined,
      { ownerId: OWNER, acl: PUBLIC_READ },
    ],
  ] as const)("%s", (_name, bucket, object, expected) => {
    expect(effectiveAcl(bucket, object)).toEqual(expected);
  });
});

describe("aclOfReplica", () => {
  const TO = { ...bucketWith(), ownerId: OTHER };
  const shared = [full(OWNER), give(EVERYONE, "READ"), give(user(WRITER), "READ")];
  const ofOther = { ownerId: OTHER };
  const readable = { ownerId: OTHER, acl: [full(OTHER), give(user(WRITER), "READ")] };
  const everything = { ownerId: OTHER, acl: [full(OTHER), give(EVERYONE, "READ"), give(user(WRITER), "READ")] };
  it.each([
    ["without an ACL", bucketWith(), { ownerId: WRITER }, {}, ofOther],
    ["the owner's grants become the new owner's", bucketWith(), { ownerId: OWNER, acl: shared }, {}, everything],
    ["ignored at the source", bucketWith(IGNORING), { ownerId: OWNER, acl: shared }, {}, readable],
    ["blocked at the source counts still", bucketWith(BLOCKING), { ownerId: OWNER, acl: shared }, {}, everything],
    ["disabled at the source", owned("BucketOwnerEnforced"), { ownerId: OWNER, acl: shared }, {}, ofOther],
    ["blocked at the destination", bucketWith(), { ownerId: OWNER, acl: shared }, BLOCKING, readable],
    ["ignored at the destination", bucketWith(), { ownerId: OWNER, acl: shared }, IGNORING, readable],
    [
      "disabled at the destination",
      bucketWith(),
      { ownerId: OWNER, acl: shared },
      { ownership: "BucketOwnerEnforced" },
      ofOther,
    ],
    ["nothing but the owner's is left", bucketWith(IGNORING), { ownerId: OWNER, acl: PUBLIC_READ }, {}, ofOther],
    ["both owners had one", bucketWith(), { ownerId: WRITER, acl: [full(WRITER), full(OTHER)] }, {}, ofOther],
    ["the owner left himself out", bucketWith(), { ownerId: OWNER, acl: [] }, {}, { ownerId: OTHER, acl: [] }],
  ] as const)("%s", (_name, bucket, object, documents, expected) => {
    expect(aclOfReplica({ ...object, bucket }, { ...TO, documents }, false)).toEqual(expected);
    expect(aclOfReplica({ ...object, bucket }, { ...TO, documents }, true)).toEqual(ofOther);
  });
});

describe("shownAcl", () => {
  it("shows the default as a grant, and the bucket owner's full control if ACLs are disabled", () => {
    expect(shownAcl(undefined, OWNER, { ownerId: WRITER })).toEqual({ ownerId: WRITER, grants: [full(WRITER)] });
    expect(shownAcl("ObjectWriter", OWNER, { ownerId: WRITER, acl: [] })).toEqual({ ownerId: WRITER, grants: [] });
    const enforced = shownAcl("BucketOwnerEnforced", OWNER, { ownerId: WRITER, acl: PUBLIC_READ });
    expect(enforced).toEqual({ ownerId: OWNER, grants: [full(OWNER)] });
  });
});
