/** One test for each class of vulnerability that S3 servers have had, or that this one could have. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { TestAccount } from "../../support/accounts.ts";
import {
  ask,
  bucketPolicy,
  captureConsole,
  describeAnswer,
  federate,
  hand,
  must,
  newAccount,
  newBucket,
  newKey,
  newSession,
  newUser,
  outcome,
  postForm,
  query,
  queryOutcome,
  setBucketPolicy,
  setPolicy,
  unique,
} from "../../support/attack-client.ts";
import { type AttackKey, presignUrl, signAs } from "../../support/attack-signer.ts";
import { post } from "../../support/iam.ts";
import { signPolicy, tomorrow } from "../../support/post-form.ts";
import { HOST } from "../../support/request.ts";
import { ROOT, testEnv } from "../../support/s3.ts";
import { sha256, unsignedChunks } from "../../support/signer.ts";
import { readXml, textIn, texts } from "../../support/xml.ts";

const SECRET = "nobody else may read this";
const EVERYTHING = { Effect: "Allow", Action: "*", Resource: "*" };

let owner: TestAccount;
let attacker: TestAccount;
/** The owner's private bucket, with an object `secret`. */
let vault = "";
/** The attacker's bucket. */
let lair = "";
let printed: readonly string[] = [];
const secrets = new Set<string>();

beforeAll(async () => {
  printed = captureConsole();
  [owner, attacker] = await Promise.all([newAccount(), newAccount()]);
  [vault, lair] = await Promise.all([newBucket(owner), newBucket(attacker)]);
  await must({ method: "PUT", path: `/${vault}/secret`, body: SECRET, as: owner });
  for (const { secretAccessKey } of [owner, attacker, ROOT]) secrets.add(secretAccessKey);
});

afterAll(() => {
  vi.restoreAllMocks();
});

const md5 = (text: string) => ({ "content-md5": createHash("md5").update(text).digest("base64") });
const vaultUrl = (path: string) => `http://${HOST}/${vault}${path}`;

async function configure(bucket: string, kind: string, body: string, as: AttackKey = owner) {
  return ask({ method: "PUT", path: `/${bucket}?${kind}=`, body, headers: md5(body), as });
}

const publicRead = (bucket: string) => ({
  Effect: "Allow",
  Principal: "*",
  Action: "s3:GetObject",
  Resource: `arn:aws:s3:::${bucket}/*`,
});

async function expectIntact(): Promise<void> {
  const listing = await must({ path: `/${vault}`, as: owner });
  expect(texts(readXml(listing.text), "Contents", "Key")).toEqual(["secret"]);
  expect((await must({ path: `/${vault}/secret`, as: owner })).text).toBe(SECRET);
}

describe("payload modes", () => {
  const chunks = unsignedChunks(new TextEncoder().encode("evil"), { trailer: ["x-amz-checksum-crc32", "TCtB4A=="] });
  const trailerHeaders = {
    "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "x-amz-decoded-content-length": "4",
    "x-amz-trailer": "x-amz-checksum-crc32",
  };

  it.each([
    ["UNSIGNED-PAYLOAD", { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" }],
    ["STREAMING-UNSIGNED-PAYLOAD-TRAILER", trailerHeaders],
  ])("a request signed with its hash cannot be switched to %s", async (_name, switched) => {
    const unsigned = { method: "PUT", url: vaultUrl("/evil"), body: "good" };
    const { headers } = signAs(owner, "header, literal payload", unsigned);
    const altered = new Request(unsigned.url, {
      method: "PUT",
      headers: { ...Object.fromEntries(headers), ...switched },
      body: "x-amz-trailer" in switched ? chunks : "evil",
    });
    const answer = await hand(altered);
    expect(answer.status).toBe(403);
    await expectIntact();
  });

  it("a signed hash is compared with the body", async () => {
    const { headers } = signAs(owner, "header, literal payload", {
      method: "PUT",
      url: vaultUrl("/evil"),
      body: "good",
    });
    const answer = await hand(new Request(vaultUrl("/evil"), { method: "PUT", headers, body: "evil" }));
    expect(describeAnswer(answer)).toBe("400 XAmzContentSHA256Mismatch");
    await expectIntact();
  });

  it("a header cannot relax the hash in a presigned URL", async () => {
    for (const payloadHash of [sha256("good"), "UNSIGNED-PAYLOAD"]) {
      const url = presignUrl(
        owner,
        { method: "PUT", url: vaultUrl(`/evil?X-Amz-Content-Sha256=${sha256("good")}`) },
        { payloadHash },
      );
      for (const headers of [{}, { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" }]) {
        const answer = await hand(new Request(url, { method: "PUT", headers, body: "evil" }));
        expect(describeAnswer(answer)).toBe("400 XAmzContentSHA256Mismatch");
      }
    }
    await expectIntact();
  });

  it("unsigned trailers do not replace a signature", async () => {
    const scope = `${owner.accessKeyId}/20260101/us-east-1/s3/aws4_request`;
    const forged = `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=${"0".repeat(64)}`;
    const attempts = [
      ["", {}],
      ["", { authorization: forged }],
      ["", { authorization: "AWS4-HMAC-SHA256" }],
      [`?X-Amz-Credential=${encodeURIComponent(scope)}`, {}],
      [`?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${encodeURIComponent(scope)}`, {}],
    ] as const;
    for (const [suffix, headers] of attempts) {
      const init = { method: "PUT", headers: { ...trailerHeaders, ...headers }, body: chunks };
      const answer = await hand(new Request(vaultUrl(`/evil${suffix}`), init));
      expect([400, 403], JSON.stringify([suffix, headers])).toContain(answer.status);
    }
    await expectIntact();
  });

  it("chunk signatures are refused from callers without a key", async () => {
    const headers = {
      "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
      "x-amz-decoded-content-length": "4",
    };
    const answer = await ask({
      method: "PUT",
      path: `/${vault}/evil`,
      headers,
      body: "4;chunk-signature=0\r\nevil\r\n0\r\n",
    });
    expect([400, 403]).toContain(answer.status);
    await expectIntact();
  });
});

describe("signatures", () => {
  it("credentials in both query and header are refused, for any pair of keys", async () => {
    for (const [inHeader, inQuery] of [
      [owner, attacker],
      [attacker, owner],
      [owner, owner],
    ] as const) {
      const url = presignUrl(inQuery, { method: "GET", url: vaultUrl("/secret") });
      const answer = await hand(signAs(inHeader, "header, unsigned payload", { method: "GET", url }));
      expect(describeAnswer(answer)).toBe("400 InvalidArgument");
    }
    for (const parameter of ["X-Amz-Signature=0", "x-amz-credential=a%2Fb", "AWSAccessKeyId=a", "X-AMZ-ALGORITHM=x"]) {
      expect(await outcome({ path: `/${vault}/secret?${parameter}`, as: owner })).toBe("400 InvalidArgument");
    }
  });

  it("a presigned URL is valid only for its method, key and query", async () => {
    const url = presignUrl(owner, { method: "GET", url: vaultUrl("/secret") });
    expect((await hand(new Request(url))).status).toBe(200);
    const other = await newBucket(owner);
    const variants: [string, string][] = [
      ["HEAD", url],
      ["PUT", url],
      ["DELETE", url],
      ["POST", url],
      ["GET", url.replace("/secret?", "/secret2?")],
      ["GET", url.replace("/secret?", "?")],
      ["GET", url.replace(vault, other)],
      ["GET", `${url}&acl=`],
      ["GET", `${url}&versionId=null`],
      ["GET", `${url}&response-content-type=text/html`],
      ["GET", url.replace("X-Amz-Expires=900", "X-Amz-Expires=604800")],
      ["GET", url.replace("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=")],
      ["GET", url.replace(HOST, `${vault}.${HOST}`)],
      ["GET", `${url}&X-Amz-Signature=${"0".repeat(64)}`],
      ["GET", `${url}&x-amz-expires=604800`],
    ];
    for (const [method, altered] of variants) {
      const answer = await hand(new Request(altered, { method }));
      expect([400, 403, 405], `${method} ${altered}`).toContain(answer.status);
      expect(answer.text).not.toContain(SECRET);
    }
    await expectIntact();
  });

  it("a presigned URL that has expired or is not yet valid is refused", async () => {
    for (const offset of [-901, 1000]) {
      const now = new Date(Date.now() + offset * 1000);
      const url = presignUrl(owner, { method: "GET", url: vaultUrl("/secret") }, { now });
      expect(describeAnswer(await hand(new Request(url)))).toBe("403 AccessDenied");
    }
  });

  it.each([
    "x-amz-acl",
    "x-amz-copy-source",
    "x-amz-meta-a",
    "x-amz-security-token",
    "x-amz-grant-read",
    "x-amz-tagging",
  ])("%s added after signing is refused", async (name) => {
    const headers = { [name]: name === "x-amz-copy-source" ? `/${vault}/secret` : "public-read" };
    const unsigned = { method: "PUT", url: vaultUrl("/evil"), body: "evil" };
    const byHeader = signAs(owner, "header, unsigned payload", unsigned);
    for (const [url, signed] of [
      [unsigned.url, Object.fromEntries(byHeader.headers)],
      [presignUrl(owner, unsigned), {}],
    ] as const) {
      const answer = await hand(new Request(url, { method: "PUT", headers: { ...signed, ...headers }, body: "evil" }));
      expect(answer.status).toBe(403);
    }
    await expectIntact();
  });

  it("a signature for another service is refused", async () => {
    const body = "Action=ListUsers&Version=2010-05-08";
    const s3ForIam = await post({ service: "s3", body, as: owner, env: testEnv });
    expect([400, 403, 405]).toContain(s3ForIam.status);
    expect(await s3ForIam.text()).not.toContain("ListUsersResult");
    for (const service of ["iam", "sts"] as const) {
      const url = vaultUrl("/secret");
      const answer = await post({ service, body, as: owner, env: testEnv, url });
      expect([400, 403, 405], service).toContain(answer.status);
      await answer.body?.cancel();
    }
    const iamForSts = await post({
      service: "iam",
      body: "Action=GetSessionToken&Version=2011-06-15",
      as: owner,
      env: testEnv,
    });
    expect(iamForSts.status).toBe(400);
    await iamForSts.body?.cancel();
  });

  it("s3:signatureAge is the signature's age, for any format of its date and any other date in the request", async () => {
    const bucket = await newBucket(owner);
    await must({ method: "PUT", path: `/${bucket}/k`, as: owner, body: "content" });
    const user = await newUser(owner, [EVERYTHING]);
    await setBucketPolicy(owner, bucket, [
      {
        Effect: "Deny",
        Principal: "*",
        Action: "s3:GetObject",
        Resource: `arn:aws:s3:::${bucket}/*`,
        Condition: { NumericGreaterThan: { "s3:signatureAge": "300000" } },
      },
    ]);
    const url = `http://${HOST}/${bucket}/k`;
    const fresh = `${new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`;
    const old = new Date(Date.now() - 600_000);
    for (const spell of [String, (name: string) => name.toLowerCase(), (name: string) => name.toUpperCase()]) {
      const options = { spell, expiresInSeconds: 3600 };
      const get = { method: "GET", url };
      expect((await hand(new Request(presignUrl(user, get, options)))).status).toBe(200);
      const aged = await hand(new Request(presignUrl(user, get, { ...options, now: old })));
      expect(describeAnswer(aged), spell("X-Amz-Date")).toBe("403 AccessDenied");
      const dated = { ...get, headers: { "x-amz-date": fresh } };
      const beside = presignUrl(user, dated, { ...options, now: old });
      expect((await hand(new Request(beside, { headers: dated.headers }))).status).toBe(403);
    }
    vi.useFakeTimers({ toFake: ["Date"], now: old.getTime() });
    const byHeader = signAs(user, "header, unsigned payload", { method: "GET", url: `${url}?X-Amz-Date=${fresh}` });
    vi.useRealTimers();
    expect(describeAnswer(await hand(byHeader))).toBe("403 AccessDenied");
  });
});

describe("copy sources", () => {
  const sources = () => [
    `/${vault}/secret`,
    `${vault}/secret`,
    `${vault}%2Fsecret`,
    `%2F${vault}%2Fsecret`,
    `/${vault}/secret?versionId=null`,
    `/${vault}/%73ecret`,
    `/${lair}/../${vault}/secret`,
    `/${lair}/%2e%2e/${vault}/secret`,
    `/${lair}/..%2f${vault}%2fsecret`,
    `/${lair}%2F..%2F${vault}/secret`,
    `//${vault}/secret`,
    `/./${vault}/secret`,
    `arn:aws:s3:::${vault}/secret`,
    `http://${HOST}/${vault}/secret`,
    `/${lair}/own, /${vault}/secret`,
    `/${vault.toUpperCase()}/secret`,
    `/${vault}/absent`,
  ];

  async function expectNothingTaken(): Promise<void> {
    const listing = await must({ path: `/${lair}`, as: attacker });
    for (const key of texts(readXml(listing.text), "Contents", "Key")) {
      expect((await must({ path: `/${lair}/${encodeURIComponent(key)}`, as: attacker })).text).not.toContain(SECRET);
    }
  }

  it("CopyObject and UploadPartCopy read only what the caller may read, for any spelling of the source", async () => {
    const created = await must({ method: "POST", path: `/${lair}/upload?uploads=`, as: attacker });
    const uploadId = textIn(readXml(created.text), "UploadId");
    for (const source of sources()) {
      for (const path of [`/${lair}/copy`, `/${lair}/upload?partNumber=1&uploadId=${uploadId}`]) {
        for (const form of ["header, unsigned payload", "presigned, unsigned payload"] as const) {
          const headers = { "x-amz-copy-source": source };
          const answer = await ask({ method: "PUT", path, headers, as: attacker, form });
          expect([400, 403, 404], `${source}: ${answer.text}`).toContain(answer.status);
          if (source.startsWith(`/${vault}/`) || source.startsWith(vault))
            expect(describeAnswer(answer)).toBe("403 AccessDenied");
        }
        const separator = path.includes("?") ? "&" : "?";
        const hoisted = `http://${HOST}${path}${separator}x-amz-copy-source=${encodeURIComponent(source)}`;
        const answer = await hand(
          new Request(presignUrl(attacker, { method: "PUT", url: hoisted }), { method: "PUT" }),
        );
        expect(answer.text).not.toContain("CopyObjectResult");
        expect(answer.text).not.toContain("CopyPartResult");
      }
    }
    const parts = await must({ path: `/${lair}/upload?uploadId=${uploadId}`, as: attacker });
    for (const size of texts(readXml(parts.text), "Part", "Size")) expect(size).toBe("0");
    await expectNothingTaken();
  });

  it("a copy does not reveal whether its source exists to callers that may not list the source's bucket", async () => {
    const bucket = await newBucket(owner);
    await must({ method: "PUT", path: `/${bucket}/present`, body: "content", as: owner });
    await setBucketPolicy(owner, bucket, [{ ...publicRead(bucket), Principal: { AWS: attacker.accountId } }]);
    const created = await must({ method: "POST", path: `/${lair}/upload2?uploads=`, as: attacker });
    const uploadId = textIn(readXml(created.text), "UploadId");
    for (const path of [`/${lair}/copy`, `/${lair}/upload2?partNumber=1&uploadId=${uploadId}`]) {
      const copy = (key: string) =>
        outcome({ method: "PUT", path, headers: { "x-amz-copy-source": `/${bucket}/${key}` }, as: attacker });
      expect(await copy("present")).toBe("200");
      expect(await copy("absent")).toBe("403 AccessDenied");
    }
  });

  it("conditions on a source reveal nothing about a source that may not be read", async () => {
    for (const name of ["if-match", "if-none-match"]) {
      const headers = { "x-amz-copy-source": `/${vault}/secret`, [`x-amz-copy-source-${name}`]: md5hex(SECRET) };
      expect(await outcome({ method: "PUT", path: `/${lair}/copy`, headers, as: attacker })).toBe("403 AccessDenied");
    }
  });
});

const md5hex = (text: string) => createHash("md5").update(text).digest("hex");

describe("POST forms", () => {
  const file = ["file", { content: "evil", name: "f" }] as const;

  function sign(conditions: readonly unknown[], key: AttackKey = owner): [string, string][] {
    return Object.entries(
      signPolicy({ key, document: (signing) => ({ expiration: tomorrow(), conditions: [...conditions, ...signing] }) }),
    );
  }

  it.each([
    "acl",
    "x-amz-meta-a",
    "content-type",
    "success_action_redirect",
    "tagging",
    "x-amz-security-token",
    "anything",
  ])("a field %s that no condition covers is refused", async (name) => {
    const signed = sign([{ bucket: vault }, { key: "evil" }]);
    const answer = await postForm(`/${vault}`, [["key", "evil"], [name, "public-read"], ...signed, file]);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    await expectIntact();
  });

  it("a bucket field does not replace the addressed bucket", async () => {
    const signed = sign([{ bucket: lair }, { key: "evil" }]);
    for (const bucketField of [lair, vault]) {
      const entries = [["key", "evil"], ["bucket", bucketField], ...signed, file] as const;
      expect(describeAnswer(await postForm(`/${vault}`, entries))).toBe("403 AccessDenied");
    }
    // The attacker's own policy for the vault is signed by a caller that may not write there.
    const own = sign([{ bucket: vault }, { key: "evil" }], attacker);
    expect(describeAnswer(await postForm(`/${vault}`, [["key", "evil"], ...own, file]))).toBe("403 AccessDenied");
    await expectIntact();
  });

  it("a condition is not bypassed by case, repetition, a later field or the file name", async () => {
    const signed = sign([{ bucket: vault }, ["starts-with", "$key", "user/"]]);
    const attempts = [
      [["key", "evil"], ...signed, file],
      [["KEY", "evil"], ...signed, file],
      [["key", "user/a"], ["Key", "evil"], ...signed, file],
      [["key", "\u0024{filename}"], ...signed, ["file", { content: "evil", name: "user\\..\\evil" }]],
      [...signed, file, ["key", "user/a"]],
    ] as const;
    for (const entries of attempts) {
      const answer = await postForm(`/${vault}`, entries);
      expect(answer.status, JSON.stringify(entries[0])).toBeGreaterThanOrEqual(400);
    }
    await expectIntact();
  });

  it("an anonymous form is anonymous for any of its fields", async () => {
    for (const extra of [[], [["acl", "public-read"]], [["policy", "e30="]], [["x-amz-credential", "a/b"]]] as const) {
      const answer = await postForm(`/${vault}`, [["key", "evil"], ...extra, file]);
      expect([400, 403]).toContain(answer.status);
    }
    await expectIntact();
  });

  it("a redirect cannot add headers", async () => {
    const bucket = await newBucket(owner, { "x-amz-acl": "public-read-write" });
    for (const url of [
      "http://a.example/\r\nset-cookie: a=b",
      "javascript:alert(1)",
      "//a.example",
      "http://a.example/\u0000",
    ]) {
      const answer = await postForm(`/${bucket}`, [["key", "k"], ["success_action_redirect", url], file]);
      expect([204, 400]).toContain(answer.status);
      expect([...answer.headers.keys()]).not.toContain("set-cookie");
    }
  });
});

describe("conditions of policies", () => {
  it("aws:SourceIp is CF-Connecting-IP, and no header that a client can write", async () => {
    const bucket = await newBucket(owner);
    await must({ method: "PUT", path: `/${bucket}/k`, as: owner, body: "content" });
    await setBucketPolicy(owner, bucket, [
      { ...publicRead(bucket), Condition: { IpAddress: { "aws:SourceIp": "192.0.2.0/24" } } },
    ]);
    const path = `/${bucket}/k`;
    const real = { "cf-connecting-ip": "198.51.100.7" };
    expect(await outcome({ path, headers: { "cf-connecting-ip": "192.0.2.7" } })).toBe("200");
    const names = [
      "x-forwarded-for",
      "x-real-ip",
      "true-client-ip",
      "forwarded",
      "x-client-ip",
      "client-ip",
      "x-amz-source-ip",
    ];
    for (const name of names) {
      const value = name === "forwarded" ? "for=192.0.2.7" : "192.0.2.7";
      expect(await outcome({ path, headers: { [name]: value } }), name).toBe("403 AccessDenied");
      expect(await outcome({ path, headers: { ...real, [name]: value } }), name).toBe("403 AccessDenied");
    }
    for (const value of ["192.0.2.7, 198.51.100.7", "198.51.100.7, 192.0.2.7", "192.0.2.7x", "::ffff:c000:0207 ", ""]) {
      const status = (await ask({ path, headers: { "cf-connecting-ip": value } })).status;
      if (!value.startsWith("::ffff")) expect(status, value).toBe(403);
    }
    expect(await outcome({ path: `${path}?cf-connecting-ip=192.0.2.7&aws:SourceIp=192.0.2.7` })).toBe(
      "403 AccessDenied",
    );
  });

  it("ForAllValues holds for a missing key, so it counts as public and needs an additional Null", async () => {
    const bucket = await newBucket(owner);
    await must({ method: "PUT", path: `/${bucket}/k`, as: owner, body: "content" });
    const forAll = { "ForAllValues:StringEquals": { "aws:PrincipalAccount": owner.accountId } };
    const statement = { ...publicRead(bucket), Condition: forAll };
    const block =
      "<PublicAccessBlockConfiguration><BlockPublicPolicy>true</BlockPublicPolicy></PublicAccessBlockConfiguration>";
    expect((await configure(bucket, "publicAccessBlock", block)).status).toBe(200);
    const put = (one: object) =>
      outcome({ method: "PUT", path: `/${bucket}?policy=`, as: owner, body: bucketPolicy([one]) });
    expect(await put(statement)).toBe("403 AccessDenied");
    // A caller without a name is not `nobody`.
    for (const userid of ["anonymous", "ANONYMOUS"]) {
      const Condition = { StringEqualsIgnoreCase: { "aws:userid": userid } };
      expect(await put({ ...publicRead(bucket), Condition }), userid).toBe("403 AccessDenied");
    }
    await must({ method: "DELETE", path: `/${bucket}?publicAccessBlock=`, as: owner });
    expect(await put({ ...statement, Condition: { ...forAll, Null: { "aws:PrincipalAccount": "false" } } })).toBe(
      "204",
    );
    expect(await outcome({ path: `/${bucket}/k` })).toBe("403 AccessDenied");
    expect(await outcome({ path: `/${bucket}/k`, as: attacker })).toBe("403 AccessDenied");
  });

  it("Allow with NotPrincipal, which would include everyone, is refused", async () => {
    const body = bucketPolicy([
      { ...publicRead(vault), Principal: undefined, NotPrincipal: { AWS: attacker.accountId } },
    ]);
    expect(await outcome({ method: "PUT", path: `/${vault}?policy=`, as: owner, body })).toBe("400 MalformedPolicy");
  });

  it("parameters that an operation ignores do not influence the decision", async () => {
    const bucket = await newBucket(owner);
    for (const key of ["home/me/a", "hidden"]) {
      await must({ method: "PUT", path: `/${bucket}/${key}`, as: owner, body: "content" });
    }
    const user = await newUser(owner, [
      {
        Effect: "Allow",
        Action: "s3:ListBucket",
        Resource: `arn:aws:s3:::${bucket}`,
        Condition: { StringLike: { "s3:prefix": "home/me/*" } },
      },
      { Effect: "Allow", Action: "s3:*", Resource: `arn:aws:s3:::${bucket}/home/me/*` },
    ]);
    expect(await outcome({ path: `/${bucket}?prefix=home%2Fme%2F`, as: user })).toBe("200");
    for (const search of ["", "?prefix=", "?prefix=home%2F", "?prefix=&prefix=home%2Fme%2F", "?Prefix=home%2Fme%2F"]) {
      expect(await outcome({ path: `/${bucket}${search}`, as: user }), search).toBe("403 AccessDenied");
    }
    for (const key of ["hidden", "absent"]) {
      for (const search of ["", "?prefix=home%2Fme%2F"]) {
        expect(await outcome({ path: `/${bucket}/${key}${search}`, as: user }), key + search).toBe("403 AccessDenied");
        expect((await ask({ method: "HEAD", path: `/${bucket}/${key}${search}`, as: user })).status).toBe(403);
      }
    }
  });
});

describe("what refused callers learn", () => {
  const CONDITIONS: readonly (readonly [name: string, value: () => string])[] = [
    ["if-none-match", () => "*"],
    ["if-none-match", () => `"${md5hex(SECRET)}"`],
    ["if-match", () => '"0"'],
    ["if-match", () => `"${md5hex(SECRET)}"`],
    ["if-modified-since", () => new Date(Date.now() + 86_400_000).toUTCString()],
    ["if-unmodified-since", () => new Date(0).toUTCString()],
    ["range", () => "bytes=0-0"],
    ["range", () => "bytes=9999-"],
    ["x-amz-checksum-mode", () => "ENABLED"],
  ];

  it.each(CONDITIONS)("%s is not answered before authorization", async (name, value) => {
    for (const as of [null, attacker]) {
      for (const key of ["secret", "absent"]) {
        const path = `/${vault}/${key}`;
        const answer = await ask({ path, headers: { [name]: value() }, as });
        expect(describeAnswer(answer)).toBe("403 AccessDenied");
        const head = await ask({ method: "HEAD", path, headers: { [name]: value() }, as });
        expect(head.status).toBe(403);
        for (const { headers } of [answer, head])
          expect(headers.get("etag") ?? headers.get("content-range")).toBeNull();
      }
    }
  });

  it("callers that may list get 404, all others 403", async () => {
    const bucket = await newBucket(owner);
    await must({ method: "PUT", path: `/${bucket}/present`, as: owner, body: "content" });
    const object = { Effect: "Allow", Action: "s3:*", Resource: `arn:aws:s3:::${bucket}/*` };
    const list = { Effect: "Allow", Action: "s3:ListBucket", Resource: `arn:aws:s3:::${bucket}` };
    const [reader, lister, both] = await Promise.all([
      newUser(owner, [object]),
      newUser(owner, [list]),
      newUser(owner, [object, list]),
    ]);
    const look = async (key: string, as: AttackKey | null): Promise<(string | number)[]> => [
      await outcome({ path: `/${bucket}/${key}`, as }),
      (await ask({ method: "HEAD", path: `/${bucket}/${key}`, as })).status,
      await outcome({ path: `/${bucket}/${key}?acl=`, as }),
      await outcome({ path: `/${bucket}/${key}?tagging=`, as }),
    ];
    expect(await look("absent", reader)).toEqual(["403 AccessDenied", 403, "403 AccessDenied", "403 AccessDenied"]);
    expect(await look("absent", both)).toEqual(["404 NoSuchKey", 404, "404 NoSuchKey", "404 NoSuchKey"]);
    expect((await look("present", lister))[0]).toBe("403 AccessDenied");
    for (const as of [null, attacker]) {
      expect(await look("absent", as)).toEqual(await look("present", as));
    }
    await setBucketPolicy(owner, bucket, [publicRead(bucket)]);
    expect(await outcome({ path: `/${bucket}/present` })).toBe("200");
    expect(await outcome({ path: `/${bucket}/absent` })).toBe("403 AccessDenied");
  });

  it("callers that may only write or delete do not learn an ETag by conditions", async () => {
    const bucket = await newBucket(owner);
    await must({ method: "PUT", path: `/${bucket}/k`, as: owner, body: "content" });
    const user = await newUser(owner, [
      { Effect: "Allow", Action: "s3:DeleteObject", Resource: `arn:aws:s3:::${bucket}/*` },
    ]);
    const headers = { "if-match": '"00000000000000000000000000000000"' };
    expect(await outcome({ method: "DELETE", path: `/${bucket}/k`, headers, as: user })).toBe("403 AccessDenied");
    expect(await outcome({ method: "DELETE", path: `/${bucket}/absent`, headers, as: user })).toBe("403 AccessDenied");
    const body = (key: string) =>
      `<Delete><Object><Key>${key}</Key><ETag>00000000000000000000000000000000</ETag></Object></Delete>`;
    for (const key of ["k", "absent"]) {
      const request = {
        method: "POST",
        path: `/${bucket}?delete=`,
        body: body(key),
        headers: md5(body(key)),
        as: user,
      };
      expect((await ask(request)).text, key).toContain("<Code>AccessDenied</Code>");
    }
  });

  it("response-* parameters are refused for anonymous callers, and cannot split a response", async () => {
    const bucket = await newBucket(owner);
    await must({ method: "PUT", path: `/${bucket}/k`, as: owner, body: "<script>" });
    await setBucketPolicy(owner, bucket, [publicRead(bucket)]);
    const names = [
      "content-type",
      "content-language",
      "expires",
      "cache-control",
      "content-disposition",
      "content-encoding",
    ];
    for (const name of names) {
      for (const method of ["GET", "HEAD"]) {
        const answer = await ask({ method, path: `/${bucket}/k?response-${name}=text%2Fhtml` });
        expect(answer.status).toBe(400);
        expect((await ask({ method, path: `/${vault}/secret?response-${name}=text%2Fhtml` })).status).toBe(403);
      }
      const split = await ask({ path: `/${bucket}/k?response-${name}=a%0D%0ASet-Cookie%3A%20b%3Dc`, as: owner });
      expect(describeAnswer(split)).toBe("400 InvalidArgument");
    }
  });

  it("x-amz-expected-bucket-owner is evaluated after permission, for bucket and source", async () => {
    for (const accountId of [owner.accountId, attacker.accountId]) {
      const headers = { "x-amz-expected-bucket-owner": accountId };
      expect(await outcome({ path: `/${vault}/secret`, headers, as: attacker })).toBe("403 AccessDenied");
      expect(await outcome({ path: `/${vault}/secret`, headers })).toBe("403 AccessDenied");
    }
    const wrong = { "x-amz-expected-bucket-owner": attacker.accountId };
    expect(await outcome({ path: `/${vault}/secret`, headers: wrong, as: owner })).toBe("403 AccessDenied");
    expect(await outcome({ method: "DELETE", path: `/${vault}/secret`, headers: wrong, as: owner })).toBe(
      "403 AccessDenied",
    );
    const form = await postForm(
      `/${vault}`,
      [
        ["key", "evil"],
        ["file", { content: "evil", name: "f" }],
      ],
      wrong,
    );
    expect(form.status).toBe(403);
    const headers = {
      "x-amz-copy-source": `/${vault}/secret`,
      "x-amz-source-expected-bucket-owner": attacker.accountId,
    };
    expect(await outcome({ method: "PUT", path: `/${vault}/evil`, headers, as: owner })).toBe("403 AccessDenied");
    await expectIntact();
  });
});

describe("values that are returned", () => {
  it("CORS reflects only well-formed requested headers", async () => {
    const bucket = await newBucket(owner);
    const rule = (inner: string) => `<CORSConfiguration><CORSRule>${inner}</CORSRule></CORSConfiguration>`;
    const evil = "a&#13;&#10;Set-Cookie: b=c";
    for (const element of ["ExposeHeader", "AllowedHeader", "AllowedOrigin"]) {
      const body = rule(
        `<AllowedMethod>GET</AllowedMethod><AllowedOrigin>https://a.example</AllowedOrigin><${element}>${evil}</${element}>`,
      );
      expect((await configure(bucket, "cors", body)).status, element).toBe(400);
    }
    const anything = rule(
      "<AllowedMethod>GET</AllowedMethod><AllowedOrigin>https://*</AllowedOrigin><AllowedHeader>*</AllowedHeader>",
    );
    expect((await configure(bucket, "cors", anything)).status).toBe(200);
    expect(() => new Headers({ origin: "https://a\r\nset-cookie: a=b" })).toThrow();
    for (const [name, value] of [
      ["origin", "https://a.example\u0001"],
      ["origin", "http://a.example"],
      ["access-control-request-headers", "x-a b, c:d"],
      ["access-control-request-headers", "x-a;set-cookie"],
    ] as const) {
      const headers = { origin: "https://a.example", "access-control-request-method": "GET" };
      let request: Request;
      try {
        request = new Request(`http://${HOST}/${bucket}/k`, {
          method: "OPTIONS",
          headers: { ...headers, [name]: value },
        });
      } catch {
        continue;
      }
      const answer = await hand(request);
      expect([name, value, answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([
        name,
        value,
        name === "origin" ? 403 : 400,
        null,
      ]);
    }
  });

  it("stored metadata and redirects cannot split a response", async () => {
    const values = ["/a\r\nset-cookie: b=c", "/a\u0000", "https://a.example/\u0001"];
    for (const name of ["x-amz-website-redirect-location", "x-amz-meta-a", "content-disposition", "cache-control"]) {
      for (const value of values) {
        let signed: Request;
        try {
          signed = signAs(owner, "header, unsigned payload", {
            method: "PUT",
            url: vaultUrl("/evil"),
            headers: { [name]: value },
            body: "",
          });
        } catch {
          continue;
        }
        const answer = await hand(signed);
        expect([400, 403], `${name}: ${JSON.stringify(value)}`).toContain(answer.status);
      }
      const hoisted = `${vaultUrl("/evil")}?${name}=${encodeURIComponent("/a\r\nset-cookie: b=c")}`;
      const answer = await hand(
        new Request(presignUrl(owner, { method: "PUT", url: hoisted }), { method: "PUT", body: "" }),
      );
      if (name.startsWith("x-amz-")) expect(describeAnswer(answer)).toBe("400 InvalidArgument");
      else await must({ method: "DELETE", path: `/${vault}/evil`, as: owner });
    }
    const encoded = { "x-amz-meta-a": "=?UTF-8?Q?a=0D=0Aset-cookie:_b=3Dc?=" };
    const answer = await ask({ method: "PUT", path: `/${lair}/meta`, headers: encoded, as: attacker, body: "" });
    if (answer.status === 200) {
      const head = await ask({ method: "HEAD", path: `/${lair}/meta`, as: attacker });
      expect([...head.headers.keys()]).not.toContain("set-cookie");
    }
    await expectIntact();
  });

  it("keys, markers and names are escaped in documents", async () => {
    const evil = "</Key><Owner>&\"'";
    const path = `/${lair}/${encodeURIComponent(evil)}`;
    await must({ method: "PUT", path, as: attacker, body: "" });
    const listing = await must({
      path: `/${lair}?prefix=${encodeURIComponent("</")}&delimiter=${encodeURIComponent('"')}`,
      as: attacker,
    });
    expect(texts(readXml(listing.text), "CommonPrefixes", "Prefix")).toEqual(['</Key><Owner>&"']);
    const absent = await ask({ path: `/${vault}/${encodeURIComponent(evil)}`, as: owner });
    expect(textIn(readXml(absent.text), "Key")).toBe(evil);
    expect((await ask({ path: "/%3Cscript%3E/k" })).text).not.toContain("<script>");
  });
});

describe("keys, users and sessions", () => {
  const POLICY = JSON.stringify({ Version: "2012-10-17", Statement: [EVERYTHING] });

  it("a user creates keys, users and policies only within its permissions", async () => {
    const admin = await newUser(owner, [EVERYTHING]);
    const clerk = await newUser(owner, [{ Effect: "Allow", Action: ["s3:*", "sts:*"], Resource: "*" }]);
    const attempts: [string, Record<string, string>][] = [
      ["CreateUser", { UserName: unique("minted") }],
      ["CreateAccessKey", {}],
      ["CreateAccessKey", { UserName: clerk.name }],
      ["CreateAccessKey", { UserName: admin.name }],
      ["PutUserPolicy", { UserName: clerk.name, PolicyName: "p", PolicyDocument: POLICY }],
      ["DeleteUserPolicy", { UserName: clerk.name, PolicyName: "p" }],
      ["UpdateAccessKey", { AccessKeyId: admin.accessKeyId, Status: "Inactive", UserName: admin.name }],
      ["DeleteAccessKey", { AccessKeyId: owner.accessKeyId }],
      ["ListAccessKeys", { UserName: admin.name }],
      ["GetAccessKeyLastUsed", { AccessKeyId: admin.accessKeyId }],
    ];
    for (const [action, parameters] of attempts) {
      expect(await queryOutcome("iam", action, parameters, clerk), action).toBe("403 AccessDenied");
    }
    // A user that may manage only itself.
    await setPolicy(owner, clerk.name, [
      { Effect: "Allow", Action: "iam:*", Resource: `arn:aws:iam::${owner.accountId}:user/${clerk.name}` },
    ]);
    const self = await newKey(clerk, clerk.name);
    expect(await outcome({ path: `/${vault}/secret`, as: self })).toBe("403 AccessDenied");
    for (const [action, parameters] of attempts.filter(([, { UserName }]) => UserName === admin.name)) {
      expect(await queryOutcome("iam", action, parameters, clerk), action).toBe("403 AccessDenied");
    }
    // Without a name the call is about the caller, never about the account's root.
    const keys = await query("iam", "ListAccessKeys", {}, clerk);
    expect(JSON.stringify(keys)).not.toContain(owner.accessKeyId);
    expect(await queryOutcome("iam", "DeleteAccessKey", { AccessKeyId: owner.accessKeyId }, clerk)).toBe(
      "404 NoSuchEntity",
    );
  });

  it("an account cannot access another account", async () => {
    const victim = await newUser(owner, [EVERYTHING]);
    for (const [action, more] of [
      ["CreateAccessKey", {}],
      ["PutUserPolicy", { PolicyName: "p", PolicyDocument: POLICY }],
      ["DeleteUser", {}],
      ["GetUser", {}],
      ["UpdateAccessKey", { AccessKeyId: victim.accessKeyId, Status: "Inactive" }],
    ] as const) {
      for (const as of [attacker, ROOT]) {
        const parameters: Record<string, string> = { UserName: victim.name, ...more };
        expect(await queryOutcome("iam", action, parameters, as), action).toMatch(
          /^(404 NoSuchEntity|403 AccessDenied)$/,
        );
      }
    }
    const answer = await queryOutcome(
      "iam",
      "UpdateAccessKey",
      { AccessKeyId: owner.accessKeyId, Status: "Inactive" },
      attacker,
    );
    expect(answer).toBe("404 NoSuchEntity");
    expect(await outcome({ path: `/${vault}/secret`, as: victim })).toBe("200");
  });

  it("a session has at most its creator's permissions, creates no other session, and manages no users", async () => {
    const reader = await newUser(owner, [
      { Effect: "Allow", Action: ["s3:GetObject", "sts:GetFederationToken"], Resource: "*" },
    ]);
    const [plain, wide, narrow, none] = await Promise.all([
      newSession(reader),
      federate(reader, [EVERYTHING]),
      federate(reader, [{ Effect: "Allow", Action: "s3:PutObject", Resource: "*" }]),
      federate(reader),
    ]);
    const rootSession = await newSession(owner);
    for (const session of [plain, wide, narrow, none, rootSession]) {
      if (session.sessionToken !== undefined) secrets.add(session.sessionToken);
      secrets.add(session.secretAccessKey);
    }
    const may = async (as: AttackKey) => [
      (await ask({ path: `/${vault}/secret`, as })).status,
      (await ask({ method: "PUT", path: `/${vault}/evil`, as, body: "evil" })).status,
    ];
    expect(await may(plain)).toEqual([200, 403]);
    expect(await may(wide)).toEqual([200, 403]);
    expect(await may(narrow)).toEqual([403, 403]);
    expect(await may(none)).toEqual([403, 403]);
    for (const session of [plain, wide, rootSession]) {
      expect(await queryOutcome("sts", "GetSessionToken", {}, session)).toBe("403 AccessDenied");
      expect(await queryOutcome("sts", "GetFederationToken", { Name: "fed", Policy: POLICY }, session)).toBe(
        "403 AccessDenied",
      );
      expect(await queryOutcome("iam", "CreateUser", { UserName: unique("minted") }, session)).toBe("403 AccessDenied");
      expect(await queryOutcome("iam", "CreateAccessKey", {}, session)).toBe("403 AccessDenied");
    }
    await expectIntact();
  });

  it("a session token that is altered, swapped, missing or used with another key is refused", async () => {
    const [one, two] = await Promise.all([newSession(owner), newSession(owner)]);
    const attempts: AttackKey[] = [
      { ...one, sessionToken: two.sessionToken ?? "" },
      { ...one, sessionToken: `${one.sessionToken?.slice(0, -2)}AA` },
      { ...one, sessionToken: `${one.sessionToken} ` },
      { accessKeyId: one.accessKeyId, secretAccessKey: one.secretAccessKey },
      { ...owner, sessionToken: one.sessionToken ?? "" },
      { ...attacker, sessionToken: one.sessionToken ?? "" },
      { ...one, secretAccessKey: two.secretAccessKey },
    ];
    for (const [index, as] of attempts.entries()) {
      for (const form of ["header, unsigned payload", "presigned, unsigned payload"] as const) {
        const answer = await ask({ path: `/${vault}/secret`, as, form });
        // Blanks around a header's value are not part of it.
        if (index === 2 && form.startsWith("header")) continue;
        expect([400, 403], `${index} ${form}`).toContain(answer.status);
      }
    }
  });

  it("disabling or deleting a key, user or policy takes effect at once, including for sessions", async () => {
    const user = await newUser(owner, [EVERYTHING]);
    const session = await newSession(user);
    const both = async () => [
      await outcome({ path: `/${vault}/secret`, as: user }),
      await outcome({ path: `/${vault}/secret`, as: session }),
    ];
    const status = (Status: string) =>
      query("iam", "UpdateAccessKey", { UserName: user.name, AccessKeyId: user.accessKeyId, Status }, owner);
    expect(await both()).toEqual(["200", "200"]);
    await status("Inactive");
    expect(await both()).toEqual(["403 InvalidAccessKeyId", expect.stringMatching(/^40[03] Invalid/)]);
    await status("Active");
    expect(await both()).toEqual(["200", "200"]);
    await query("iam", "DeleteUserPolicy", { UserName: user.name, PolicyName: "p" }, owner);
    expect(await both()).toEqual(["403 AccessDenied", "403 AccessDenied"]);
    await setPolicy(owner, user.name, [EVERYTHING]);
    expect(await both()).toEqual(["200", "200"]);
    await query("iam", "DeleteAccessKey", { UserName: user.name, AccessKeyId: user.accessKeyId }, owner);
    expect(await both()).toEqual(["403 InvalidAccessKeyId", "400 InvalidToken"]);
  });

  it("disabling a key by the admin API takes effect at once, and so does removing a policy", async () => {
    const account = await newAccount();
    expect(await outcome({ path: "/", as: account })).toBe("200");
    const body = '{"status":"Inactive"}';
    await must({ method: "PATCH", path: `/-/admin/keys/${account.accessKeyId}`, as: ROOT, body });
    expect(await outcome({ path: "/", as: account })).toBe("403 InvalidAccessKeyId");
    const bucket = await newBucket(owner);
    await must({ method: "PUT", path: `/${bucket}/k`, as: owner, body: "content" });
    await setBucketPolicy(owner, bucket, [publicRead(bucket)]);
    expect(await outcome({ path: `/${bucket}/k` })).toBe("200");
    await must({ method: "DELETE", path: `/${bucket}?policy=`, as: owner });
    expect(await outcome({ path: `/${bucket}/k` })).toBe("403 AccessDenied");
  });

  it("the admin API accepts only the deployment's root keys", async () => {
    const admin = await newUser(ROOT, [EVERYTHING]);
    const callers: (AttackKey | null)[] = [
      null,
      owner,
      admin,
      await newSession(ROOT),
      await federate(ROOT, [EVERYTHING]),
      { ...ROOT, secretAccessKey: "wrong" },
    ];
    const calls = [
      ["GET", "/-/admin/accounts"],
      ["POST", "/-/admin/accounts"],
      ["GET", "/-/admin/keys"],
      ["POST", `/-/admin/accounts/${owner.accountId}/keys`],
      ["PATCH", `/-/admin/keys/${owner.accessKeyId}`],
      ["DELETE", `/-/admin/keys/${owner.accessKeyId}`],
    ] as const;
    for (const as of callers) {
      for (const [method, path] of calls) {
        const hasBody = method === "POST" || method === "PATCH";
        const body = '{"displayName":"minted","status":"Inactive"}';
        const answer = await ask({ method, path, as, ...(hasBody && { body }) });
        expect([400, 403], `${method} ${path} ${answer.text}`).toContain(answer.status);
        expect(answer.text).not.toMatch(/secretAccessKey|accountId|AKIA/);
      }
    }
    expect(await outcome({ path: `/${vault}/secret`, as: owner })).toBe("200");
  });
});

describe("names and paths", () => {
  it("paths below /-/ are not a bucket, and a bucket's keys are not paths below /-/", async () => {
    for (const path of [
      "/-",
      "/-/",
      "/-/k",
      "/-/admin",
      "/-/admin/../../k",
      "/-%2Fadmin%2Faccounts",
      "/%2D/admin/accounts",
      "/cdn-cgi/k",
    ]) {
      for (const method of ["GET", "PUT", "DELETE"]) {
        const answer = await ask({ method, path, as: attacker, ...(method === "PUT" && { body: "" }) });
        expect([400, 403, 404, 405], `${method} ${path}`).toContain(answer.status);
      }
    }
    for (const path of ["/-/admin/accounts", "/-/health"]) {
      const put = { method: "PUT", path, host: `${lair}.${HOST}`, body: "mine" } as const;
      expect((await ask({ ...put, as: attacker })).status).toBe(200);
      expect((await ask({ path, host: `${lair}.${HOST}`, as: attacker })).text).toBe("mine");
      expect((await ask({ path, host: `${vault}.${HOST}`, as: attacker })).status).toBe(403);
    }
  });

  it("every spelling of a path reaches the bucket and key that are authorized", async () => {
    await setBucketPolicy(owner, vault, [{ ...publicRead(vault), Resource: `arn:aws:s3:::${vault}/public/*` }]);
    const paths = [
      `/${vault}/public/../secret`,
      `/${vault}/public/%2e%2e/secret`,
      `/${vault}/public/..%2fsecret`,
      `/${vault}/public/%2e%2e%2fsecret`,
      `/${vault}/public%2f..%2fsecret`,
      `/${vault}/public/..;/secret`,
      `/${vault}/public/..\\secret`,
      `/${vault}//secret`,
      `/${vault}/./secret`,
      `/${vault}/%2Fsecret`,
      `/${vault}/secret%00public/`,
      `/${vault}%2Fsecret`,
      `//${vault}/secret`,
      `/${vault.toUpperCase()}/secret`,
      `/${lair}/../${vault}/secret`,
      `/${lair}/%2e%2e/${vault}/secret`,
      `/${lair}%2F..%2F${vault}/secret`,
      `/${vault}./secret`,
      `/${vault}/secret?public/`,
      `/${vault}/secret/`,
      `/${vault}/SECRET`,
    ];
    for (const path of paths) {
      for (const as of [null, attacker]) {
        const answer = await hand(
          signAs(as, "header, unsigned payload", { method: "GET", url: `http://${HOST}${path}` }),
        );
        expect([400, 403, 404], path).toContain(answer.status);
        expect(answer.text, path).not.toContain(SECRET);
      }
    }
    await must({ method: "DELETE", path: `/${vault}?policy=`, as: owner });
  });

  it("host and path cannot name different buckets", async () => {
    const hosts = [
      [`${lair}.${HOST}`, `/${vault}/secret`],
      [`${lair}.s3.localhost.:8787`, `/${vault}/secret`],
      [`${lair.toUpperCase()}.S3.LOCALHOST:8787`, `/${vault}/secret`],
      [`${vault}.${HOST}`, "/secret"],
      [`${vault}.s3.localhost.:8787`, "/secret"],
      [`${vault}.s3.localhost:1`, "/secret"],
      [`x.${vault}.${HOST}`, "/secret"],
      [`${vault}.evil.example`, "/secret"],
      ["evil.example", `/${vault}/secret`],
    ] as const;
    for (const [host, path] of hosts) {
      for (const as of [null, attacker]) {
        const answer = await ask({ path, host, as });
        expect([400, 403, 404], `${host}${path}`).toContain(answer.status);
        expect(answer.text).not.toContain(SECRET);
      }
    }
    // A signature for a host is valid for that host.
    const unsigned = { method: "GET", url: `http://${vault}.${HOST}/secret` };
    const { headers } = signAs(owner, "header, unsigned payload", unsigned);
    expect((await hand(new Request(unsigned.url, { headers }))).status).toBe(200);
    expect((await hand(new Request(`http://${HOST}/secret`, { headers }))).status).toBe(403);
    expect((await hand(new Request(`http://${lair}.${HOST}/secret`, { headers }))).status).toBe(403);
    for (const name of ["x-forwarded-host", "x-original-url", "x-rewrite-url", "x-http-method-override"]) {
      const answer = await ask({ path: `/${lair}`, headers: { [name]: `/${vault}/secret` }, as: attacker });
      expect(answer.text).not.toContain(SECRET);
    }
  });
});

describe("tokens are bound to their bucket and key", () => {
  it("an upload id is valid only for its bucket and key, and for callers that may write there", async () => {
    const created = await must({ method: "POST", path: `/${vault}/upload?uploads=`, as: owner });
    const uploadId = textIn(readXml(created.text), "UploadId");
    const complete =
      "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>0</ETag></Part></CompleteMultipartUpload>";
    const places: [string, AttackKey | null, string][] = [
      [`/${lair}/upload`, attacker, "404 NoSuchUpload"],
      [`/${vault}/other`, owner, "404 NoSuchUpload"],
      [`/${vault}/upload`, attacker, "403 AccessDenied"],
      [`/${vault}/upload`, null, "403 AccessDenied"],
    ];
    for (const [path, as, expected] of places) {
      const target = `${path}?uploadId=${uploadId}`;
      expect(await outcome({ path: target, as })).toBe(expected);
      expect(
        await outcome({ method: "PUT", path: `${path}?partNumber=1&uploadId=${uploadId}`, as, body: "evil" }),
      ).toBe(expected);
      expect(await outcome({ method: "POST", path: target, as, body: complete })).toBe(expected);
      expect(await outcome({ method: "DELETE", path: target, as })).toBe(expected);
    }
    const parts = await must({ path: `/${vault}/upload?uploadId=${uploadId}`, as: owner });
    expect(texts(readXml(parts.text), "Part", "Size")).toEqual([]);
    expect(await outcome({ path: `/${vault}?uploads=`, as: attacker })).toBe("403 AccessDenied");
    expect(await outcome({ path: `/${vault}?uploads=` })).toBe("403 AccessDenied");
    const own = await ask({ path: `/${lair}?uploads=&key-marker=upload&upload-id-marker=${uploadId}`, as: attacker });
    expect(own.text).not.toContain(`<UploadId>${uploadId}</UploadId>`);
    await must({ method: "DELETE", path: `/${vault}/upload?uploadId=${uploadId}`, as: owner });
  });

  it("a continuation token is valid only for its bucket, and cannot be altered", async () => {
    const bucket = await newBucket(attacker);
    for (const key of ["a", "b"]) await must({ method: "PUT", path: `/${bucket}/${key}`, as: attacker, body: "" });
    const page = await must({ path: `/${bucket}?list-type=2&max-keys=1`, as: attacker });
    const token = textIn(readXml(page.text), "NextContinuationToken") ?? "";
    const use = (name: string, text: string, as: AttackKey | null = attacker) =>
      outcome({ path: `/${name}?list-type=2&continuation-token=${encodeURIComponent(text)}`, as });
    expect(await use(bucket, token)).toBe("200");
    expect(await use(lair, token)).toBe("400 InvalidArgument");
    expect(await use(vault, token)).toBe("403 AccessDenied");
    expect(await use(bucket, token, null)).toBe("403 AccessDenied");
    for (const altered of [`${token.slice(0, -1)}_`, `${token}A`, token.slice(0, 8), "AAAA"]) {
      expect(await use(bucket, altered)).toBe("400 InvalidArgument");
    }
    const buckets = await ask({ path: `/?continuation-token=${encodeURIComponent(token)}`, as: attacker });
    expect(describeAnswer(buckets)).toBe("400 InvalidArgument");
  });
});

// `npm run test:time` measures their cost; tests of the parsers compare the steps of n with those of 2 n.
describe("malicious documents and headers", () => {
  it.each([
    ["entities", () => `<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><Tagging>&b;</Tagging>`],
    ["an external entity", () => `<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><Tagging>&a;</Tagging>`],
    ["depth", () => `${"<a>".repeat(15_000)}${"</a>".repeat(15_000)}`],
    ["depth below its root", () => `<Tagging>${"<TagSet>".repeat(5000)}${"</TagSet>".repeat(5000)}</Tagging>`],
    ["breadth", () => `<Tagging><TagSet>${"<Tag/>".repeat(20_000)}</TagSet></Tagging>`],
    ["attributes", () => `<Tagging ${Array.from({ length: 8000 }, (_, index) => `a${index}="b"`).join(" ")}/>`],
    ["comments", () => `<Tagging>${"<!-- -->".repeat(15_000)}<Tag/></Tagging>`],
    ["an unclosed comment", () => `<Tagging><!--${"-".repeat(120_000)}`],
    ["unclosed openings", () => "<!--".repeat(30_000)],
    ["ampersands", () => `<Tagging>${"&".repeat(120_000)}</Tagging>`],
    ["blanks", () => `<Tagging>${" ".repeat(120_000)}x`],
    [
      "__proto__",
      () => "<Tagging><TagSet><Tag><__proto__>a</__proto__><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>",
    ],
  ])("an XML document of %s is refused", async (_name, make) => {
    const answer = await configure(vault, "tagging", make());
    expect(describeAnswer(answer)).toMatch(/^400 (MalformedXML|MaxMessageLengthExceeded|BadRequest|InvalidTag)$/);
  });

  it.each([
    ["unclosed comments", "<!--", ""],
    ["unclosed sections", "<![CDATA[", ""],
    ["comments", "<!---->", ""],
    ["instructions", "<?a ?>", ""],
    ["unclosed instructions", "<?a", ""],
    ["unclosed elements", "<a ", ""],
    ["elements", "<a>", ""],
    ["attributes", ' a="', ""],
    ["quotes", "<a b='", ""],
    ["references", "&amp;", ""],
    ["bare ampersands", "&#x", ""],
    ["closing tags", "</a>", ""],
    ["angles", "<", ""],
    ["angles that close", "> ", "x"],
    ["blanks", " ", "x"],
  ])("two megabytes of %s are refused with MalformedXML", async (_name, piece, end) => {
    const body = `<Delete>${piece.repeat((2 * 1024 * 1024 - 100) / piece.length)}${end}`;
    const answer = await ask({ method: "POST", path: `/${vault}?delete=`, body, headers: md5(body), as: owner });
    expect(describeAnswer(answer)).toBe("400 MalformedXML");
  });

  it.each(["tagging", "cors", "acl", "ownershipControls", "publicAccessBlock", "policy"])(
    "10 MB of ?%s are refused for their length",
    async (kind) => {
      const body = `<a>${" ".repeat(10 * 1024 * 1024)}</a>`;
      const answer = await ask({
        method: "PUT",
        path: `/${vault}?${kind}=`,
        body,
        headers: { "content-md5": "AAAAAAAAAAAAAAAAAAAAAA==" },
        as: owner,
      });
      expect(answer.status).toBe(400);
      expect(answer.code).toMatch(
        /MaxMessageLengthExceeded|MalformedXML|MalformedPolicy|EntityTooLarge|MalformedACLError/,
      );
    },
  );

  it.each([
    ["depth", () => `{"Version":"2012-10-17","Statement":${"[".repeat(15_000)}${"]".repeat(15_000)}}`],
    ["objects in depth", () => `{"Statement":${'{"a":'.repeat(8000)}1${"}".repeat(8000)}}`],
    ["__proto__", () => `{"__proto__":{"Statement":[]},"Version":"2012-10-17"}`],
    [
      "equal names",
      () => bucketPolicy([publicRead(vault)]).replace('"Effect":"Allow"', '"Effect":"Deny","Effect":"Allow"'),
    ],
    ["blanks", () => `{${" ".repeat(60_000)}`],
    ["quotes", () => `{"${"\\\\".repeat(30_000)}`],
  ])("a policy of %s is refused", async (_name, make) => {
    const answer = await ask({ method: "PUT", path: `/${vault}?policy=`, body: make(), as: owner });
    expect(describeAnswer(answer)).toMatch(/^400 (MalformedPolicy|MaxMessageLengthExceeded)$/);
  });

  it("hundreds of wildcards are refused or evaluated", async () => {
    const bucket = await newBucket(owner);
    const stars = "*a".repeat(300);
    const statements = Array.from({ length: 20 }, () => ({
      ...publicRead(bucket),
      Resource: `arn:aws:s3:::${bucket}/${stars}b`,
      Condition: { StringLike: { "aws:UserAgent": `${"*a?".repeat(60)}b` } },
    }));
    const put = await ask({ method: "PUT", path: `/${bucket}?policy=`, body: bucketPolicy(statements), as: owner });
    const refused = put.status === 400;
    const answer = await ask({ path: `/${bucket}/${"a".repeat(1000)}`, headers: { "user-agent": "a".repeat(8000) } });
    expect([answer.status, refused || put.status === 204]).toEqual([403, true]);
    const user = await newUser(owner, [
      { Effect: "Allow", Action: `s3:${"*e".repeat(50)}`, Resource: `arn:aws:s3:::${stars}b` },
    ]);
    expect((await ask({ path: `/${vault}/${"a".repeat(1000)}`, as: user })).status).toBe(403);
  });

  it("huge headers and queries never get a 5xx", async () => {
    const long = "a".repeat(60_000);
    const requests: [string, Record<string, string>][] = [
      [`/${vault}/secret`, { authorization: `AWS4-HMAC-SHA256 ${long}` }],
      [
        `/${vault}/secret`,
        { authorization: `AWS4-HMAC-SHA256 Credential=${long}/a/b/c/d, SignedHeaders=host, Signature=${long}` },
      ],
      [`/${vault}/secret`, { authorization: `AWS4-HMAC-SHA256 ${" ,".repeat(30_000)}` }],
      [`/${vault}/secret`, { range: `bytes=${"0-1,".repeat(15_000)}` }],
      [`/${vault}/secret`, { "if-none-match": '"a",'.repeat(15_000) }],
      [`/${vault}/secret`, { "x-amz-copy-source": "%2F".repeat(20_000) }],
      [`/${vault}/secret`, { "x-amz-tagging": "a=b&".repeat(15_000) }],
      [`/${vault}/secret`, { "user-agent": long, referer: long }],
      [`/${vault}/secret?${"a&".repeat(30_000)}`, {}],
      [`/${vault}/secret?X-Amz-Credential=${long}&X-Amz-Algorithm=AWS4-HMAC-SHA256`, {}],
      [`/${vault}/secret?X-Amz-Security-Token=${long}&X-Amz-Credential=a%2Fb`, {}],
      [`/${vault}/${long}`, {}],
      [`/${long}`, {}],
    ];
    for (const [path, headers] of requests) {
      for (const method of ["GET", "PUT"]) {
        const init = { method, path, headers, ...(method === "PUT" && { body: "" }) };
        const answer = await ask(init);
        expect([400, 403, 404, 414, 431, 501], `${path.slice(0, 40)} ${Object.keys(headers)}`).toContain(answer.status);
      }
    }
    await expectIntact();
  });
});

describe("ACLs and the settings that override them", () => {
  const acl = (ownerId: string, grants: string) =>
    `<AccessControlPolicy><Owner><ID>${ownerId}</ID></Owner><AccessControlList>${grants}</AccessControlList></AccessControlPolicy>`;
  const grantTo = (id: string, permission: string) =>
    `<Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>${id}</ID></Grantee><Permission>${permission}</Permission></Grant>`;
  const ownership = (value: string) =>
    `<OwnershipControls><Rule><ObjectOwnership>${value}</ObjectOwnership></Rule></OwnershipControls>`;
  const block = (...names: string[]) =>
    `<PublicAccessBlockConfiguration>${names.map((name) => `<${name}>true</${name}>`).join("")}</PublicAccessBlockConfiguration>`;

  it("permission to read or write a bucket or object does not include changing its ACL", async () => {
    const bucket = await newBucket(owner);
    await must({ method: "PUT", path: `/${bucket}/k`, as: owner, body: "content" });
    for (const permission of ["READ", "WRITE", "READ_ACP"]) {
      expect(
        (await configure(bucket, "acl", acl(owner.canonicalId, grantTo(attacker.canonicalId, permission)))).status,
      ).toBe(200);
      const own = acl(owner.canonicalId, grantTo(attacker.canonicalId, "FULL_CONTROL"));
      for (const path of [`/${bucket}?acl=`, `/${bucket}/k?acl=`]) {
        expect(await outcome({ method: "PUT", path, body: own, as: attacker })).toBe("403 AccessDenied");
        const headers = { "x-amz-acl": "public-read-write" };
        expect(await outcome({ method: "PUT", path, headers, as: attacker })).toBe("403 AccessDenied");
      }
      expect(await outcome({ path: `/${bucket}/k`, as: attacker })).toBe("403 AccessDenied");
    }
    // WRITE_ACP does not make anyone the owner.
    expect(
      (await configure(bucket, "acl", acl(owner.canonicalId, grantTo(attacker.canonicalId, "WRITE_ACP")))).status,
    ).toBe(200);
    const stolen = acl(attacker.canonicalId, grantTo(attacker.canonicalId, "FULL_CONTROL"));
    expect(await outcome({ method: "PUT", path: `/${bucket}?acl=`, body: stolen, as: attacker })).toBe(
      "403 AccessDenied",
    );
    expect(await outcome({ method: "DELETE", path: `/${bucket}`, as: attacker })).toBe("403 AccessDenied");
    expect(await outcome({ path: `/${bucket}?policy=`, as: attacker })).toBe("403 AccessDenied");
  });

  it("permission to put objects does not include setting their ACL", async () => {
    const user = await newUser(owner, [
      { Effect: "Allow", Action: "s3:PutObject", Resource: `arn:aws:s3:::${vault}/*` },
    ]);
    for (const headers of [{ "x-amz-acl": "public-read" }, { "x-amz-grant-read": `id="${attacker.canonicalId}"` }]) {
      for (const request of [
        { method: "PUT", path: `/${vault}/evil`, body: "evil", headers },
        { method: "POST", path: `/${vault}/evil?uploads=`, headers },
        { method: "PUT", path: `/${vault}/evil?acl=`, headers },
      ]) {
        expect(await outcome({ ...request, as: user })).toBe("403 AccessDenied");
      }
    }
    await expectIntact();
  });

  it("an object's ACL is deleted with the object", async () => {
    const bucket = await newBucket(owner);
    const put = (headers = {}) => must({ method: "PUT", path: `/${bucket}/k`, as: owner, body: "content", headers });
    await put({ "x-amz-acl": "public-read" });
    expect(await outcome({ path: `/${bucket}/k` })).toBe("200");
    await put();
    expect(await outcome({ path: `/${bucket}/k` })).toBe("403 AccessDenied");
    await put({ "x-amz-acl": "public-read" });
    await must({ method: "PUT", path: `/${bucket}/copy`, as: owner, headers: { "x-amz-copy-source": `/${bucket}/k` } });
    expect(await outcome({ path: `/${bucket}/copy` })).toBe("403 AccessDenied");
    await must({ method: "DELETE", path: `/${bucket}/k`, as: owner });
    await put();
    expect(await outcome({ path: `/${bucket}/k` })).toBe("403 AccessDenied");
  });

  it("BucketOwnerEnforced disables the ACLs of bucket and objects", async () => {
    const bucket = await newBucket(owner);
    await must({
      method: "PUT",
      path: `/${bucket}/k`,
      as: owner,
      body: "content",
      headers: { "x-amz-acl": "public-read-write" },
    });
    expect(await outcome({ path: `/${bucket}/k` })).toBe("200");
    expect((await configure(bucket, "ownershipControls", ownership("BucketOwnerEnforced"))).status).toBe(200);
    expect(await outcome({ path: `/${bucket}/k` })).toBe("403 AccessDenied");
    for (const path of [`/${bucket}?acl=`, `/${bucket}/k?acl=`]) {
      const headers = { "x-amz-acl": "public-read" };
      expect(await outcome({ method: "PUT", path, headers, as: owner })).toBe("400 AccessControlListNotSupported");
    }
    const request = {
      method: "PUT",
      path: `/${bucket}/new`,
      body: "",
      headers: { "x-amz-acl": "public-read" },
      as: owner,
    };
    expect(await outcome(request)).toBe("400 AccessControlListNotSupported");
  });

  it("the public access block blocks every kind of public access", async () => {
    const bucket = await newBucket(owner);
    await must({
      method: "PUT",
      path: `/${bucket}/k`,
      as: owner,
      body: "content",
      headers: { "x-amz-acl": "public-read" },
    });
    expect((await configure(bucket, "publicAccessBlock", block("BlockPublicAcls"))).status).toBe(200);
    // Existing public ACLs stay, new ones are refused.
    expect(await outcome({ path: `/${bucket}/k` })).toBe("200");
    const groups = ["AllUsers", "AuthenticatedUsers"].map(
      (group) => `uri="http://acs.amazonaws.com/groups/global/${group}"`,
    );
    const wishes: Record<string, string>[] = [
      ...["public-read", "public-read-write", "authenticated-read"].map((name) => ({ "x-amz-acl": name })),
      ...groups.flatMap((group) =>
        ["read", "write-acp", "full-control"].map((name) => ({ [`x-amz-grant-${name}`]: group })),
      ),
    ];
    for (const headers of wishes) {
      const requests = [
        { method: "PUT", path: `/${bucket}?acl=` },
        { method: "PUT", path: `/${bucket}/k?acl=` },
        { method: "PUT", path: `/${bucket}/new`, body: "" },
        { method: "POST", path: `/${bucket}/new?uploads=` },
      ];
      for (const request of requests) {
        expect(await outcome({ ...request, headers, as: owner }), `${request.path} ${JSON.stringify(headers)}`).toBe(
          "403 AccessDenied",
        );
      }
      const copied = { ...headers, "x-amz-copy-source": `/${bucket}/k` };
      expect(await outcome({ method: "PUT", path: `/${bucket}/new`, headers: copied, as: owner })).toBe(
        "403 AccessDenied",
      );
    }
    expect((await configure(bucket, "publicAccessBlock", block("IgnorePublicAcls"))).status).toBe(200);
    expect(await outcome({ path: `/${bucket}/k` })).toBe("403 AccessDenied");
    expect(await outcome({ path: `/${bucket}/k`, as: attacker })).toBe("403 AccessDenied");
    await setBucketPolicy(owner, bucket, [publicRead(bucket)]);
    expect(await outcome({ path: `/${bucket}/k` })).toBe("200");
    expect((await configure(bucket, "publicAccessBlock", block("RestrictPublicBuckets"))).status).toBe(200);
    expect(await outcome({ path: `/${bucket}/k`, as: attacker })).toBe("200");
    expect(
      (await configure(bucket, "publicAccessBlock", block("RestrictPublicBuckets", "IgnorePublicAcls"))).status,
    ).toBe(200);
    for (const as of [null, attacker]) expect(await outcome({ path: `/${bucket}/k`, as })).toBe("403 AccessDenied");
  });
});

it("the log contains no secret, token, signature or header", () => {
  expect(printed.length).toBeGreaterThan(500);
  // Headers appear quoted or with their value; the name of a header is not secret.
  const leak = /Signature=|X-Amz-Signature|AWS4-HMAC|\b[0-9a-f]{64}\b/i;
  const leaking = printed.filter(
    (line) => leak.test(line) || line.includes(SECRET) || [...secrets].some((secret) => line.includes(secret)),
  );
  expect(leaking.map((line) => line.slice(0, 1000))).toEqual([]);
});
