/** Presigned URLs: every refusal, the limits of their validity, and headers hoisted into the query. */
import { describe, expect, test } from "vitest";
import { authenticate, effectiveHeaders } from "../../../src/auth/authenticate.ts";
import { ACCESS_KEY_ID, EMPTY_SHA256, failureOf, HOST, keyring, presignedUrl, received, type Sent } from "./support.ts";

const ANY = { regions: "any", service: "s3" } as const;

async function use(url: string, sent: Sent = {}, options: Parameters<typeof authenticate>[2] = ANY) {
  return authenticate(received({ ...sent, url }), keyring(), options);
}

function refused(url: string, sent: Sent = {}, options: Parameters<typeof authenticate>[2] = ANY) {
  return failureOf(() => use(url, sent, options));
}

describe("validity", () => {
  test.each([
    ["1", "2013-05-24T00:00:00.999Z", undefined],
    ["1", "2013-05-24T00:00:01.000Z", "2013-05-24T00:00:01Z"],
    ["604800", "2013-05-30T23:59:59Z", undefined],
    ["604800", "2013-05-31T00:00:00Z", "2013-05-31T00:00:00Z"],
    ["0", "2013-05-24T00:00:00Z", "2013-05-24T00:00:00Z"],
    ["0", "2013-05-23T23:59:00Z", "2013-05-24T00:00:00Z"],
  ])("for %s s, used at %s", async (expires, now, expired) => {
    const url = await presignedUrl({ expires });
    const sent = { now: new Date(now) };
    if (expired === undefined) expect((await use(url, sent)).style).toBe("query");
    else {
      expect(await refused(url, sent)).toEqual({
        code: "AccessDenied",
        status: 403,
        message: "Request has expired",
        details: { "X-Amz-Expires": expires, Expires: expired, ServerTime: now.replace(".000", "") },
      });
    }
  });

  test("begins 15 minutes before its date, for slow clocks", async () => {
    const url = await presignedUrl();
    expect((await use(url, { now: new Date("2013-05-23T23:45:00Z") })).style).toBe("query");
    expect(await refused(url, { now: new Date("2013-05-23T23:44:59Z") })).toMatchObject({
      code: "AccessDenied",
      status: 403,
      message: "Request is not yet valid",
    });
  });
});

describe("AuthorizationQueryParametersError", () => {
  const WEEK =
    "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds";
  const MISSING =
    "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.";
  const credential = (scope: string) => ({ "X-Amz-Credential": `${ACCESS_KEY_ID}/${scope}` });
  const parsing = "Error parsing the X-Amz-Credential parameter;";

  test.each([
    ["604801", WEEK],
    ["-1", "X-Amz-Expires must be non-negative"],
    ["1e3", "X-Amz-Expires should be a number"],
    ["", MISSING],
  ])("X-Amz-Expires=%s", async (expires, message) => {
    expect(await refused(await presignedUrl({ expires }))).toEqual({
      code: "AuthorizationQueryParametersError",
      status: 400,
      message,
      details: {},
    });
  });

  test.each([
    [{ "X-Amz-Algorithm": "AWS4-HMAC-SHA1" }, 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"'],
    [{ "X-Amz-Date": "2013-05-24" }, `X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`],
    [{ "X-Amz-SignedHeaders": "host;host" }, "X-Amz-SignedHeaders is malformed."],
    [
      credential("20130524/us-east-1/s3"),
      `${parsing} the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`,
    ],
    [
      credential("x/us-east-1/s3/aws4_request"),
      `${parsing} incorrect date format "x". This date in the credential must be in the format "yyyyMMdd".`,
    ],
    [
      credential("20130524/us-east-1/ec2/aws4_request"),
      `${parsing} incorrect service "ec2". This endpoint belongs to "s3".`,
    ],
    [
      credential("20130524/us-east-1/s3/aws4"),
      `${parsing} incorrect terminal "aws4". This endpoint uses "aws4_request".`,
    ],
    [
      credential("20130523/us-east-1/s3/aws4_request"),
      'Invalid credential date "20130523". This date is not the same as X-Amz-Date: "20130524".',
    ],
  ])("%j", async (parameters, message) => {
    expect(await refused(await presignedUrl({ parameters }))).toEqual({
      code: "AuthorizationQueryParametersError",
      status: 400,
      message,
      details: {},
    });
  });

  test.each([
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
  ])("without %s", async (name) => {
    const url = (await presignedUrl()).replace(new RegExp(`${name}=[^&]*&?`), "");
    expect(await refused(url)).toMatchObject({ code: "AuthorizationQueryParametersError", message: MISSING });
  });

  test.each([
    "X-Amz-Signature",
    "x-amz-signature",
    "X-Amz-Credential",
    "X-Amz-Expires",
    "X-Amz-Date",
    "X-AMZ-SIGNEDHEADERS",
  ])("%s repeated, in any case", async (name) => {
    expect(await refused(`${await presignedUrl()}&${name}=1`)).toMatchObject({
      code: "AuthorizationQueryParametersError",
      message: `The query parameter ${name} must not be repeated.`,
    });
  });

  test("an empty region is accepted like any other", async () => {
    const url = await presignedUrl({ region: "" });
    expect((await authenticate(received({ url }), keyring(), ANY)).caller.kind).toBe("account");
    expect(await refused(url, {}, { regions: "eu-west-1", service: "s3" })).toMatchObject({
      code: "AuthorizationQueryParametersError",
      message: `${parsing} the region '' is wrong; expecting 'eu-west-1'`,
      details: { Region: "eu-west-1" },
    });
  });

  test("another region than the enforced one", async () => {
    expect(await refused(await presignedUrl(), {}, { regions: "eu-west-1", service: "s3" })).toEqual({
      code: "AuthorizationQueryParametersError",
      status: 400,
      message: `${parsing} the region 'us-east-1' is wrong; expecting 'eu-west-1'`,
      details: { Region: "eu-west-1" },
    });
  });
});

describe("other refusals", () => {
  test("Signature Version 2", async () => {
    const url = `https://${HOST}/test.txt?AWSAccessKeyId=AKIA&Signature=c2ln&Expires=1400000000`;
    expect(await refused(url)).toMatchObject({
      code: "InvalidRequest",
      message: "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
    });
    expect(await refused(`${await presignedUrl()}&AWSAccessKeyId=AKIA`)).toMatchObject({ code: "InvalidArgument" });
  });

  test("Signature Version 4A", async () => {
    const parameters = { "X-Amz-Algorithm": "AWS4-ECDSA-P256-SHA256" };
    expect(await refused(await presignedUrl({ parameters }))).toMatchObject({ code: "NotImplemented", status: 501 });
  });

  test("a session token, in query or header", async () => {
    const token = { code: "InvalidToken", details: { "Token-0": "t" } };
    expect(await refused(await presignedUrl({ parameters: { "X-Amz-Security-Token": "t" } }))).toMatchObject(token);
    const headers = { "x-amz-security-token": "t" };
    expect(await refused(await presignedUrl({ headers }), { headers })).toMatchObject(token);
  });

  test("a parameter added, changed or dropped", async () => {
    const url = await presignedUrl({ parameters: { versionId: "1" } });
    for (const changed of [`${url}&acl`, url.replace("versionId=1", "versionId=2"), url.replace("&versionId=1", "")]) {
      expect(await refused(changed)).toMatchObject({ code: "SignatureDoesNotMatch" });
    }
  });

  test("an unsigned x-amz-* header, and an unsigned host", async () => {
    expect(await refused(await presignedUrl(), { headers: { "x-amz-acl": "public-read" } })).toMatchObject({
      code: "AccessDenied",
      details: { HeadersNotSigned: "x-amz-acl" },
    });
    const parameters = { "X-Amz-SignedHeaders": "range" };
    expect(await refused(await presignedUrl({ parameters }))).toMatchObject({ details: { HeadersNotSigned: "host" } });
  });

  test("wrong method", async () => {
    expect(await refused(await presignedUrl(), { method: "PUT" })).toMatchObject({ code: "SignatureDoesNotMatch" });
  });
});

describe("payload", () => {
  const OTHER = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
  const literal = { kind: "literal", sha256: EMPTY_SHA256 };

  test("is unsigned by default", async () => {
    expect((await use(await presignedUrl())).payload).toEqual({ kind: "unsigned" });
  });

  test("an unsigned x-amz-content-sha256 header is accepted with the URL and enforced", async () => {
    const headers = { "x-amz-content-sha256": EMPTY_SHA256 };
    expect((await use(await presignedUrl(), { headers })).payload).toEqual(literal);
    expect((await use(await presignedUrl({ payloadHash: EMPTY_SHA256 }), { headers })).payload).toEqual(literal);
  });

  test("a signed header is the only reading", async () => {
    const headers = { "x-amz-content-sha256": EMPTY_SHA256 };
    expect((await use(await presignedUrl({ headers, payloadHash: EMPTY_SHA256 }), { headers })).payload).toEqual(
      literal,
    );
    expect(await refused(await presignedUrl({ headers }), { headers })).toMatchObject({
      code: "SignatureDoesNotMatch",
    });
  });

  test("a hash in the URL cannot be weakened by a header", async () => {
    const parameters = { "X-Amz-Content-Sha256": EMPTY_SHA256 };
    for (const payloadHash of [EMPTY_SHA256, "UNSIGNED-PAYLOAD"]) {
      const url = await presignedUrl({ parameters, payloadHash });
      for (const headers of [{}, { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" }, { "x-amz-content-sha256": OTHER }]) {
        expect((await use(url, { headers })).payload).toEqual(literal);
      }
    }
  });

  test("an impossible value is InvalidArgument", async () => {
    expect(await refused(await presignedUrl({ parameters: { "X-Amz-Content-Sha256": "x" } }))).toMatchObject({
      code: "InvalidArgument",
    });
  });
});

describe("effectiveHeaders", () => {
  async function headersOf(parameters: Record<string, string>, headers: Record<string, string> = {}) {
    const request = received({ url: await presignedUrl({ parameters, headers }), headers });
    return effectiveHeaders(request, await authenticate(request, keyring(), ANY));
  }

  test("hoisted headers count as sent, except the signature's own parameters", async () => {
    const headers = await headersOf({
      "x-amz-checksum-crc32": "y/Q5Jg==",
      "x-amz-sdk-checksum-algorithm": "CRC32",
      "X-Amz-Storage-Class": "STANDARD_IA",
      "x-amz-meta-a": "b c",
      "x-id": "PutObject",
      "response-content-type": "text/plain",
    });
    const named = [...headers].filter(([name]) => name.startsWith("x-"));
    expect(named).toEqual([
      ["x-amz-checksum-crc32", "y/Q5Jg=="],
      ["x-amz-meta-a", "b c"],
      ["x-amz-sdk-checksum-algorithm", "CRC32"],
      ["x-amz-storage-class", "STANDARD_IA"],
    ]);
  });

  test("the CRC-32 of nothing, which the JavaScript SDK presigns by default, applies only to an empty body", async () => {
    const sdk = { "x-amz-checksum-crc32": "AAAAAA==", "x-amz-sdk-checksum-algorithm": "CRC32" };
    expect([...(await headersOf(sdk))].filter(([name]) => name.includes("checksum"))).toEqual([]);
    const empty = await headersOf(sdk, { "content-length": "0" });
    expect(empty.get("x-amz-checksum-crc32")).toBe("AAAAAA==");
    const alone = await headersOf({ "x-amz-checksum-crc32": "AAAAAA==" });
    expect(alone.get("x-amz-checksum-crc32")).toBe("AAAAAA==");
  });

  test("a signed header wins over a hoisted one", async () => {
    const headers = await headersOf({ "x-amz-acl": "private" }, { "x-amz-acl": "public-read" });
    expect(headers.get("x-amz-acl")).toBe("public-read");
  });

  test("parameters that could not be headers are InvalidArgument", async () => {
    for (const parameters of [
      { "x-amz-meta-a": "b\r\nc: d" },
      { "x-amz-meta-a\n": "b" },
      { "x-amz-acl": "a", "X-Amz-Acl": "b" },
    ]) {
      expect(await failureOf(() => headersOf(parameters))).toMatchObject({ code: "InvalidArgument" });
    }
  });

  test("requests signed in a header, or not signed, keep their own headers", async () => {
    const request = received({ url: `https://${HOST}/?x-amz-acl=public-read` });
    const headers = effectiveHeaders(request, await authenticate(request, keyring(), ANY));
    expect(headers).toBe(request.headers);
  });
});
