/** Signature Version 2 in headers and URLs: what is signed, what is refused, and unsigned parts that have no effect. */
import { describe, expect, test } from "vitest";
import { authenticate, claimedAccessKeyId, effectiveHeaders } from "../../../../src/auth/authenticate.ts";
import { MAX_READINGS } from "../../../../src/auth/readings.ts";
import { readClaim } from "../../../../src/auth/request-claim.ts";
import { readingsV2 } from "../../../../src/auth/sigv2/signature.ts";
import {
  ACCESS_KEY_ID,
  ACCOUNT,
  EMPTY_SHA256,
  failureOf,
  keyring,
  presignedUrl,
  SECRET,
  type Sent,
} from "../support.ts";
import { byHeader, byQuery, DATE, NOW_V2, ON, request, SOON, signatureV2, verify } from "./support.ts";

const ORIGIN = "https://s3.amazonaws.com";
const URL = `${ORIGIN}/b/k`;
const MISMATCH = { code: "SignatureDoesNotMatch", status: 403 };

const headerLines = (resource: string, more: readonly string[] = [], method = "GET") => [
  method,
  "",
  "",
  DATE,
  ...more,
  resource,
];
const queryLines = (resource: string, more: readonly string[] = [], method = "GET") => [
  method,
  "",
  "",
  SOON,
  ...more,
  resource,
];
const get = (url: string, resource: string) => byHeader({ url, headers: { date: DATE }, lines: headerLines(resource) });
const presigned = (url: string, resource: string, sent: Sent = {}) =>
  byQuery({ ...sent, url, lines: queryLines(resource) });

describe("the caller", () => {
  test("of a valid signature is the key's account, and the payload is unsigned", async () => {
    for (const signed of [get(URL, "/b/k"), presigned(URL, "/b/k")]) {
      const { caller, payload, signatureVersion } = await verify(signed);
      expect(caller).toEqual({ kind: "account", account: ACCOUNT, accessKeyId: ACCESS_KEY_ID });
      expect(payload).toEqual({ kind: "unsigned" });
      expect(signatureVersion).toBe("AWS");
      expect(claimedAccessKeyId(signed)).toBe(ACCESS_KEY_ID);
    }
  });

  test("a hash of the payload is enforced, chunks are refused", async () => {
    const withHash = (value: string) =>
      byHeader({
        url: URL,
        headers: { date: DATE, "x-amz-content-sha256": value },
        lines: headerLines("/b/k", [`x-amz-content-sha256:${value}`]),
      });
    expect((await verify(withHash(EMPTY_SHA256))).payload).toEqual({ kind: "literal", sha256: EMPTY_SHA256 });
    expect((await verify(withHash("UNSIGNED-PAYLOAD"))).payload).toEqual({ kind: "unsigned" });
    for (const value of [
      "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
      "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
      "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    ]) {
      expect(await failureOf(() => verify(withHash(value)))).toMatchObject({ code: "InvalidRequest", status: 400 });
    }
  });

  test("temporary keys require their signed token, in a header or in the URL", async () => {
    const session = {
      token: "to+ken/=",
      issuedAt: NOW_V2,
      expiresAt: new Date(NOW_V2.getTime() + 1000),
      makerAccessKeyId: "AKIAMAKER",
    };
    const keys = keyring({ session });
    const token = "x-amz-security-token:to+ken/=";
    const inHeader = { headers: { date: DATE, "x-amz-security-token": session.token } };
    expect(
      (await verify(byHeader({ url: URL, ...inHeader, lines: headerLines("/b/k", [token]) }), keys)).caller,
    ).toMatchObject({
      session: { makerAccessKeyId: "AKIAMAKER" },
    });
    const url = `${URL}?x-amz-security-token=to%2Bken%2F%3D`;
    expect((await verify(byQuery({ url, lines: queryLines("/b/k", [token]) }), keys)).caller.kind).toBe("account");
    const unsigned = byQuery({ url, lines: queryLines("/b/k") });
    expect(await failureOf(() => verify(unsigned, keys))).toMatchObject(MISMATCH);
    expect(await failureOf(() => verify(get(URL, "/b/k"), keys))).toMatchObject({ code: "InvalidAccessKeyId" });
    const late = { ...byQuery({ url, lines: queryLines("/b/k", [token]) }), now: new Date(NOW_V2.getTime() + 2000) };
    expect(await failureOf(() => verify(late, keys))).toMatchObject({ code: "ExpiredToken" });
  });

  test("unknown, inactive and wrong keys", async () => {
    expect(await failureOf(() => verify(get(URL, "/b/k"), keyring({ accessKeyId: "OTHER" })))).toMatchObject({
      code: "InvalidAccessKeyId",
      details: { AWSAccessKeyId: ACCESS_KEY_ID },
    });
    expect(await failureOf(() => verify(get(URL, "/b/k"), keyring({ active: false })))).toMatchObject({
      code: "InvalidAccessKeyId",
    });
    const wrong = keyring({ secretAccessKey: "another" });
    const text = headerLines("/b/k").join("\n");
    expect(await failureOf(() => verify(get(URL, "/b/k"), wrong))).toEqual({
      ...MISMATCH,
      message:
        "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
      details: {
        AWSAccessKeyId: ACCESS_KEY_ID,
        StringToSign: text,
        SignatureProvided: signatureV2(text),
        StringToSignBytes: Buffer.from(text)
          .toString("hex")
          .replace(/..(?!$)/g, "$& "),
      },
    });
  });

  test("is refused if Version 2 is off or the surface is not S3", async () => {
    for (const signed of [get(URL, "/b/k"), presigned(URL, "/b/k")]) {
      for (const options of [
        { regions: "any", service: "s3" },
        { regions: "any", service: "s3", signatureV2: false },
        { regions: "any", service: "iam" },
      ] as const) {
        expect(await failureOf(() => authenticate(signed, keyring(), options))).toEqual({
          code: "InvalidRequest",
          status: 400,
          message: "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
          details: {},
        });
      }
    }
  });
});

describe("the resource", () => {
  test.each([
    ["path style", `${ORIGIN}/b/k`, "/b/k"],
    ["a bucket in the path", `${ORIGIN}/b`, "/b"],
    ["a bucket in the path, as botocore signs it", `${ORIGIN}/b`, "/b/"],
    ["the same with a subresource", `${ORIGIN}/b?acl`, "/b/?acl"],
    ["a bucket the platform encoded", `${ORIGIN}/%62`, "/b/"],
    ["a bucket and a slash", `${ORIGIN}/b/`, "/b/"],
    ["the service", `${ORIGIN}/`, "/"],
    ["virtual-host style", "https://b.s3.amazonaws.com/k", "/b/k"],
    ["a bucket in the host", "https://b.s3.amazonaws.com/", "/b/"],
    ["a bucket in the host, in capitals", "https://B.S3.amazonaws.com/k", "/b/k"],
    ["a port", "http://b.s3.amazonaws.com:8080/k", "/b/k"],
    ["escapes as sent", `${ORIGIN}/b/%c3%bc%2Fa+b!`, "/b/%c3%bc%2Fa+b!"],
    ["escapes the platform changed", `${ORIGIN}/b/%C3%BC~`, "/b/%C3%BC~"],
    ["escapes signed anew", `${ORIGIN}/b/%c3%bc%7e`, "/b/%C3%BC~"],
    ["double slashes", `${ORIGIN}/b//k//`, "/b//k//"],
    ["subresources in order", `${ORIGIN}/b/k?uploadId=u&partNumber=1&x=y`, "/b/k?partNumber=1&uploadId=u"],
    ["one without a value", `${ORIGIN}/b?acl`, "/b?acl"],
    ["one with an equals sign", `${ORIGIN}/b?acl=`, "/b?acl="],
    ["an equals sign that was not signed", `${ORIGIN}/b?acl=`, "/b?acl"],
    ["an equals sign that was lost", `${ORIGIN}/b?acl`, "/b?acl="],
    ["an encoded name", `${ORIGIN}/b?%61cl`, "/b?acl"],
    [
      "decoded overrides",
      `${ORIGIN}/b/k?response-content-type=text%2Fplain&response-content-disposition=a%3B%20b`,
      "/b/k?response-content-disposition=a; b&response-content-type=text/plain",
    ],
    ["a version", `${ORIGIN}/b/k?versionId=null&response-expires=x`, "/b/k?response-expires=x&versionId=null"],
    ["parameters of lists left out", `${ORIGIN}/b?prefix=p&max-keys=1&delimiter=%2F&list-type=2`, "/b"],
    ["parameters of no meaning left out", `${ORIGIN}/b/k?x-id=GetObject&cache=1`, "/b/k"],
  ])("%s", async (_name, url, resource) => {
    expect((await verify(get(url, resource))).caller.kind).toBe("account");
    const isLeftAlone = !url.includes("x-id");
    if (isLeftAlone) expect((await verify(presigned(url, resource))).caller.kind).toBe("account");
  });

  test.each([
    ["another key", `${ORIGIN}/b/other`, "/b/k"],
    ["another bucket", `${ORIGIN}/other/k`, "/b/k"],
    ["a slash at the end of a key", `${ORIGIN}/b/k`, "/b/k/"],
    ["a key for its bucket", `${ORIGIN}/b/k`, "/b/"],
    ["a bucket for its key", `${ORIGIN}/b`, "/b/k"],
    ["a bucket in the host that was not signed", "https://b.s3.amazonaws.com/k", "/k"],
    ["a subresource that was not signed", `${ORIGIN}/b/k?acl`, "/b/k"],
    ["a subresource that was not signed, encoded", `${ORIGIN}/b/k?%61%63l`, "/b/k"],
    ["a subresource that was not sent", `${ORIGIN}/b/k`, "/b/k?acl"],
    ["a part that was not signed", `${ORIGIN}/b/k?partNumber=1`, "/b/k"],
    ["another upload", `${ORIGIN}/b/k?uploadId=2`, "/b/k?uploadId=1"],
    ["an override that was not signed", `${ORIGIN}/b/k?response-content-type=text/html`, "/b/k"],
    ["a version that was not signed", `${ORIGIN}/b/k?versionId=1`, "/b/k"],
    ["a value twice encoded", `${ORIGIN}/b/k?uploadId=a%2525b`, "/b/k?uploadId=a%b"],
    ["a value signed as it was sent", `${ORIGIN}/b/k?uploadId=a%25b`, "/b/k?uploadId=a%25b"],
  ])("%s is SignatureDoesNotMatch", async (_name, url, resource) => {
    expect(await failureOf(() => verify(get(url, resource)))).toMatchObject(MISMATCH);
    expect(await failureOf(() => verify(presigned(url, resource)))).toMatchObject(MISMATCH);
  });

  test.each(["HEAD", "PUT", "DELETE", "POST"])("a GET's signature is not valid for %s", async (method) => {
    const headers = { date: DATE };
    expect(
      await failureOf(() => verify(byHeader({ method, url: URL, headers, lines: headerLines("/b/k") }))),
    ).toMatchObject(MISMATCH);
    expect(await failureOf(() => verify(presigned(URL, "/b/k", { method })))).toMatchObject(MISMATCH);
  });

  test("a plus sign has the signer's meaning", async () => {
    const url = `${URL}?response-content-disposition=a+b`;
    const meant = async (text: string) =>
      (await verify(get(url, `/b/k?response-content-disposition=${text}`))).query.get("response-content-disposition");
    expect(await meant("a b")).toBe("a b");
    expect(await meant("a+b")).toBe("a+b");
  });
});

describe("parameters that are not signed", () => {
  test("have no effect, except those of listings", async () => {
    const url = `${ORIGIN}/b?prefix=p&marker=m&x-oss-callback-a=b&x-id=c&id=d&foo=bar&list-type=2`;
    const { query } = await verify(presigned(url, "/b"));
    expect(query.entries).toEqual([
      ["prefix", "p"],
      ["marker", "m"],
      ["list-type", "2"],
    ]);
  });

  test.each([
    "encryption",
    "legal-hold",
    "retention",
    "publicAccessBlock=",
    "ownershipControls",
    "policyStatus",
    "attributes",
    "renameObject",
    "session",
    "%65ncryption",
    "analytics&id=x",
    "id=x&metrics",
  ])("%s, which chooses an operation, is InvalidRequest", async (parameter) => {
    for (const signed of [get(`${URL}?${parameter}`, "/b/k"), presigned(`${URL}?${parameter}`, "/b/k")]) {
      expect(await failureOf(() => verify(signed))).toMatchObject({ code: "InvalidRequest", status: 400 });
    }
  });
});

describe("ambiguous requests", () => {
  test.each([
    ["a line feed in an override", "response-content-type=a%0Ab", "/b/k?response-content-type=a\nb"],
    ["a carriage return", "response-content-type=a%0Db", "/b/k?response-content-type=a\rb"],
    ["a zero", "versionId=%00", "/b/k?versionId=\0"],
    ["a parameter twice", "versionId=1&versionId=2", "/b/k?versionId=1&versionId=2"],
  ])("%s is InvalidArgument", async (_name, query, resource) => {
    for (const signed of [get(`${URL}?${query}`, resource), presigned(`${URL}?${query}`, resource)]) {
      expect(await failureOf(() => verify(signed))).toMatchObject({ code: "InvalidArgument", status: 400 });
    }
  });

  test("a line feed in a header cannot create other headers", async () => {
    // The signature covers one header, whose value contains the other one.
    const lines = queryLines("/b/k", ["x-amz-acl:private", "x-amz-meta-a:b"], "PUT");
    const honest = byQuery({ method: "PUT", url: `${URL}?x-amz-acl=private&x-amz-meta-a=b`, lines });
    expect((await verify(honest)).caller.kind).toBe("account");
    const split = byQuery({ method: "PUT", url: `${URL}?x-amz-acl=private%0Ax-amz-meta-a:b`, lines });
    expect(await failureOf(() => verify(split))).toMatchObject({ code: "InvalidArgument" });
    const type = byQuery({ method: "PUT", url: `${URL}?content-type=a%0A${SOON}%0A%2Fb%2Fk`, lines });
    expect(await failureOf(() => verify(type))).toMatchObject({ code: "InvalidArgument" });
  });

  test("a file name cannot become a subresource", async () => {
    const resource = "/b/k?response-content-disposition=a&tagging";
    const honest = presigned(`${URL}?response-content-disposition=a%26tagging`, resource);
    expect((await verify(honest)).query.get("response-content-disposition")).toBe("a&tagging");
    const split = presigned(`${URL}?response-content-disposition=a&tagging`, resource);
    expect(await failureOf(() => verify(split))).toMatchObject({ code: "InvalidRequest" });
  });

  test.each(["AWSAccessKeyId", "Signature", "Expires"])("%s twice is InvalidArgument", async (name) => {
    const signed = presigned(`${URL}?${name}=x`, "/b/k");
    expect(await failureOf(() => verify(signed))).toMatchObject({
      code: "InvalidArgument",
      message: `The query parameter ${name} must not be repeated.`,
    });
  });

  test("two signatures, of Versions 2 and 4 or in header and query, are refused", async () => {
    const authorization = `AWS ${ACCESS_KEY_ID}:c2ln`;
    const both = [
      request({ url: `${await presignedUrl()}&AWSAccessKeyId=a` }),
      request({ url: `${await presignedUrl()}&Signature=a` }),
      request({ url: await presignedUrl(), headers: { authorization } }),
      presigned(URL, "/b/k", { headers: { authorization } }),
      presigned(`${URL}?X-Amz-Algorithm=AWS4-HMAC-SHA256`, "/b/k"),
    ];
    for (const signed of both) {
      expect(await failureOf(() => verify(signed))).toMatchObject({
        code: "InvalidArgument",
        details: { ArgumentName: "Authorization" },
      });
    }
  });
});

describe("headers", () => {
  test("are read from a URL only if they are signed", async () => {
    const url = `${URL}?x-amz-acl=private&X-Amz-Meta-A=%C3%BC&Content-Type=text%2Fplain&content-md5=bWQ1&range=bytes%3D0-1&if-match=x`;
    const more = ["x-amz-acl:private", "x-amz-meta-a:ü"];
    const signed = byQuery({ method: "PUT", url, lines: ["PUT", "bWQ1", "text/plain", SOON, ...more, "/b/k"] });
    const headers = effectiveHeaders(signed, await verify(signed));
    const names = ["x-amz-acl", "x-amz-meta-a", "content-type", "content-md5", "range", "if-match"];
    expect(names.map((name) => headers.get(name))).toEqual(["private", "ü", "text/plain", "bWQ1", null, null]);
    for (const name of ["x-amz-acl=private", "X-Amz-Meta-A=%C3%BC", "Content-Type=text%2Fplain", "content-md5=bWQ1"]) {
      const unsigned = presigned(`${URL}?${name}`, "/b/k", { method: "PUT" });
      expect(await failureOf(() => verify(unsigned)), name).toMatchObject(MISMATCH);
    }
  });

  test("in the query are ignored if the request is signed by header", async () => {
    const signed = get(`${URL}?x-amz-acl=public-read&content-type=a`, "/b/k");
    const headers = effectiveHeaders(signed, await verify(signed));
    expect([headers.get("x-amz-acl"), headers.get("content-type")]).toEqual([null, null]);
  });

  test("that are sent replace those of the URL, so these must be the signed ones", async () => {
    const url = `${URL}?content-type=text%2Fplain&x-amz-acl=private`;
    const lines = ["PUT", "", "text/plain", SOON, "x-amz-acl:private", "/b/k"];
    const same = { "content-type": "text/plain", "x-amz-acl": "private" };
    expect((await verify(byQuery({ method: "PUT", url, lines, headers: same }))).caller.kind).toBe("account");
    for (const headers of [{ "content-type": "text/xml" }, { "x-amz-acl": "public-read" }, { "x-amz-meta-a": "b" }]) {
      const changed = byQuery({ method: "PUT", url, lines, headers: headers as Record<string, string> });
      expect(await failureOf(() => verify(changed))).toMatchObject(MISMATCH);
    }
  });

  test("that Version 2 does not sign may be added to a URL, as on AWS", async () => {
    const headers = { range: "bytes=0-1", "if-none-match": '"x"', "content-encoding": "gzip", "cache-control": "x" };
    expect((await verify(presigned(URL, "/b/k", { headers }))).caller.kind).toBe("account");
  });

  test.each([
    ["blanks kept", "a  b\tc", "a  b\tc"],
    ["blanks made one", "a  b \tc", "a b c"],
    ["repeated", "a, b", "a,b"],
  ])("%s", async (_name, sent, signed) => {
    const headers = { date: DATE, "x-amz-meta-a": sent };
    const lines = headerLines("/b/k", [`x-amz-meta-a:${signed}`]);
    expect((await verify(byHeader({ url: URL, headers, lines }))).caller.kind).toBe("account");
  });

  test("with control characters are refused", async () => {
    const headers = { date: DATE, "x-amz-meta-a": "a\u000bb" };
    const lines = headerLines("/b/k", ["x-amz-meta-a:a\u000bb"]);
    expect(await failureOf(() => verify(byHeader({ url: URL, headers, lines })))).toMatchObject({
      code: "InvalidArgument",
    });
  });
});

describe("time", () => {
  const dated = (headers: Record<string, string>, dateLine: string, more: string[] = []) =>
    byHeader({ url: URL, headers, lines: ["GET", "", "", dateLine, ...more, "/b/k"] });

  test.each([
    "Tue, 27 Mar 2007 19:36:42 +0000",
    "Tue, 27 Mar 2007 19:36:42 GMT",
    "Tue, 27 Mar 2007 21:36:42 +0200",
    "20070327T193642Z",
  ])("%s is accepted in either header", async (date) => {
    expect((await verify(dated({ date }, date))).caller.kind).toBe("account");
    const amz = dated({ date: "nonsense", "x-amz-date": date }, "", [`x-amz-date:${date}`]);
    expect((await verify(amz)).caller.kind).toBe("account");
  });

  test.each([{}, { date: "nonsense" }, { date: "" }, { date: DATE, "x-amz-date": "nonsense" }])(
    "%j is AccessDenied",
    async (headers) => {
      const sent = headers as Record<string, string>;
      expect(await failureOf(() => verify(dated(sent, sent.date ?? "")))).toEqual({
        code: "AccessDenied",
        status: 403,
        message: "AWS authentication requires a valid Date or x-amz-date header",
        details: {},
      });
    },
  );

  test.each([-901, 901])("a date %i seconds off is RequestTimeTooSkewed", async (seconds) => {
    const date = new Date(NOW_V2.getTime() + seconds * 1000).toUTCString();
    expect(await failureOf(() => verify(dated({ date }, date)))).toMatchObject({
      code: "RequestTimeTooSkewed",
      status: 403,
      details: { RequestTime: date, ServerTime: "2007-03-27T19:40:00Z", MaxAllowedSkewMilliseconds: "900000" },
    });
    const near = new Date(NOW_V2.getTime() + (seconds - Math.sign(seconds)) * 1000).toUTCString();
    expect((await verify(dated({ date: near }, near))).caller.kind).toBe("account");
  });

  const until = (expires: string) => byQuery({ url: URL, lines: ["GET", "", "", expires, "/b/k"] }, expires);

  test("a URL is valid until the second it names", async () => {
    const now = NOW_V2.getTime() / 1000;
    for (const later of [1, 600, 10_000_000_000])
      expect((await verify(until(String(now + later)))).style).toBe("query");
    for (const earlier of [0, 1, 86_400]) {
      const expires = now - earlier;
      expect(await failureOf(() => verify(until(String(expires))))).toEqual({
        code: "AccessDenied",
        status: 403,
        message: "Request has expired",
        details: {
          Expires: new Date(expires * 1000).toISOString().replace(".000", ""),
          ServerTime: "2007-03-27T19:40:00Z",
        },
      });
    }
  });

  test.each(["x", "-1", "1e9", "2007-03-27T19:50:00Z", "1".repeat(13)])("Expires=%s is not a time", async (expires) => {
    expect(await failureOf(() => verify(until(expires)))).toEqual({
      code: "AccessDenied",
      status: 403,
      message: `Invalid date (should be seconds since epoch): ${expires}`,
      details: {},
    });
  });

  test("another time than the signed one is SignatureDoesNotMatch", async () => {
    const lines = queryLines("/b/k");
    expect(await failureOf(() => verify(byQuery({ url: URL, lines }, String(Number(SOON) + 1))))).toMatchObject(
      MISMATCH,
    );
  });
});

describe("form", () => {
  test.each([
    ["AWS", "InvalidArgument", "Authorization header is invalid -- one and only one ' ' (space) required."],
    ["AWS HAHAHA", "InvalidArgument", "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature"],
    ["AWS :c2ln", "InvalidArgument", "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature"],
    ["AWS a:", "InvalidArgument", "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature"],
    ["AWS a:b:c", "InvalidArgument", "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature"],
    ["AWS a:b, AWS c:d", "InvalidArgument", "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature"],
    ["aws a:b", "InvalidArgument", "Unsupported Authorization Type"],
  ])("%j is %s", async (authorization, code, message) => {
    const signed = request({ url: URL, headers: { authorization, date: DATE } });
    expect(await failureOf(() => verify(signed))).toMatchObject({ code, message });
  });

  test.each(["", "c2ln", "=".repeat(28), "a".repeat(28), `${"A".repeat(27)}=`])(
    "the signature %j fits nothing",
    async (signature) => {
      const url = `${URL}?AWSAccessKeyId=${ACCESS_KEY_ID}&Expires=${SOON}&Signature=${encodeURIComponent(signature)}`;
      const code = signature === "" ? "AccessDenied" : "SignatureDoesNotMatch";
      expect(await failureOf(() => verify(request({ url })))).toMatchObject({ code, status: 403 });
    },
  );

  test.each([
    ["AWSAccessKeyId=a"],
    ["Signature=a"],
    ["AWSAccessKeyId=a&Signature=b"],
    ["AWSAccessKeyId=a&Expires=1"],
    ["Signature=b&Expires=1"],
    ["AWSAccessKeyId=&Signature=b&Expires=1"],
    ["AWSAccessKeyId=a&Signature=b&Expires="],
  ])("%s is AccessDenied", async (query) => {
    expect(await failureOf(() => verify(request({ url: `${URL}?${query}` })))).toEqual({
      code: "AccessDenied",
      status: 403,
      message: "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters",
      details: {},
    });
  });

  test("Expires without a signature is not a claim", async () => {
    expect((await verify(request({ url: `${URL}?Expires=1` }))).caller.kind).toBe("anonymous");
  });

  test("an unencoded plus sign in the signature is accepted", async () => {
    const lines = (index: number) => queryLines(`/b/k${index}`);
    const index = [...Array(100).keys()].find((each) => signatureV2(lines(each).join("\n")).includes("+")) ?? 0;
    const raw = signatureV2(lines(index).join("\n"));
    const url = `${URL}${index}?AWSAccessKeyId=${ACCESS_KEY_ID}&Expires=${SOON}&Signature=${raw}`;
    expect((await verify(request({ url }))).caller.kind).toBe("account");
  });

  test("secrets of any characters sign", async () => {
    const secret = "ü—\u0001";
    const lines = headerLines("/b/k");
    const authorization = `AWS ${ACCESS_KEY_ID}:${signatureV2(lines.join("\n"), secret)}`;
    const signed = request({ url: URL, headers: { authorization, date: DATE } });
    expect((await verify(signed, keyring({ secretAccessKey: secret }))).caller.kind).toBe("account");
    expect(await failureOf(() => verify(signed, keyring({ secretAccessKey: SECRET })))).toMatchObject(MISMATCH);
  });
});

describe("cost", () => {
  test("no request has more than 32 readings, all of them distinct", () => {
    const signed = get(`${ORIGIN}/b/%7e?acl&response-expires=a+b&uploads`, "/");
    signed.headers.set("x-amz-meta-a", "a,  b \t c");
    signed.headers.set("x-amz-date", DATE);
    const claim = {
      version: 2,
      style: "header",
      accessKeyId: "a",
      signature: "",
      sessionToken: undefined,
      dateLine: "",
    } as const;
    const readings = [...readingsV2(signed, claim)].map(({ stringToSign }) => stringToSign);
    expect(readings).toHaveLength(MAX_READINGS);
    expect(new Set(readings).size).toBe(MAX_READINGS);
  });

  test("a plain request has one reading", () => {
    const signed = get(URL, "/b/k");
    const claim = readClaim(signed, { ...ON, services: ["s3"] });
    if (claim?.version !== 2) throw new Error("nothing claimed");
    expect([...readingsV2(signed, claim)]).toHaveLength(1);
  });
});
