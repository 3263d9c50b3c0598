import { describe, expect, it } from "vitest";
import {
  refusePublicAcl,
  refusePublicPolicy,
  restrictsPublicBucket,
  withoutIgnoredGrants,
} from "../../../src/access/public-access-block.ts";
import type { PublicAccessBlock } from "../../../src/model/acl.ts";
import { failure } from "../protocol/failure.ts";
import { bucketWith, full, OPEN_BLOCK, OWNER, PUBLIC_READ } from "./acl/subjects.ts";

const settings = (name: keyof PublicAccessBlock): PublicAccessBlock => ({ ...OPEN_BLOCK, [name]: true });
const OTHERS = (name: keyof PublicAccessBlock) =>
  (Object.keys(OPEN_BLOCK) as (keyof PublicAccessBlock)[]).filter((other) => other !== name).map(settings);

describe("public access block", () => {
  it("blockPublicAcls refuses public ACLs, and no other setting does", () => {
    expect(failure(() => refusePublicAcl(settings("blockPublicAcls"), PUBLIC_READ)).code).toBe("AccessDenied");
    expect(refusePublicAcl(settings("blockPublicAcls"), [full(OWNER)])).toBeUndefined();
    for (const other of [undefined, ...OTHERS("blockPublicAcls")]) {
      expect(refusePublicAcl(other, PUBLIC_READ)).toBeUndefined();
    }
  });

  it("ignorePublicAcls removes public grants, and no other setting does", () => {
    expect(withoutIgnoredGrants(settings("ignorePublicAcls"), PUBLIC_READ)).toEqual([full(OWNER)]);
    expect(withoutIgnoredGrants(settings("ignorePublicAcls"), undefined)).toBeUndefined();
    for (const other of [undefined, ...OTHERS("ignorePublicAcls")]) {
      expect(withoutIgnoredGrants(other, PUBLIC_READ)).toBe(PUBLIC_READ);
    }
  });

  it("blockPublicPolicy refuses public policies, and no other setting does", () => {
    expect(failure(() => refusePublicPolicy(settings("blockPublicPolicy"), true)).code).toBe("AccessDenied");
    expect(refusePublicPolicy(settings("blockPublicPolicy"), false)).toBeUndefined();
    for (const other of [undefined, ...OTHERS("blockPublicPolicy")]) {
      expect(refusePublicPolicy(other, true)).toBeUndefined();
    }
  });

  it.each([
    [true, undefined, true],
    [true, "000000000002", true],
    [true, "000000000001", false],
    [false, undefined, false],
    [false, "000000000002", false],
  ])("restrictPublicBuckets with a public policy (%s) excludes account %s: %s", (isPolicyPublic, account, expected) => {
    const facts = { isPolicyPublic, callerAccountId: account };
    const bucket = bucketWith({ publicAccessBlock: settings("restrictPublicBuckets") });
    expect(restrictsPublicBucket(bucket, facts)).toBe(expected);
    for (const other of OTHERS("restrictPublicBuckets")) {
      expect(restrictsPublicBucket(bucketWith({ publicAccessBlock: other }), facts)).toBe(false);
    }
    expect(restrictsPublicBucket(bucketWith(), facts)).toBe(false);
  });
});
