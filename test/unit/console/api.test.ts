import { describe, expect, it } from "vitest";
import { sha256 } from "../../../console/src/api/digest.ts";
import { ApiError, describeError, endsSession, isTemporary, NetworkError } from "../../../console/src/api/errors.ts";
import { formatForm } from "../../../console/src/api/query.ts";
import { formatLocation } from "../../../console/src/api/s3/buckets.ts";
import { formatDeletion } from "../../../console/src/api/s3/deletion.ts";
import { bucketPath, formatQuery, isReachable, objectPath } from "../../../console/src/api/urls.ts";
import { element, escapeXml } from "../../../console/src/api/xml.ts";
import { offsetOf, parseConfig } from "../../../console/src/config.ts";

describe("URLs", () => {
  it.each([
    ["a.txt", "/b/a.txt"],
    ["a b+c/ü.txt", "/b/a%20b%2Bc/%C3%BC.txt"],
    ["!'()*", "/b/%21%27%28%29%2A"],
    ["/leading//double/", "/b//leading//double/"],
    ["%2e%2e/x", "/b/%252e%252e/x"],
    ["a?b#c", "/b/a%3Fb%23c"],
  ])("the key %s has the path %s, which a browser leaves as it is", (key, path) => {
    expect(objectPath("b", key)).toBe(path);
    expect(new URL(`http://127.0.0.1${path}`).pathname).toBe(path);
  });

  it.each(["..", "a/../b", "./a", "a/."])("the key %s is refused: a browser would request another one", (key) => {
    expect(isReachable(key)).toBe(false);
    expect(() => objectPath("b", key)).toThrow("Browsers cannot request this key");
    expect(new URL(`http://127.0.0.1/b/${key.replaceAll(".", "%2e")}`).pathname).not.toBe(`/b/${key}`);
  });

  it("the empty key is refused: it would be the bucket", () => {
    expect(() => objectPath("b", "")).toThrow("at least one character");
    expect(bucketPath("b")).toBe("/b");
  });

  it("a query is encoded, without its undefined parts", () => {
    expect(formatQuery({ versions: "", prefix: "a b/+", "max-keys": 5, delimiter: undefined })).toBe(
      "?versions=&prefix=a%20b%2F%2B&max-keys=5",
    );
    expect(formatQuery({ a: undefined })).toBe("");
  });
});

describe("SHA-256", () => {
  const hex = async (body: string | Blob) =>
    Array.from(await sha256(body), (byte) => byte.toString(16).padStart(2, "0")).join("");

  it.each([0, 1, 70_000, 3_000_000, 70_001])(
    "of a file of %i bytes is that of its bytes, in a buffer that others used",
    async (size) => {
      const bytes = new Uint8Array(size).map((_none, index) => (index * 7 + size) % 251);
      const expected = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      expect(await sha256(new Blob([bytes]))).toEqual(expected);
      expect(await Promise.all([bytes, bytes, bytes].map((each) => sha256(new Blob([each]))))).toEqual([
        expected,
        expected,
        expected,
      ]);
    },
  );

  it("of a slice and of a text", async () => {
    expect(await hex(new Blob(["xabcx"]).slice(1, 4))).toBe(await hex("abc"));
    expect(await hex("")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  });
});

describe("documents", () => {
  it("text is escaped", () => {
    expect(escapeXml(`<&>"\r\n`)).toBe("&lt;&amp;&gt;&quot;&#13;\n");
    expect(element("Key", "a<b").xml).toBe("<Key>a&lt;b</Key>");
  });

  it("DeleteObjects names keys and versions", () => {
    expect(formatDeletion([{ key: "a&b" }, { key: "c", versionId: "v1" }])).toBe(
      '<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Object><Key>a&amp;b</Key></Object>' +
        "<Object><Key>c</Key><VersionId>v1</VersionId></Object><Quiet>true</Quiet></Delete>",
    );
  });

  it("a bucket of us-east-1 has no location, as on AWS", () => {
    expect(formatLocation("us-east-1")).toBeUndefined();
    expect(formatLocation("")).toBeUndefined();
    expect(formatLocation("eu-west-1")).toContain("<LocationConstraint>eu-west-1</LocationConstraint>");
  });

  it("forms of the query APIs are encoded", () => {
    const fields = { "Tags.member.1.Key": "a", "Tags.member.1.Value": "b c&" };
    expect(formatForm({ Action: "TagUser", Missing: undefined, ...fields })).toBe(
      "Action=TagUser&Tags.member.1.Key=a&Tags.member.1.Value=b%20c%26",
    );
  });
});

describe("errors", () => {
  const failure = (status: number, code: string) => new ApiError({ status, code, message: "m", requestId: "ID" });

  it("are shown with code, message and request id", () => {
    expect(describeError(failure(403, "AccessDenied"))).toBe("AccessDenied: m (request ID)");
    expect(describeError(new Error("plain"))).toBe("plain");
  });

  it.each([
    [500, "InternalError", true],
    [503, "SlowDown", true],
    [501, "NotImplemented", false],
    [404, "NoSuchKey", false],
  ])("%i %s is temporary: %s", (status, code, temporary) => {
    expect(isTemporary(failure(status, code))).toBe(temporary);
  });

  it("a request without an answer is sent again", () => {
    expect(isTemporary(new NetworkError(undefined))).toBe(true);
  });

  it("only keys that no longer work end the session", () => {
    expect(endsSession(failure(400, "ExpiredToken"))).toBe(true);
    expect(endsSession(failure(403, "InvalidAccessKeyId"))).toBe(true);
    expect(endsSession(failure(403, "AccessDenied"))).toBe(false);
  });
});

describe("/config.json", () => {
  it("names endpoint and region", () => {
    expect(parseConfig({ s3Endpoint: "https://s3.example.com/", region: "eu-west-1" })).toEqual({
      s3Endpoint: "https://s3.example.com",
      region: "eu-west-1",
    });
  });

  it.each([
    null,
    {},
    { s3Endpoint: "https://a/b", region: "r" },
    { s3Endpoint: "javascript:1", region: "r" },
    { s3Endpoint: "https://a" },
  ])("%j is refused", (document) => {
    expect(() => parseConfig(document)).toThrow("s3Endpoint");
  });

  it("a clock that is wrong is corrected, one that is right is not", () => {
    const now = Date.parse("2026-11-29T12:00:00Z");
    expect(offsetOf("Sun, 29 Nov 2026 13:00:00 GMT", now)).toBe(3_600_000);
    expect(offsetOf("Sun, 29 Nov 2026 12:00:02 GMT", now)).toBe(0);
    expect(offsetOf(null, now)).toBe(0);
  });
});
