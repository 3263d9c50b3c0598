import { describe, expect, it, vi } from "vitest";
import type { Permission } from "../../../src/access/actions.ts";
import { authorize } from "../../../src/access/authorize.ts";
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
