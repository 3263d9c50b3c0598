import { describe, expect, it } from "vitest";
import { type RequestFacts, requestKeys } from "../../../../src/access/policy/request-keys.ts";
import { failure } from "../../protocol/failure.ts";
import { ACCOUNT, ACCOUNT_ID, ANONYMOUS, user } from "./support.ts";

const NOW = new Date("2026-01-01T00:00:00.500Z");

const LOCK = { retention: { mode: "GOVERNANCE", until: NOW.getTime() + 2 * 86_400_000 } } as const;

interface Given extends Omit<Partial<RequestFacts>, "headers" | "query"> {
  readonly headers?: Record<string, string>;
  readonly query?: Record<string, string>;
}

function keysOf({ headers = {}, query = {}, ...facts }: Given) {
  return requestKeys({
    principal: ANONYMOUS,
    sourceIp: undefined,
    isSecure: true,
    now: NOW,
    authType: undefined,
    ...facts,
    headers: new Headers(headers),
    query: { get: (name) => query[name] },
  });
}

describe("requestKeys", () => {
  it.each<[string, Given, string | readonly string[] | undefined]>([
    ["aws:SourceIp", { sourceIp: "203.0.113.7" }, "203.0.113.7"],
    ["aws:SourceIp", {}, undefined],
    ["aws:SecureTransport", { isSecure: true }, "true"],
    ["aws:SecureTransport", { isSecure: false }, "false"],
    ["aws:CurrentTime", {}, "2026-01-01T00:00:00.500Z"],
    ["aws:EpochTime", {}, "1767225600"],
    ["aws:Referer", { headers: { referer: "https://a.example/" } }, "https://a.example/"],
    ["aws:Referer", {}, undefined],
    ["aws:UserAgent", { headers: { "user-agent": "curl" } }, "curl"],
    ["aws:PrincipalIsAWSService", {}, "false"],
    ["aws:ViaAWSService", {}, "false"],
    ["s3:TlsVersion", { tlsVersion: "1.3" }, "1.3"],
    ["s3:TlsVersion", {}, undefined],

    ["aws:PrincipalType", {}, "Anonymous"],
    ["aws:userid", {}, "anonymous"],
    ["aws:username", {}, undefined],
    ["aws:PrincipalArn", {}, undefined],
    ["aws:PrincipalAccount", {}, undefined],
    ["aws:PrincipalType", { principal: ACCOUNT }, "Account"],
    ["aws:PrincipalArn", { principal: ACCOUNT }, `arn:aws:iam::${ACCOUNT_ID}:root`],
    ["aws:PrincipalAccount", { principal: ACCOUNT }, ACCOUNT_ID],
    ["aws:userid", { principal: ACCOUNT }, ACCOUNT_ID],
    ["aws:username", { principal: ACCOUNT }, undefined],
    ["aws:PrincipalType", { principal: user("alice") }, "User"],
    ["aws:PrincipalArn", { principal: user("alice") }, `arn:aws:iam::${ACCOUNT_ID}:user/alice`],
    ["aws:PrincipalAccount", { principal: user("alice") }, ACCOUNT_ID],
    ["aws:userid", { principal: user("alice") }, "AIDAalice"],
    ["aws:username", { principal: user("alice") }, "alice"],
    ["aws:PrincipalType", { principal: { ...user("alice"), federatedUserName: "f" } }, "FederatedUser"],
    ["aws:userid", { principal: { ...user("alice"), federatedUserName: "f" } }, `${ACCOUNT_ID}:f`],
    ["aws:username", { principal: { ...user("alice"), federatedUserName: "f" } }, undefined],
    [
      "aws:PrincipalArn",
      { principal: { ...user("alice"), federatedUserName: "f" } },
      `arn:aws:sts::${ACCOUNT_ID}:federated-user/f`,
    ],

    ["aws:TokenIssueTime", { principal: ACCOUNT }, undefined],
    [
      "aws:TokenIssueTime",
      { principal: { ...user("alice"), sessionIssuedAt: new Date(0) } },
      "1970-01-01T00:00:00.000Z",
    ],
    ["aws:MultiFactorAuthPresent", { principal: ACCOUNT }, undefined],
    ["aws:MultiFactorAuthPresent", { principal: { ...user("alice"), sessionIssuedAt: new Date(0) } }, "false"],

    ["s3:authType", { authType: "REST-HEADER" }, "REST-HEADER"],
    ["s3:authType", {}, undefined],
    ["s3:signatureAge", { signatureAgeMs: 1500 }, "1500"],
    ["s3:signatureAge", { signatureAgeMs: 0 }, "0"],
    ["s3:signatureversion", { signatureVersion: "AWS4-HMAC-SHA256" }, "AWS4-HMAC-SHA256"],
    ["s3:x-amz-content-sha256", { authType: "REST-HEADER", headers: { "x-amz-content-sha256": "ab" } }, "ab"],
    ["s3:x-amz-content-sha256", { authType: "REST-QUERY-STRING" }, "UNSIGNED-PAYLOAD"],
    ["s3:x-amz-content-sha256", { authType: "REST-QUERY-STRING", headers: { "x-amz-content-sha256": "ab" } }, "ab"],
    ["s3:x-amz-content-sha256", { authType: "POST" }, "UNSIGNED-PAYLOAD"],
    ["s3:x-amz-content-sha256", {}, undefined],

    ["s3:x-amz-acl", { headers: { "x-amz-acl": "private" } }, "private"],
    ["s3:x-amz-grant-read", { headers: { "x-amz-grant-read": 'id="1", id="2"' } }, 'id="1", id="2"'],
    ["s3:x-amz-grant-write-acp", { headers: { "x-amz-grant-write-acp": "id=1" } }, "id=1"],
    ["s3:x-amz-storage-class", { headers: { "x-amz-storage-class": "STANDARD" } }, "STANDARD"],
    ["s3:x-amz-metadata-directive", { headers: { "x-amz-metadata-directive": "COPY" } }, "COPY"],
    ["s3:x-amz-server-side-encryption", { headers: { "x-amz-server-side-encryption": "AES256" } }, "AES256"],
    ["s3:x-amz-website-redirect-location", { headers: { "x-amz-website-redirect-location": "/x" } }, "/x"],
    ["s3:x-amz-object-ownership", { headers: { "x-amz-object-ownership": "ObjectWriter" } }, "ObjectWriter"],
    ["s3:if-match", { headers: { "if-match": '"x"' } }, '"x"'],
    ["s3:if-none-match", { headers: { "if-none-match": "*" } }, "*"],
    ["s3:x-amz-copy-source", { copySource: { bucket: "b", key: "k/ä" } }, ["b/k/ä", "/b/k/ä"]],
    // The header can be escaped in many ways: only its decoded value counts.
    ["s3:x-amz-copy-source", { headers: { "x-amz-copy-source": "b/%6b" } }, undefined],

    ["s3:prefix", { query: { prefix: "home/" } }, "home/"],
    ["s3:prefix", { query: { prefix: "" } }, ""],
    ["s3:prefix", {}, undefined],
    ["s3:delimiter", { query: { delimiter: "/" } }, "/"],
    ["s3:max-keys", { query: { "max-keys": "10" } }, "10"],
    ["s3:max-keys", { query: { "max-keys": "" } }, "1000"],
    ["s3:max-keys", {}, "1000"],

    ["s3:LocationConstraint", { locationConstraint: "eu-west-1" }, "eu-west-1"],
    ["s3:ResourceAccount", { resourceAccountId: ACCOUNT_ID }, ACCOUNT_ID],
    ["aws:ResourceAccount", { resourceAccountId: ACCOUNT_ID }, ACCOUNT_ID],
    ["s3:ObjectCreationOperation", { createsObject: true }, "true"],
    ["s3:ObjectCreationOperation", { createsObject: false }, "false"],
    ["s3:ObjectCreationOperation", {}, undefined],

    ["s3:ExistingObjectTag/a", { existingTags: [{ key: "a", value: "1" }] }, "1"],
    ["s3:existingobjecttag/A", { existingTags: [{ key: "a", value: "1" }] }, "1"],
    ["s3:ExistingObjectTag/b", { existingTags: [{ key: "a", value: "1" }] }, undefined],
    ["s3:RequestObjectTag/a", { requestTags: [{ key: "a", value: "1" }] }, "1"],
    [
      "s3:RequestObjectTagKeys",
      {
        requestTags: [
          { key: "a", value: "1" },
          { key: "b", value: "2" },
        ],
      },
      ["a", "b"],
    ],
    ["s3:RequestObjectTagKeys", { requestTags: [] }, undefined],
    // The operation may ignore the header, and then the caller must not choose the key's value by it.
    ["s3:object-lock-mode", { headers: { "x-amz-object-lock-mode": "GOVERNANCE" } }, undefined],
    ["s3:object-lock-mode", { requestLock: LOCK }, "GOVERNANCE"],
    ["s3:object-lock-retain-until-date", { requestLock: LOCK }, "2026-01-03T00:00:00.500Z"],
    ["s3:object-lock-remaining-retention-days", { requestLock: LOCK }, "2"],
    [
      "s3:object-lock-remaining-retention-days",
      { requestLock: { retention: { mode: "COMPLIANCE", until: NOW.getTime() + 1 } } },
      "1",
    ],
    ["s3:object-lock-legal-hold", { requestLock: LOCK }, undefined],
    ["s3:object-lock-legal-hold", { requestLock: { hasLegalHold: true } }, "ON"],
    ["s3:object-lock-legal-hold", { requestLock: { hasLegalHold: false } }, "OFF"],
    ["s3:object-lock-mode", { requestLock: { hasLegalHold: true } }, undefined],

    // Two tags whose keys differ in case are one condition key with two values.
    [
      "s3:ExistingObjectTag/a",
      {
        existingTags: [
          { key: "a", value: "1" },
          { key: "A", value: "2" },
        ],
      },
      ["1", "2"],
    ],
  ])("%s of %j: %j", (key, given, expected) => {
    expect(keysOf(given).get(key)).toEqual(typeof expected === "string" ? [expected] : expected);
  });

  it("ignores addresses in headers", () => {
    const headers = {
      "x-forwarded-for": "10.0.0.1",
      "x-real-ip": "10.0.0.1",
      forwarded: "for=10.0.0.1",
      "cf-connecting-ip": "10.0.0.1",
      "true-client-ip": "10.0.0.1",
    };
    expect(keysOf({ headers }).get("aws:SourceIp")).toBeUndefined();
    expect(keysOf({ headers, sourceIp: "203.0.113.7" }).get("aws:SourceIp")).toEqual(["203.0.113.7"]);
  });

  it("reports keys that were not looked up", () => {
    expect(keysOf({}).unknown("s3:ExistingObjectTag/a")).toBe("against");
    expect(keysOf({}).unknown("s3:RequestObjectTagKeys")).toBe("against");
    expect(keysOf({ existingTags: [] }).unknown("s3:ExistingObjectTag/a")).toBeUndefined();
    expect(keysOf({ requestTags: [] }).unknown("s3:RequestObjectTag/a")).toBeUndefined();
    expect(keysOf({ requestTags: "later" }).unknown("s3:RequestObjectTag/a")).toBe("for");
    expect(keysOf({ requestLock: "later" }).unknown("s3:object-lock-mode")).toBe("for");
    expect(keysOf({}).unknown("s3:object-lock-mode")).toBeUndefined();
    expect(keysOf({}).unknown("s3:prefix")).toBeUndefined();
  });

  it("replaces keys for one decision", () => {
    const keys = keysOf({ query: { prefix: "a" }, existingTags: [] });
    expect(keys.with({ "S3:Prefix": ["b"] }).get("s3:prefix")).toEqual(["b"]);
    expect(keys.with({ "s3:prefix": [] }).get("s3:prefix")).toBeUndefined();
    expect(keys.with({}).unknown("s3:RequestObjectTagKeys")).toBe("against");
    expect(keys.get("s3:prefix")).toEqual(["a"]);
  });

  it("refuses values longer than S3 accepts with RequestHeaderSectionTooLarge", () => {
    expect(keysOf({ headers: { referer: "x".repeat(8192) } }).get("aws:Referer")).toHaveLength(1);
    expect(failure(() => keysOf({ headers: { referer: "x".repeat(8193) } }))).toMatchObject({
      code: "RequestHeaderSectionTooLarge",
      status: 400,
    });
  });
});
