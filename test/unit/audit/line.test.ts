import { describe, expect, it } from "vitest";
import { formatAuditLine, type RequestEntry } from "../../../src/audit/line.ts";
import { shownOfForm, shownOfRoute, shownOfS3 } from "../../../src/audit/shown.ts";

const ENTRY: RequestEntry = {
  type: "change",
  time: Date.parse("2032-02-03T04:05:06.789Z"),
  requestId: "R",
  service: "s3",
  operation: "PutObjectAcl",
  caller: { kind: "anonymous" },
  sourceIp: "192.0.2.1",
  userAgent: undefined,
  bucket: "b",
  key: "a\nb\u2028\u{1f600}é",
  parameters: undefined,
  document: undefined,
  created: undefined,
  status: 200,
  errorCode: undefined,
};

describe("a line", () => {
  it("is one line of ASCII, which is the entry without what is absent", () => {
    const line = formatAuditLine(ENTRY);
    expect(line).toMatch(/^[\x20-\x7e]+$/);
    expect(JSON.parse(line)).toEqual({
      version: 1,
      type: "change",
      time: "2032-02-03T04:05:06.789Z",
      requestId: "R",
      service: "s3",
      operation: "PutObjectAcl",
      caller: { kind: "anonymous" },
      sourceIp: "192.0.2.1",
      bucket: "b",
      key: "a\nb\u2028\u{1f600}é",
      status: 200,
    });
  });
});

describe("shown parameters", () => {
  const digest = { bytes: expect.any(Number), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) };

  it.each([
    ["https://user:secret@hooks.example.com:8443/secret?token=secret", "https://hooks.example.com:8443"],
    ["http://[2001:db8::1]:80/secret", "http://[2001:db8::1]:80"],
    ["https://user:sec/ret@host.example/", "(no URL)"],
    ["https://hooks.example.com", "https://hooks.example.com"],
    ["https://secret", "https://secret"],
    ["secret", "(no URL)"],
    ["javascript:secret", "(no URL)"],
    ["arn:aws:sqs:us-east-1:1:queue", "arn:aws:sqs:us-east-1:1:queue"],
  ])("of the endpoint %s: %s", (Endpoint, shown) => {
    expect(shownOfForm(new Map([["Endpoint", Endpoint]]))).toEqual({ Endpoint: shown });
    expect(shownOfRoute(["endpoint"], { body: { endpoint: Endpoint }, values: {} })).toEqual({ endpoint: shown });
  });

  it("of a form: those that are named, documents as digests, and no other", () => {
    const form = new Map([
      ["Action", "Subscribe"],
      ["UserName", "u".repeat(1_000)],
      ["PolicyDocument", "{}"],
      ["Token", "secret"],
      ["Attributes.entry.1.key", "RawMessageDelivery"],
      ["Attributes.entry.1.value", "secret"],
      ["AWSAccountId.member.2", "123456789012"],
      ["Novelty", "secret"],
    ]);
    expect(shownOfForm(form)).toEqual({
      UserName: `${"u".repeat(256)}…`,
      PolicyDocument: digest,
      "Attributes.entry.1.key": "RawMessageDelivery",
      "AWSAccountId.member.2": "123456789012",
    });
  });

  it("of a route: its ids, the fields that are named, and no object among them", () => {
    const body = {
      bucket: "b",
      buckets: ["x", 1, { secret: "secret" }],
      secret: "secret",
      page: 0,
      bytes: { a: "secret" },
    };
    const shown = shownOfRoute(["bucket", "buckets", "page", "bytes"], { body, values: { id: "i" } });
    expect(shown).toEqual({ id: "i", bucket: "b", buckets: ["x"], page: 0 });
    expect(shownOfRoute(["bucket"], { body: "secret", values: {} })).toBeUndefined();
  });

  it("of S3: no customer's key, no token, no signature", () => {
    const headers = new Headers({
      "x-amz-acl": "public-read",
      "x-amz-server-side-encryption-customer-key": "secret",
      "x-amz-copy-source-server-side-encryption-customer-key": "secret",
      "x-amz-security-token": "secret",
      "x-amz-meta-a": "secret",
      authorization: "secret",
    });
    const entries = [
      ["versionId", "v"],
      ["X-Amz-Signature", "secret"],
      ["X-Amz-Security-Token", "secret"],
      ["acl", ""],
    ] as const;
    expect(shownOfS3({ headers, query: { entries } })).toEqual({ "x-amz-acl": "public-read", versionId: "v" });
  });
});
