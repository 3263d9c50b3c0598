/** Signatures in headers: every refusal with its code, status, message and details, and the accepted readings. */
import { describe, expect, test } from "vitest";
import { authenticate, claimedAccessKeyId } from "../../../src/auth/authenticate.ts";
import {
  ACCESS_KEY_ID,
  ACCOUNT,
  EMPTY_SHA256,
  failureOf,
  HOST,
  keyring,
  received,
  SECRET,
  type Sent,
  type Signed,
  signedRequest,
} from "./support.ts";

const ANY = { regions: "any", service: "s3" } as const;
const SIGNED_HEADERS = "host;x-amz-content-sha256;x-amz-date";

async function refusal(sent: Sent, signed: Partial<Signed> = {}, options: Parameters<typeof authenticate>[2] = ANY) {
  const request = await signedRequest(sent, signed);
  return failureOf(() => authenticate(request, keyring(), options));
}

async function accepted(sent: Sent, signed: Partial<Signed> = {}) {
  return authenticate(await signedRequest(sent, signed), keyring(), ANY);
}

/** A request with only this Authorization header. */
function withAuthorization(authorization: string, sent: Sent = {}) {
  const headers = { "x-amz-date": "20130524T000000Z", "x-amz-content-sha256": EMPTY_SHA256, ...sent.headers };
  return received({ ...sent, headers: { authorization, ...headers } });
}

async function refusalOf(authorization: string, sent?: Sent) {
  return failureOf(() => authenticate(withAuthorization(authorization, sent), keyring(), ANY));
}

const credential = (scope: string) => `Credential=${ACCESS_KEY_ID}/${scope}`;
const GOOD_SCOPE = "20130524/us-east-1/s3/aws4_request";
const SIGNATURE = `Signature=${"0".repeat(64)}`;

describe("the caller", () => {
  test("of a valid signature is the key's account", async () => {
    const authentication = await accepted({});
    expect(authentication.caller).toEqual({ kind: "account", account: ACCOUNT, accessKeyId: ACCESS_KEY_ID });
    expect(authentication.style).toBe("header");
    expect(authentication.payload).toEqual({ kind: "literal", sha256: EMPTY_SHA256 });
  });

  test("of an unsigned request is anonymous, also with an empty Authorization header", async () => {
    const never = () => Promise.reject(new Error("no key is asked for"));
    for (const headers of [{}, { authorization: "" }]) {
      const authentication = await authenticate(received({ headers }), never, ANY);
      expect(authentication.caller).toEqual({ kind: "anonymous" });
      expect(authentication.style).toBe("anonymous");
      expect(authentication.payload).toEqual({ kind: "unsigned" });
    }
  });

  test("anonymous requests may declare a hash or send unsigned chunks, but not signed chunks", async () => {
    const as = (value: string) =>
      authenticate(received({ headers: { "x-amz-content-sha256": value } }), keyring(), ANY);
    expect((await as(EMPTY_SHA256)).payload).toEqual({ kind: "literal", sha256: EMPTY_SHA256 });
    expect((await as("STREAMING-UNSIGNED-PAYLOAD-TRAILER")).payload).toEqual({ kind: "unsigned-chunks" });
    expect(await failureOf(() => as("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"))).toMatchObject({
      code: "InvalidRequest",
      message:
        "Anonymous requests don't support this x-amz-content-sha256 value. Please use UNSIGNED-PAYLOAD or STREAMING-UNSIGNED-PAYLOAD-TRAILER.",
    });
    expect(await failureOf(() => as("nonsense"))).toMatchObject({ code: "InvalidArgument" });
  });

  test("the key is looked up once and only for a well-formed claim", async () => {
    let lookups = 0;
    const counting = async (id: string) => {
      lookups++;
      return keyring()(id, undefined);
    };
    await authenticate(await signedRequest({}), counting, ANY);
    expect(lookups).toBe(1);
    await failureOf(() => authenticate(withAuthorization("AWS4-HMAC-SHA256 nonsense"), counting, ANY));
    expect(lookups).toBe(1);
  });

  test("a cached signing key does not hide a rotated secret", async () => {
    const request = await signedRequest({});
    await authenticate(request, keyring(), ANY);
    const rotated = keyring({ secretAccessKey: "another" });
    expect(await failureOf(() => authenticate(request, rotated, ANY))).toMatchObject({ code: "SignatureDoesNotMatch" });
  });
});

describe("Authorization header", () => {
  test.each([
    ["spaces after commas", `${credential(GOOD_SCOPE)}, SignedHeaders=${SIGNED_HEADERS}, `],
    ["none", `${credential(GOOD_SCOPE)},SignedHeaders=${SIGNED_HEADERS},`],
    ["many", `  ${credential(GOOD_SCOPE)} ,   SignedHeaders=${SIGNED_HEADERS} ,  `],
  ])("accepts %s", async (_name, start) => {
    const signature = /Signature=\w+$/.exec((await signedRequest({})).headers.get("authorization") ?? "")?.[0];
    const request = withAuthorization(`AWS4-HMAC-SHA256 ${start}${signature}`);
    expect((await authenticate(request, keyring(), ANY)).caller.kind).toBe("account");
  });

  test.each([
    [
      "AWS AKIA:c2ln",
      "InvalidRequest",
      "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
    ],
    ["AWS HAHAHA", "InvalidArgument", "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature"],
    ["Bearer token", "InvalidArgument", "Unsupported Authorization Type"],
    ["aws4-hmac-sha256 x", "InvalidArgument", "Unsupported Authorization Type"],
    [
      "AWS4-HMAC-SHA256 ",
      "InvalidArgument",
      "Authorization header is invalid -- one and only one ' ' (space) required.",
    ],
    ["HAHAHA", "InvalidArgument", "Authorization header is invalid -- one and only one ' ' (space) required."],
  ])("%s is %s", async (authorization, code, message) => {
    expect(await refusalOf(authorization)).toMatchObject({ code, status: 400, message });
  });

  test("Signature Version 4A is 501", async () => {
    expect(await refusalOf("AWS4-ECDSA-P256-SHA256 Credential=x")).toMatchObject({
      code: "NotImplemented",
      status: 501,
    });
  });

  test.each([
    [
      "two components",
      `${credential(GOOD_SCOPE)}, SignedHeaders=host`,
      "the authorization header requires three components: Credential, SignedHeaders, and Signature.",
    ],
    ["no signature", `${credential(GOOD_SCOPE)}, SignedHeaders=host, Sig=1`, "missing Signature."],
    ["no credential", `SignedHeaders=host, ${SIGNATURE}, X=1`, "missing Credential."],
    ["no signed headers", `${credential(GOOD_SCOPE)}, ${SIGNATURE}, X=1`, "missing SignedHeaders."],
    [
      "a repeated component",
      `${credential(GOOD_SCOPE)}, ${credential(GOOD_SCOPE)}, ${SIGNATURE}`,
      `the authorization component "${credential(GOOD_SCOPE)}" is malformed.`,
    ],
    [
      "a short credential",
      `${credential("20130524/us-east-1/s3")}, SignedHeaders=host, ${SIGNATURE}`,
      'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
    ],
    [
      "a bad date",
      `${credential("2013-05-24/us-east-1/s3/aws4_request")}, SignedHeaders=host, ${SIGNATURE}`,
      'incorrect date format "2013-05-24". This date in the credential must be in the format "yyyyMMdd".',
    ],
    [
      "another service",
      `${credential("20130524/us-east-1/ec2/aws4_request")}, SignedHeaders=host, ${SIGNATURE}`,
      'incorrect service "ec2". This endpoint belongs to "s3".',
    ],
    [
      "another terminal",
      `${credential("20130524/us-east-1/s3/aws4_reques")}, SignedHeaders=host, ${SIGNATURE}`,
      'incorrect terminal "aws4_reques". This endpoint uses "aws4_request".',
    ],
    [
      "another day",
      `${credential("20130523/us-east-1/s3/aws4_request")}, SignedHeaders=host, ${SIGNATURE}`,
      'Invalid credential date "20130523". This date is not the same as X-Amz-Date: "20130524".',
    ],
    [
      "a repeated signed header",
      `${credential(GOOD_SCOPE)}, SignedHeaders=host;host, ${SIGNATURE}`,
      'the authorization component "SignedHeaders" is malformed.',
    ],
    [
      "an upper-case signed header",
      `${credential(GOOD_SCOPE)}, SignedHeaders=Host, ${SIGNATURE}`,
      'the authorization component "SignedHeaders" is malformed.',
    ],
    [
      "an empty signed header",
      `${credential(GOOD_SCOPE)}, SignedHeaders=host;, ${SIGNATURE}`,
      'the authorization component "SignedHeaders" is malformed.',
    ],
  ])("with %s is AuthorizationHeaderMalformed", async (_name, rest, reason) => {
    expect(await refusalOf(`AWS4-HMAC-SHA256 ${rest}`)).toEqual({
      code: "AuthorizationHeaderMalformed",
      status: 400,
      message: `The authorization header is malformed; ${reason}`,
      details: {},
    });
  });

  test("two Authorization headers, which the platform joins, are refused", async () => {
    const authorization = (await signedRequest({})).headers.get("authorization");
    expect(await refusalOf(`${authorization}, ${authorization}`)).toMatchObject({
      code: "AuthorizationHeaderMalformed",
    });
  });

  test("the configured region is enforced", async () => {
    const options = { regions: "eu-west-1", service: "s3" } as const;
    expect(await refusal({}, {}, options)).toEqual({
      code: "AuthorizationHeaderMalformed",
      status: 400,
      message: "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'",
      details: { Region: "eu-west-1" },
    });
    const request = await signedRequest({}, { region: "eu-west-1" });
    expect((await authenticate(request, keyring(), options)).caller.kind).toBe("account");
    expect((await accepted({}, { region: "mars-1" })).caller.kind).toBe("account");
  });

  test("an empty region is accepted like any other, and differs from all others", async () => {
    expect((await accepted({}, { region: "" })).caller.kind).toBe("account");
    expect(await refusal({}, { region: "" }, { regions: "eu-west-1", service: "s3" })).toEqual({
      code: "AuthorizationHeaderMalformed",
      status: 400,
      message: "The authorization header is malformed; the region '' is wrong; expecting 'eu-west-1'",
      details: { Region: "eu-west-1" },
    });
  });

  test("additional services are accepted only if they are configured", async () => {
    const request = await signedRequest({}, { service: "iam" });
    const options = { ...ANY, additionalServices: ["iam"] };
    expect((await authenticate(request, keyring(), options)).caller.kind).toBe("account");
    expect(await failureOf(() => authenticate(request, keyring(), ANY))).toMatchObject({
      message: 'The authorization header is malformed; incorrect service "iam". This endpoint belongs to "s3".',
    });
  });
});

describe("time", () => {
  test.each([
    ["2013-05-24T00:15:00Z", true],
    ["2013-05-23T23:45:00Z", true],
    ["2013-05-24T00:15:01Z", false],
    ["2013-05-23T23:44:59Z", false],
  ])("a request signed at midnight and received at %s is accepted: %s", async (now, valid) => {
    const sent = { now: new Date(now) };
    if (valid) expect((await accepted(sent)).caller.kind).toBe("account");
    else {
      expect(await refusal(sent)).toEqual({
        code: "RequestTimeTooSkewed",
        status: 403,
        message: "The difference between the request time and the current time is too large.",
        details: { RequestTime: "20130524T000000Z", ServerTime: now, MaxAllowedSkewMilliseconds: "900000" },
      });
    }
  });

  test.each(["Fri, 24 May 2013 00:00:00 GMT", "20130524T000000Z"])(
    "Date: %s replaces a missing x-amz-date",
    async (date) => {
      const headers = [
        ["date", date],
        ["host", HOST],
        ["x-amz-content-sha256", EMPTY_SHA256],
      ] as const;
      const request = await signedRequest({ headers: { date } }, { headers });
      request.headers.delete("x-amz-date");
      expect((await authenticate(request, keyring(), ANY)).caller.kind).toBe("account");
    },
  );

  test.each([
    ["neither date", {}],
    ["an empty x-amz-date", { "x-amz-date": "" }],
    ["a day that does not exist", { "x-amz-date": "20130230T000000Z" }],
    ["an HTTP date in x-amz-date", { "x-amz-date": "Fri, 24 May 2013 00:00:00 GMT" }],
    ["a bad x-amz-date beside a good Date", { "x-amz-date": "x", date: "Fri, 24 May 2013 00:00:00 GMT" }],
    ["prose in Date", { date: "yesterday" }],
  ])("%s is AccessDenied", async (_name, headers) => {
    const authorization = `AWS4-HMAC-SHA256 ${credential(GOOD_SCOPE)}, SignedHeaders=host, ${SIGNATURE}`;
    const request = received({ headers: { authorization, ...headers } });
    expect(await failureOf(() => authenticate(request, keyring(), ANY))).toEqual({
      code: "AccessDenied",
      status: 403,
      message: "AWS authentication requires a valid Date or x-amz-date header",
      details: {},
    });
  });
});

describe("required headers and signed headers", () => {
  test("x-amz-content-sha256 is required", async () => {
    const request = await signedRequest({});
    request.headers.delete("x-amz-content-sha256");
    expect(await failureOf(() => authenticate(request, keyring(), ANY))).toEqual({
      code: "InvalidRequest",
      status: 400,
      message: "Missing required header for this request: x-amz-content-sha256",
      details: {},
    });
  });

  test.each(["", "e3b0", "unsigned-payload", `${EMPTY_SHA256}0`])(
    "x-amz-content-sha256 may not be '%s'",
    async (value) => {
      expect(await refusal({}, { payloadHash: value })).toEqual({
        code: "InvalidArgument",
        status: 400,
        message:
          "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
        details: { ArgumentName: "x-amz-content-sha256", ArgumentValue: value },
      });
    },
  );

  test("the chunk modes of Version 4A are 501", async () => {
    const payloadHash = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD";
    expect(await refusal({}, { payloadHash })).toMatchObject({ code: "NotImplemented", status: 501 });
  });

  test("an x-amz-* header added after signing is refused", async () => {
    const request = await signedRequest({});
    request.headers.set("x-amz-acl", "public-read");
    request.headers.set("x-amz-meta-a", "b");
    expect(await failureOf(() => authenticate(request, keyring(), ANY))).toEqual({
      code: "AccessDenied",
      status: 403,
      message: "There were headers present in the request which were not signed",
      details: { HeadersNotSigned: "x-amz-acl, x-amz-meta-a" },
    });
  });

  test("host must be signed", async () => {
    const headers = [
      ["x-amz-content-sha256", EMPTY_SHA256],
      ["x-amz-date", "20130524T000000Z"],
    ] as const;
    expect(await refusal({}, { headers })).toMatchObject({
      code: "AccessDenied",
      details: { HeadersNotSigned: "host" },
    });
  });

  test("other headers may be added on the way", async () => {
    const request = await signedRequest({});
    request.headers.set("x-forwarded-for", "192.0.2.1");
    request.headers.set("x-amzn-trace-id", "Root=1");
    expect((await authenticate(request, keyring(), ANY)).caller.kind).toBe("account");
  });

  test("a session token with a long-term key is InvalidToken", async () => {
    expect(await refusal({ headers: { "x-amz-security-token": "token" } })).toEqual({
      code: "InvalidToken",
      status: 400,
      message: "The provided token is malformed or otherwise invalid.",
      details: { "Token-0": "token" },
    });
  });

  test.each([
    "X-Amz-Algorithm=AWS4-HMAC-SHA256",
    "X-Amz-Credential=a",
    "x-amz-signature=0",
    "AWSAccessKeyId=a",
    "Signature=a&Expires=1",
  ])("header and query (%s) at once are refused", async (query) => {
    const request = await signedRequest({ url: `https://${HOST}/test.txt?${query}` });
    expect(await failureOf(() => authenticate(request, keyring(), ANY))).toMatchObject({
      code: "InvalidArgument",
      message:
        "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified",
      details: { ArgumentName: "Authorization" },
    });
  });
});

describe("the key and the signature", () => {
  const unknown = {
    code: "InvalidAccessKeyId",
    status: 403,
    message: "The AWS Access Key Id you provided does not exist in our records.",
    details: { AWSAccessKeyId: ACCESS_KEY_ID },
  };

  test("an unknown, an inactive and another key are all InvalidAccessKeyId", async () => {
    const request = await signedRequest({});
    const found = keyring({ accessKeyId: ACCESS_KEY_ID.toLowerCase() });
    const laxStore = () => found(ACCESS_KEY_ID.toLowerCase(), undefined);
    for (const find of [async () => undefined, keyring({ active: false }), laxStore]) {
      expect(await failureOf(() => authenticate(request, find, ANY))).toEqual(unknown);
    }
  });

  test("SignatureDoesNotMatch shows the canonical request and the string to sign", async () => {
    const request = await signedRequest({}, { secret: `${SECRET}x` });
    const failure = await failureOf(() => authenticate(request, keyring(), ANY));
    const canonicalRequest = `GET\n/test.txt\n\nhost:${HOST}\nx-amz-content-sha256:${EMPTY_SHA256}\nx-amz-date:20130524T000000Z\n\n${SIGNED_HEADERS}\n${EMPTY_SHA256}`;
    expect(failure).toMatchObject({
      code: "SignatureDoesNotMatch",
      status: 403,
      message:
        "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
      details: {
        AWSAccessKeyId: ACCESS_KEY_ID,
        SignatureProvided: /Signature=(\w+)/.exec(request.headers.get("authorization") ?? "")?.[1],
        CanonicalRequest: canonicalRequest,
      },
    });
    expect(failure.details.StringToSign).toMatch(
      /^AWS4-HMAC-SHA256\n20130524T000000Z\n20130524\/us-east-1\/s3\/aws4_request\n[0-9a-f]{64}$/,
    );
    expect(failure.details.StringToSignBytes).toMatch(/^41 57 53 34 2d /);
    expect(failure.details.CanonicalRequestBytes).toMatch(/^47 45 54 0a 2f /);
    expect(JSON.stringify(failure)).not.toContain(SECRET);
  });

  test.each([
    ["method", { method: "DELETE" }, {}],
    ["path", {}, { path: "/other.txt" }],
    ["query", {}, { query: "acl=" }],
    [
      "host",
      {},
      {
        headers: [
          ["host", "other"],
          ["x-amz-content-sha256", EMPTY_SHA256],
          ["x-amz-date", "20130524T000000Z"],
        ],
      },
    ],
    ["service's key", {}, { service: "s3", secret: "x" }],
  ] satisfies [string, Sent, Partial<Signed>][])("another %s does not verify", async (_name, sent, signed) => {
    expect(
      await refusal(
        sent,
        "path" in signed || "query" in signed || "headers" in signed || "secret" in signed ? signed : { method: "GET" },
      ),
    ).toMatchObject({
      code: "SignatureDoesNotMatch",
    });
  });

  test.each(["", "0", "F".repeat(64), "g".repeat(64), "é".repeat(32)])(
    "a signature like '%s' matches nothing",
    async (signature) => {
      const request = await signedRequest({});
      const authorization = request.headers.get("authorization")?.replace(/Signature=\w+/, `Signature=${signature}`);
      request.headers.set("authorization", authorization ?? "");
      const { code } = await failureOf(() => authenticate(request, keyring(), ANY));
      expect(code).toBe(signature === "" ? "AuthorizationHeaderMalformed" : "SignatureDoesNotMatch");
    },
  );

  test("an upper-case signature does not match", async () => {
    const request = await signedRequest({});
    const authorization = request.headers.get("authorization") ?? "";
    request.headers.set(
      "authorization",
      authorization.replace(/[0-9a-f]{64}$/, (text) => text.toUpperCase()),
    );
    expect(await failureOf(() => authenticate(request, keyring(), ANY))).toMatchObject({
      code: "SignatureDoesNotMatch",
    });
  });
});

describe("claimedAccessKeyId", () => {
  test("returns the key of header and query, and undefined for other requests", async () => {
    expect(claimedAccessKeyId(await signedRequest({}))).toBe(ACCESS_KEY_ID);
    expect(claimedAccessKeyId(received({ url: `https://${HOST}/?X-Amz-Credential=AKIA%2F2013` }))).toBe("AKIA");
    expect(claimedAccessKeyId(received({ headers: { authorization: "AWS a:b" } }))).toBe("a");
    expect(claimedAccessKeyId(received({ url: `https://${HOST}/?AWSAccessKeyId=a` }))).toBe("a");
    expect(claimedAccessKeyId(received({}))).toBeUndefined();
    for (const authorization of ["", "AWS a", "AWS4-HMAC-SHA256 Credential=", "AWS4-HMAC-SHA256 Credential=/x"]) {
      expect(claimedAccessKeyId(received({ headers: { authorization } })), authorization).toBeUndefined();
    }
  });
});
