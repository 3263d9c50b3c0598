/** Attacks on Signature Version 2, which signs less than Version 4: unsigned parts must have no effect. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { TestAccount } from "../../support/accounts.ts";
import {
  ask,
  captureConsole,
  describeAnswer,
  hand,
  must,
  newAccount,
  newBucket,
  newUser,
  postForm,
  setBucketPolicy,
} from "../../support/attack-client.ts";
import { type AttackKey, presignUrl, signAs } from "../../support/attack-signer.ts";
import { envWith } from "../../support/notification.ts";
import { BOUNDARY, encodeForm, tomorrow } from "../../support/post-form.ts";
import { HOST, handDirectly } from "../../support/request.ts";

import { sha256, unsignedChunks } from "../../support/signer.ts";
import { hmacSha1, presignV2, signPolicyV2, signV2 } from "../../support/signer-v2.ts";
import { readXml, texts } from "../../support/xml.ts";

const SECRET = "nobody else may read this";
const EVERYTHING = { Effect: "Allow", Action: "*", Resource: "*" };

let owner: TestAccount;
let attacker: TestAccount;
let vault = "";
let printed: readonly string[] = [];

beforeAll(async () => {
  printed = captureConsole();
  [owner, attacker] = await Promise.all([newAccount(), newAccount()]);
  vault = await newBucket(owner);
  await must({ method: "PUT", path: `/${vault}/secret`, body: SECRET, as: owner });
});

afterAll(() => {
  vi.restoreAllMocks();
});

const vaultUrl = (path: string) => `http://${HOST}/${vault}${path}`;

async function expectIntact(): Promise<void> {
  const listing = await must({ path: `/${vault}`, as: owner });
  expect(texts(readXml(listing.text), "Contents", "Key")).toEqual(["secret"]);
  expect((await must({ path: `/${vault}/secret`, as: owner })).text).toBe(SECRET);
}

const toBytes = (text: string) => new TextEncoder().encode(text);

describe("URLs", () => {
  it("a URL is valid only for its method, key and signed parameters", async () => {
    const url = presignV2(owner, { method: "GET", url: vaultUrl("/secret") });
    expect((await hand(new Request(url))).text).toBe(SECRET);
    const other = await newBucket(owner);
    const variants: [string, string][] = [
      ...["HEAD", "PUT", "DELETE", "POST"].map((method): [string, string] => [method, url]),
      ["GET", url.replace("/secret?", "/secret2?")],
      ["GET", url.replace("/secret?", "?")],
      ["GET", url.replace("/secret?", "/secret/?")],
      ["GET", url.replace(vault, other)],
      ...[
        "acl",
        "acl=",
        "%61cl",
        "tagging",
        "torrent",
        "uploads",
        "uploadId=x",
        "partNumber=1",
        "versionId=null",
        "response-content-type=text/html",
        "response-expires=x",
        "attributes",
        "legal-hold",
        "retention",
        "x-amz-meta-a=b",
        "X-Amz-Security-Token=x",
        "X-Amz-Date=20260101T000000Z",
        "X-Amz-Content-Sha256=UNSIGNED-PAYLOAD",
        "content-type=a",
        "Content-MD5=a",
        "X-Amz-Algorithm=AWS4-HMAC-SHA256",
        "X-Amz-Signature=0",
        "Signature=0",
        "Expires=9999999999",
        `AWSAccessKeyId=${"A".repeat(20)}`,
      ].map((parameter): [string, string] => ["GET", `${url}&${parameter}`]),
      ["GET", url.replace(/Expires=\d+/, "Expires=9999999999")],
      ["GET", url.replace(HOST, `${vault}.${HOST}`)],
      ["GET", url.replace(/AWSAccessKeyId=\w+/, `AWSAccessKeyId=${attacker.accessKeyId}`)],
    ];
    for (const [method, altered] of variants) {
      const answer = await hand(new Request(altered, { method }));
      expect([400, 403, 405], `${method} ${altered}`).toContain(answer.status);
      expect(answer.text).not.toContain(SECRET);
    }
    await expectIntact();
  });

  it("an unsigned parameter has no effect, except those of listings", async () => {
    const url = presignV2(owner, { method: "GET", url: vaultUrl("/secret") });
    for (const parameter of ["if-match=x", "If-None-Match=*", "range=bytes%3D0-1", "x-id=y", "cache=1", "Date=x"]) {
      const answer = await hand(new Request(`${url}&${parameter}`));
      expect([answer.status, answer.text], parameter).toEqual([200, SECRET]);
    }
    const list = presignV2(owner, { method: "GET", url: vaultUrl("") });
    expect(texts(readXml((await hand(new Request(`${list}&prefix=x`))).text), "Contents", "Key")).toEqual([]);
    expect(texts(readXml((await hand(new Request(`${list}&list-type=2`))).text), "Contents", "Key")).toEqual([
      "secret",
    ]);
    expect((await hand(new Request(url, { headers: { range: "bytes=0-5" } }))).text).toBe(SECRET.slice(0, 6));
  });

  it("an upload's URL writes only that object, without unsigned attributes", async () => {
    const url = presignV2(owner, { method: "PUT", url: vaultUrl("/evil") });
    const parameters = [
      "x-amz-acl=public-read",
      `x-amz-copy-source=${encodeURIComponent(`/${vault}/secret`)}`,
      "x-amz-tagging=a%3Db",
      "content-type=text%2Fhtml",
      "tagging",
      "acl",
      "legal-hold",
      "encryption",
      "annotation&annotationName=n",
      "whatever",
      "partNumber=1&uploadId=x",
    ];
    for (const parameter of parameters) {
      const answer = await hand(new Request(`${url}&${parameter}`, { method: "PUT", body: toBytes("evil") }));
      expect([400, 403, 501], parameter).toContain(answer.status);
    }
    for (const name of ["x-amz-acl", "x-amz-meta-a", "x-amz-grant-read", "x-amz-tagging", "content-type"]) {
      const init = { method: "PUT", headers: { [name]: "public-read" }, body: toBytes("evil") };
      expect((await hand(new Request(url, init))).status, name).toBe(403);
      const headers = signV2(owner, { method: "PUT", url: vaultUrl("/evil") });
      const altered = { method: "PUT", headers: { ...headers, [name]: "public-read" }, body: toBytes("evil") };
      expect((await hand(new Request(vaultUrl("/evil"), altered))).status, name).toBe(403);
    }
    await expectIntact();
  });

  it("a URL that has expired or has no time is refused", async () => {
    const get = { method: "GET", url: vaultUrl("/secret") };
    const now = Math.floor(Date.now() / 1000);
    for (const expires of [0, now - 1, now]) {
      const answer = await hand(new Request(presignV2(owner, get, expires)));
      expect([describeAnswer(answer), answer.text]).toEqual([
        "403 AccessDenied",
        expect.stringContaining("Request has expired"),
      ]);
    }
    const url = presignV2(owner, get);
    for (const altered of [url.replace(/&Expires=\d+/, ""), url.replace(/Expires=\d+/, "Expires=")]) {
      expect(describeAnswer(await hand(new Request(altered)))).toBe("403 AccessDenied");
    }
  });

  it("decoded signed text cannot hide a header or a parameter", async () => {
    const url = vaultUrl("/evil");
    const expires = Math.floor(Date.now() / 1000) + 900;
    const put = { method: "PUT", url, headers: { "x-amz-acl": "private", "x-amz-meta-a": "b" } };
    const signature = new URL(presignV2(owner, put, expires)).searchParams.get("Signature") ?? "";
    const own = `AWSAccessKeyId=${owner.accessKeyId}&Expires=${expires}&Signature=${encodeURIComponent(signature)}`;
    for (const hidden of ["x-amz-acl=private%0Ax-amz-meta-a%3Ab", "x-amz-acl=private%0D%0Ax-amz-meta-a%3Ab"]) {
      const answer = await hand(new Request(`${url}?${own}&${hidden}`, { method: "PUT", body: toBytes("evil") }));
      expect(describeAnswer(answer), hidden).toBe("400 InvalidArgument");
    }
    // A file name chosen by its author, signed for a download.
    const name = encodeURIComponent("a.txt&tagging");
    const download = presignV2(owner, { method: "GET", url: vaultUrl(`/secret?response-content-disposition=${name}`) });
    expect((await hand(new Request(download))).headers.get("content-disposition")).toBe("a.txt&tagging");
    const split = await hand(new Request(download.replace("%26tagging", "&tagging")));
    expect(describeAnswer(split)).toBe("400 InvalidRequest");
    await expectIntact();
  });

  it("two signatures in one request are refused, for any pair of keys", async () => {
    for (const [first, second] of [
      [owner, attacker],
      [attacker, owner],
      [owner, owner],
    ] as const) {
      const get = { method: "GET", url: vaultUrl("/secret") };
      const url = presignV2(first, get);
      const both = [
        new Request(url, { headers: signV2(second, get) }),
        signAs(second, "header, unsigned payload", { method: "GET", url }),
        new Request(presignUrl(second, { method: "GET", url })),
        new Request(presignUrl(first, get), { headers: signV2(second, get) }),
      ];
      for (const request of both) expect(describeAnswer(await hand(request))).toBe("400 InvalidArgument");
    }
  });
});

describe("payloads", () => {
  it("chunks are refused, and nothing is stored", async () => {
    const chunks = unsignedChunks(toBytes("evil"), { trailer: ["x-amz-checksum-crc32", "TCtB4A=="] });
    for (const mode of [
      "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
      "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
      "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    ]) {
      const headers = {
        "x-amz-content-sha256": mode,
        "x-amz-decoded-content-length": "4",
        ...(mode.endsWith("TRAILER") && { "x-amz-trailer": "x-amz-checksum-crc32" }),
      };
      const put = { method: "PUT", url: vaultUrl("/evil"), headers };
      const byHeader = new Request(put.url, { method: "PUT", headers: signV2(owner, put), body: chunks });
      const byQuery = new Request(presignV2(owner, put), { method: "PUT", body: chunks });
      for (const request of [byHeader, byQuery]) {
        expect(describeAnswer(await hand(request)), mode).toBe("400 InvalidRequest");
      }
    }
    await expectIntact();
  });

  it("a signed hash or Content-MD5 is compared with the body", async () => {
    const good = [
      [{ "x-amz-content-sha256": sha256("good") }, "400 XAmzContentSHA256Mismatch"],
      [{ "content-md5": "dV9oW6lwOWz5RW/YXAZt+A==" }, "400 BadDigest"],
    ] as const;
    for (const [headers, expected] of good) {
      const put = { method: "PUT", url: vaultUrl("/evil"), headers };
      const byHeader = new Request(put.url, { method: "PUT", headers: signV2(owner, put), body: toBytes("evil") });
      const byQuery = new Request(presignV2(owner, put), { method: "PUT", body: toBytes("evil") });
      for (const request of [byHeader, byQuery]) expect(describeAnswer(await hand(request))).toBe(expected);
    }
    await expectIntact();
  });
});

describe("policies", () => {
  it("s3:signatureversion is AWS, and s3:authType is the place of the signature", async () => {
    const user = await newUser(owner, [EVERYTHING]);
    const bucket = await newBucket(owner);
    await must({ method: "PUT", path: `/${bucket}/k`, as: owner, body: "content" });
    const get = { method: "GET", url: `http://${HOST}/${bucket}/k` };
    const outcomes = async (Condition: object) => {
      const Resource = `arn:aws:s3:::${bucket}/*`;
      const deny = { Effect: "Deny", Principal: "*", Action: "s3:GetObject", Resource, Condition };
      await setBucketPolicy(owner, bucket, [deny]);
      const forms = [
        "header, version 2",
        "presigned, version 2",
        "header, unsigned payload",
        "presigned, unsigned payload",
      ] as const;
      const statuses = forms.map(async (form) => (await hand(signAs(user, form, get))).status);
      return Promise.all(statuses);
    };
    expect(await outcomes({ StringEquals: { "s3:signatureversion": "AWS" } })).toEqual([403, 403, 200, 200]);
    expect(await outcomes({ StringNotEquals: { "s3:signatureversion": "AWS4-HMAC-SHA256" } })).toEqual([
      403, 403, 200, 200,
    ]);
    expect(await outcomes({ StringEquals: { "s3:authType": "REST-QUERY-STRING" } })).toEqual([200, 403, 200, 403]);
    expect(await outcomes({ StringEquals: { "s3:authType": "REST-HEADER" } })).toEqual([403, 200, 403, 200]);
    // A URL does not contain the time of signing, so its age is unknown.
    expect(await outcomes({ NumericGreaterThan: { "s3:signatureAge": "600000" } })).toEqual([200, 403, 200, 200]);
  });

  it("the age of a header's signature is counted from its date", async () => {
    const bucket = await newBucket(owner);
    await must({ method: "PUT", path: `/${bucket}/k`, as: owner, body: "content" });
    const Condition = { NumericGreaterThan: { "s3:signatureAge": "300000" } };
    const Resource = `arn:aws:s3:::${bucket}/*`;
    await setBucketPolicy(owner, bucket, [
      { Effect: "Deny", Principal: "*", Action: "s3:GetObject", Resource, Condition },
    ]);
    const user = await newUser(owner, [EVERYTHING]);
    const get = { method: "GET", url: `http://${HOST}/${bucket}/k` };
    const aged = async (seconds: number) => {
      const headers = signV2(user, get, new Date(Date.now() - seconds * 1000));
      return describeAnswer(await hand(new Request(get.url, { headers })));
    };
    expect([await aged(0), await aged(600)]).toEqual(["200", "403 AccessDenied"]);
    expect(await aged(1000)).toBe("403 RequestTimeTooSkewed");
  });
});

describe("POST forms", () => {
  const file = ["file", { content: "evil", name: "f" }] as const;
  const sign = (conditions: readonly object[], key: AttackKey = owner, expiration = tomorrow()) =>
    Object.entries(signPolicyV2(key, { expiration, conditions }));

  it("a form can do only what its policy allows", async () => {
    const bucket = await newBucket(owner);
    const signed = sign([{ bucket }, ["starts-with", "$key", "user/"], ["content-length-range", 1, 10]]);
    expect(describeAnswer(await postForm(`/${bucket}`, [["key", "user/a"], ...signed, file]))).toBe("204");
    const big = ["file", { content: "x".repeat(11), name: "f" }] as const;
    const attempts = [
      [`/${bucket}`, [["key", "evil"], ...signed, file], "403 AccessDenied"],
      [`/${vault}`, [["key", "user/a"], ...signed, file], "403 AccessDenied"],
      [`/${bucket}`, [["key", "user/a"], ["acl", "public-read"], ...signed, file], "403 AccessDenied"],
      [`/${bucket}`, [["key", "user/a"], ["x-amz-security-token", "x"], ...signed, file], "400 InvalidToken"],
      [`/${bucket}`, [["key", "user/a"], ["key", "evil"], ...signed, file], "400 InvalidArgument"],
      [`/${bucket}`, [["key", "user/a"], ["awsaccesskeyid", "x"], ...signed, file], "400 InvalidArgument"],
      [`/${bucket}`, [["key", "user/a"], ...signed, big], "400 EntityTooLarge"],
      [`/${bucket}`, [["key", "user/a"], ...sign([{ bucket }, { key: "user/a" }], attacker), file], "403 AccessDenied"],
    ] as const;
    for (const [path, entries, expected] of attempts) {
      expect(describeAnswer(await postForm(path, entries)), JSON.stringify(entries[0])).toBe(expected);
    }
    const late = sign([{ bucket }, { key: "k" }], owner, new Date(Date.now() - 1000).toISOString());
    expect(describeAnswer(await postForm(`/${bucket}`, [["key", "k"], ...late, file]))).toBe("403 AccessDenied");
    await expectIntact();
  });

  it("an altered policy or signature is SignatureDoesNotMatch, and a missing field is reported", async () => {
    const fields = signPolicyV2(owner, { expiration: tomorrow(), conditions: [{ bucket: vault }, { key: "evil" }] });
    const { policy = "", signature = "", AWSAccessKeyId = "" } = fields;
    const post_ = (changed: Record<string, string>) =>
      postForm(`/${vault}`, [["key", "evil"], ...Object.entries(changed), file]);
    const wrong = [
      { ...fields, policy: policy.slice(0, -4) },
      { ...fields, signature: hmacSha1("another", policy) },
      { ...fields, signature: `${signature} ` },
      { ...fields, AWSAccessKeyId: attacker.accessKeyId },
    ];
    for (const changed of wrong) expect(describeAnswer(await post_(changed))).toBe("403 SignatureDoesNotMatch");
    for (const changed of [
      { policy, signature },
      { AWSAccessKeyId, policy },
      { AWSAccessKeyId, signature },
    ]) {
      expect(describeAnswer(await post_(changed as Record<string, string>))).toBe("400 InvalidArgument");
    }
    expect(describeAnswer(await post_({ policy }))).toBe("403 AccessDenied");
    await expectIntact();
  });

  it("a second signature outside the form is refused", async () => {
    const fields = Object.entries(
      signPolicyV2(owner, { expiration: tomorrow(), conditions: [{ bucket: vault }, { key: "evil" }] }),
    );
    const type = { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };
    const body = encodeForm([["key", "evil"], ...fields, file]);
    const post_ = { method: "POST", url: vaultUrl(""), headers: type };
    const byHeader = new Request(post_.url, { method: "POST", headers: signV2(owner, post_), body });
    const byQuery = new Request(presignV2(owner, { ...post_, headers: {} }), { method: "POST", headers: type, body });
    for (const request of [byHeader, byQuery]) expect(describeAnswer(await hand(request))).toBe("400 InvalidArgument");
    await expectIntact();
  });
});

describe("surfaces and settings that do not accept it", () => {
  it("SIGNATURE_V2=off refuses header, URL and form with InvalidRequest", async () => {
    const env = envWith({ SIGNATURE_V2: "off" });
    const get = { method: "GET", url: vaultUrl("/secret") };
    const fields = signPolicyV2(owner, { expiration: tomorrow(), conditions: [{ bucket: vault }, { key: "evil" }] });
    const headers = { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };
    const body = encodeForm([["key", "evil"], ...Object.entries(fields), ["file", { content: "evil", name: "f" }]]);
    for (const request of [
      new Request(get.url, { headers: signV2(owner, get) }),
      new Request(presignV2(owner, get)),
      new Request(vaultUrl(""), { method: "POST", headers, body }),
    ]) {
      const response = await handDirectly(request, env);
      const text = await response.text();
      expect([response.status, /<Code>(\w+)/.exec(text)?.[1]]).toEqual([400, "InvalidRequest"]);
      expect(text).toContain("Please use AWS4-HMAC-SHA256.");
    }
    expect((await handDirectly(signAs(owner, "header, unsigned payload", get), env)).status).toBe(200);
    await expectIntact();
  });

  it("the admin API, IAM, STS and SNS refuse it", async () => {
    const type = { "content-type": "application/x-www-form-urlencoded" };
    for (const [action, version] of [
      ["ListUsers", "2010-05-08"],
      ["GetSessionToken", "2011-06-15"],
      ["ListTopics", "2010-03-31"],
    ]) {
      const post_ = { method: "POST", url: `http://${HOST}/`, headers: type };
      const body = toBytes(`Action=${action}&Version=${version}`);
      const answer = await hand(new Request(post_.url, { method: "POST", headers: signV2(owner, post_), body }));
      expect([400, 403, 405], action).toContain(answer.status);
      expect(answer.text).not.toContain("Result>");
    }
    const get = { method: "GET", url: `http://${HOST}/-/admin/accounts` };
    expect(describeAnswer(await hand(new Request(get.url, { headers: signV2(owner, get) })))).toMatch(/^40[03] /);
    expect(describeAnswer(await hand(new Request(presignV2(owner, get))))).toMatch(/^40[03] /);
  });

  it("an anonymous request stays anonymous with any unsigned parameters", async () => {
    const answer = await ask({ path: `/${vault}/secret?Expires=9999999999&response-content-type=text/html` });
    expect([400, 403]).toContain(answer.status);
    expect(describeAnswer(await ask({ path: `/${vault}/secret?Signature=x` }))).toBe("403 AccessDenied");
  });
});

it("the log contains no secret and no signature", () => {
  const lines = printed.join("\n");
  expect(printed.length).toBeGreaterThan(50);
  for (const secret of [owner.secretAccessKey, attacker.secretAccessKey]) expect(lines.includes(secret)).toBe(false);
  expect(lines).not.toMatch(/Signature=|AWSAccessKeyId|authorization|AWS [A-Z0-9]{16,}:/i);
  expect(lines).not.toMatch(/"[A-Za-z0-9+/]{27}="/);
});
