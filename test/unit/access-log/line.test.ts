import { describe, expect, it } from "vitest";
import { formatLine, type LogLine, loggedTarget } from "../../../src/access-log/line.ts";
import { MESSAGE_BYTES } from "../../../src/access-log/line-queue.ts";
import { requestOperation, sourceOperation } from "../../../src/access-log/operation-names.ts";
import { logObjectKey } from "../../../src/model/logged-bucket.ts";
import { OPERATION_NAMES } from "../../../src/protocol/operation-name.ts";
import { parseLogLine } from "../../support/access-log-line.ts";

const BUCKET = {
  name: "b",
  region: "eu-west-1",
  accountId: "000000000001",
  ownerId: "0a1b",
  logging: { targetBucket: "t", targetPrefix: "p" },
};
const LINE: LogLine = {
  bucket: BUCKET,
  time: Date.parse("2019-02-06T00:00:38.999Z"),
  requestId: "3E57427F3EXAMPLE",
  operation: "REST.GET.OBJECT",
  requestUri: "GET /b/k HTTP/1.1",
  hostId: "h",
};

describe("formatLine", () => {
  it("writes the first fields as AWS's example", () => {
    expect(formatLine({ ...LINE, remoteIp: "192.0.2.3" })).toMatch(
      /^0a1b b \[06\/Feb\/2019:00:00:38 \+0000\] 192\.0\.2\.3 - 3E57427F3EXAMPLE REST\.GET\.OBJECT - "GET \/b\/k HTTP\/1\.1" - - /,
    );
  });

  it.each([
    'a" 200 - "forged',
    "line\nbreak\r\n",
    "back\\slash",
    "ünïcode 😀 \ud800",
    "\u0000\u007f",
    '"'.repeat(5_000),
  ])("stays one line of ASCII with its 27 fields, whatever clients send: %j", (text) => {
    const line = formatLine({
      ...LINE,
      key: text.slice(0, 1_024),
      referrer: text,
      userAgent: text,
      versionId: text,
      requestUri: `GET /${text} HTTP/1.1`,
      connection: { hostHeader: text },
    });
    expect(line).toMatch(/^[ -~]+$/);
    expect(parseLogLine(line)).toMatchObject({ operation: "REST.GET.OBJECT", hostId: "h", sourceRegion: "-" });
    expect(line.length).toBeLessThan(60_000);
  });

  it("encodes keys twice, and once where no request names them", () => {
    const keyIn = (operation: string) => parseLogLine(formatLine({ ...LINE, operation, key: "a %/ä" })).key;
    expect(keyIn("REST.PUT.OBJECT")).toBe("a%2520%2525/%25C3%25A4");
    expect(keyIn("WEBSITE.GET.OBJECT")).toBe("a%2520%2525/%25C3%25A4");
    expect(keyIn("BATCH.DELETE.OBJECT")).toBe("a%20%25/%C3%A4");
    expect(keyIn("S3.EXPIRE.OBJECT")).toBe("a%20%25/%C3%A4");
  });
});

it("formatLine cuts keys and version ids that no object can have, so that a line fits into a message", () => {
  for (const operation of ["BATCH.DELETE.OBJECT", "REST.GET.OBJECT"]) {
    const line = formatLine({ ...LINE, operation, key: "\u20ac".repeat(100_000), versionId: "\u20ac".repeat(100_000) });
    expect(line.length).toBeLessThan(MESSAGE_BYTES / 2);
  }
  const longest = "\u00e9".repeat(512);
  expect(formatLine({ ...LINE, operation: "BATCH.DELETE.OBJECT", key: longest })).toContain("%C3%A9".repeat(512));
});

it("formatLine hides the secrets of a presigned page in the referrer", () => {
  const referrer = "https://h/a=b?X-Amz-Date=1&X-Amz-Signature=abc&x=y";
  expect(formatLine({ ...LINE, referrer })).toContain('"https://h/a=b?X-Amz-Date=1&X-Amz-Signature=-&x=y"');
});

it("loggedTarget hides parameters whose names are percent-encoded", () => {
  expect(loggedTarget("/b/k", "%58-amz%2dSi%67nature=abc&Signature%31=b&%53ignature=c?d")).toBe(
    "/b/k?%58-amz%2dSi%67nature=-&Signature%31=b&%53ignature=-",
  );
});

it("loggedTarget hides signatures, tokens and keys, and nothing else", () => {
  const query =
    "X-Amz-Credential=c&X-Amz-Signature=s1&x-amz-security-token=s2&a=1&Signature=s3&" +
    "x-amz-server-side-encryption-customer-key=s4&X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key=s5&b";
  const shown = loggedTarget("/b/k", query);
  expect(shown).not.toMatch(/s[1-5]/);
  expect(shown).toContain("?X-Amz-Credential=c&X-Amz-Signature=-&");
  expect(shown).toMatch(/&a=1&Signature=-&.*&b$/);
  expect(loggedTarget("/b/k", "")).toBe("/b/k");
});

describe("operations", () => {
  it("have a name of AWS's form", () => {
    for (const operation of OPERATION_NAMES) {
      const name = requestOperation({ method: "GET", operation, hasKey: true, isWebsite: false });
      expect(name).toMatch(/^REST\.(GET|PUT|HEAD|POST|DELETE|COPY|OPTIONS)\.[A-Z_]+$/);
      expect(sourceOperation(operation)).toBe(/Copy/.test(operation) ? `${name}_GET` : undefined);
    }
  });

  it("without a name show method and resource", () => {
    const shown = { method: "PATCH", operation: undefined, isWebsite: false };
    expect(requestOperation({ ...shown, hasKey: true })).toBe("REST.PATCH.OBJECT");
    expect(requestOperation({ ...shown, hasKey: false })).toBe("REST.PATCH.BUCKET");
  });
});

describe("logObjectKey", () => {
  const TIME = new Date("2032-02-03T04:05:06.789Z");
  it.each([
    [undefined, "p2032-02-03-04-05-06-X"],
    [{ kind: "simple" }, "p2032-02-03-04-05-06-X"],
    [{ kind: "partitioned" }, "p000000000001/eu-west-1/b/2032/02/03/2032-02-03-04-05-06-X"],
    [{ kind: "partitioned", dateSource: "DeliveryTime" }, "p000000000001/eu-west-1/b/2032/02/03/2032-02-03-04-05-06-X"],
    [{ kind: "partitioned", dateSource: "EventTime" }, "p000000000001/eu-west-1/b/2032/02/03/2032-02-03-00-00-00-X"],
  ] as const)("%j: %s", (keyFormat, expected) => {
    const logging = { ...BUCKET.logging, ...(keyFormat && { keyFormat }) };
    expect(logObjectKey({ ...BUCKET, logging }, TIME, "X")).toBe(expected);
  });
});
