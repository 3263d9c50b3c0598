import { describe, expect, it } from "vitest";
import type { Resource } from "../../src/model/bucket.ts";
import type { AccountCaller, Caller } from "../../src/model/caller.ts";
import { parseQuery, parseRawUrl } from "../../src/protocol/request-target.ts";
import type { S3Request } from "../../src/protocol/s3-request.ts";
import { requestOrigin } from "../../src/request-facts.ts";

const account = { id: "000000000001", canonicalId: "c", displayName: "root", isRoot: true };
const root: AccountCaller = { kind: "account", account, accessKeyId: "AKIA" };

function originOf(url: string, caller: Caller = root, resource: Resource = { kind: "service" }) {
  const raw = parseRawUrl(url);
  const style = resource.kind === "service" ? "path" : "virtual-host";
  const request: S3Request = {
    method: "PUT",
    url: raw,
    resource,
    style,
    query: parseQuery(raw.query),
    headers: new Headers({ host: raw.host }),
    copySource: () => undefined,
    client: { address: undefined, acceptEncoding: undefined, tlsVersion: undefined },
    body: null,
    now: new Date(5),
    requestId: "0123456789ABCDEF",
  };
  return requestOrigin(request, caller);
}

describe("callback variables", () => {
  it.each([
    ["", []],
    ["x-oss-callback-a=1", [["a", ["1"]]]],
    [
      "x-oss-callback-a=2&b=3&x-oss-callback-c=&x-oss-callback-a=1",
      [
        ["a", ["2", "1"]],
        ["c", [""]],
      ],
    ],
    ["x-oss-callback-__proto__=p", [["__proto__", ["p"]]]],
    ["x-oss-callback-=empty&X-OSS-CALLBACK-A=1", [["", ["empty"]]]],
  ])("of the query ?%s", (query, expected) => {
    expect(Object.entries(originOf(`http://h/b/k?${query}`).callbackVariables)).toEqual(expected);
  });
});

describe("principal", () => {
  const user = { id: "AIDA1", name: "n", path: "/", arn: "arn", policies: [] };
  const session = { issuedAt: new Date(), expiresAt: new Date(), makerAccessKeyId: "AKIA" };
  it.each([
    ["nobody", { kind: "anonymous" } as Caller, "Anonymous"],
    ["the root of an account", root, "000000000001"],
    ["a user", { ...root, user }, "AIDA1"],
    ["a session of a user", { ...root, user, session }, "AIDA1"],
    ["a federated user", { ...root, user, session: { ...session, name: "fed" } }, "000000000001:fed"],
  ])("%s", (_who, caller, expected) => {
    expect(originOf("http://h/b/k", caller).principalId).toBe(expected);
  });
});

describe("endpoint", () => {
  it("is scheme and host, without the bucket in it", () => {
    expect(originOf("https://s3.example.com/b/k").endpoint).toBe("https://s3.example.com");
    const resource: Resource = { kind: "bucket", bucket: "b" };
    expect(originOf("http://b.s3.localhost:8787/", root, resource).endpoint).toBe("http://s3.localhost:8787");
  });
});
