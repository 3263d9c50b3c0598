/**
 * Locks of objects: GetObjectRetention, PutObjectRetention, GetObjectLegalHold, PutObjectLegalHold, the headers of writes and
 * reads, and the conditions of policies. `object-lock-removals.test.ts` is about everything that removes what is locked.
 */
import { describe, expect, it } from "vitest";
import { digestOf } from "../../support/acl.ts";
import { expectError, expectHeadError } from "../../support/errors.ts";
import { createUser } from "../../support/iam.ts";
import { keepObjectsInMemory } from "../../support/memory-store.ts";
import { createUpload, putMultipart, sendPart } from "../../support/multipart.ts";
import {
  createLockedBucket,
  DAY_MS,
  DIGEST,
  getLock,
  holdOf,
  inDays,
  lockConfiguration,
  putLock,
  putLockConfiguration,
  putLocked,
  retentionOf,
} from "../../support/object-lock.ts";
import { BOUNDARY, encodeForm, signPolicy, tomorrow } from "../../support/post-form.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { handDirectly, type SendOptions, STYLES, send, urlOf } from "../../support/request.ts";
import { createBucket, type Key, ROOT } from "../../support/s3.ts";
import { documentOf, fields } from "../../support/xml.ts";

keepObjectsInMemory();

const MODE = "x-amz-object-lock-mode";
const UNTIL = "x-amz-object-lock-retain-until-date";
const HOLD = "x-amz-object-lock-legal-hold";
const BYPASS = { "x-amz-bypass-governance-retention": "true" };
const PROTECTED = { message: "Access Denied because object protected by object lock." };
const NO_LOCK = { message: "The specified object does not have a ObjectLock configuration" };
const NO_BUCKET_LOCK = { message: "Bucket is missing Object Lock Configuration" };
const FUTURE = "2140-01-01T00:00:00.000Z";
const ON = holdOf("ON");

describeRefusals("GetObjectRetention", { query: "retention", key: "k", success: 400 });
describeRefusals("GetObjectLegalHold", { query: "legal-hold", key: "k", success: 400 });
for (const [name, query, body] of [
  ["PutObjectRetention", "retention", "<Retention/>"],
  ["PutObjectLegalHold", "legal-hold", ON],
] as const) {
  describeRefusals(name, { method: "PUT", query, key: "k", body, headers: await digestOf(body), success: 400 });
}

const allow = (...actions: readonly string[]) => ({ Effect: "Allow", Action: actions, Resource: "*" });

/** The lock's headers in the answer to HEAD. */
async function shown(bucket: string, options: SendOptions = {}): Promise<(string | null)[]> {
  const response = await send({ method: "HEAD", bucket, key: "k", ...options });
  expect(response.status).toBe(200);
  return [MODE, UNTIL, HOLD].map((name) => response.headers.get(name));
}

async function retentionIn(bucket: string, versionId?: string): Promise<Record<string, string>> {
  const response = await getLock("retention", { bucket, key: "k", ...(versionId && { versionId }) });
  return fields(await documentOf(response, "Retention"));
}

async function retain(bucket: string, mode: string, date: string, options: Partial<SendOptions> = {}) {
  return putLock("retention", { bucket, key: "k", body: retentionOf(mode, date), ...options });
}

describe("a lock of an object", () => {
  it.each(STYLES)("is put, read and shown, %s style", async (style) => {
    const bucket = await createLockedBucket();
    const target = { bucket, key: "k", style };
    await putLocked(bucket, "k");
    expect(await shown(bucket)).toEqual([null, null, null]);
    for (const kind of ["retention", "legal-hold"] as const) {
      await expectError(await getLock(kind, target), 404, "NoSuchObjectLockConfiguration", NO_LOCK);
    }

    const retained = await putLock("retention", { ...target, body: retentionOf("GOVERNANCE", FUTURE) });
    expect([retained.status, await retained.text()]).toEqual([200, ""]);
    expect(await retentionIn(bucket)).toEqual({ Mode: "GOVERNANCE", RetainUntilDate: FUTURE });
    await expectError(await getLock("legal-hold", target), 404, "NoSuchObjectLockConfiguration", NO_LOCK);

    for (const status of ["ON", "OFF"]) {
      const held = await putLock("legal-hold", { ...target, body: holdOf(status) });
      expect([held.status, await held.text()]).toEqual([200, ""]);
      expect(fields(await documentOf(await getLock("legal-hold", target), "LegalHold"))).toEqual({ Status: status });
      expect(await shown(bucket)).toEqual(["GOVERNANCE", FUTURE, status]);
      expect((await send({ ...target })).headers.get(HOLD)).toBe(status);
    }

    const removed = await putLock("retention", { ...target, body: "<Retention/>", headers: BYPASS });
    expect(removed.status).toBe(200);
    expect(await shown(bucket)).toEqual([null, null, "OFF"]);
    await expectError(await getLock("retention", target), 404, "NoSuchObjectLockConfiguration", NO_LOCK);
  });

  it("belongs to one version, and leaves ETag, Last-Modified and bytes of it as they are", async () => {
    const bucket = await createLockedBucket();
    const [first, second] = [await putLocked(bucket, "k"), await putLocked(bucket, "k", {}, "second")];
    const read = async (versionId: string) => {
      const response = await send({ bucket, key: "k", query: `versionId=${versionId}` });
      const { headers } = response;
      return [
        headers.get("etag"),
        headers.get("last-modified"),
        headers.get("x-amz-version-id"),
        await response.text(),
      ];
    };
    const before = [await read(first), await read(second)];
    await retain(bucket, "COMPLIANCE", FUTURE, { versionId: first } as object);
    await putLock("legal-hold", { bucket, key: "k", versionId: second, body: ON });
    expect(await shown(bucket, { query: `versionId=${first}` })).toEqual(["COMPLIANCE", FUTURE, null]);
    expect(await shown(bucket, { query: `versionId=${second}` })).toEqual([null, null, "ON"]);
    expect(await shown(bucket)).toEqual([null, null, "ON"]);
    expect(await retentionIn(bucket, first)).toEqual({ Mode: "COMPLIANCE", RetainUntilDate: FUTURE });
    expect([await read(first), await read(second)]).toEqual(before);
  });

  it("stays with changes of tags and ACL, and changes of a lock leave both", async () => {
    const bucket = await createLockedBucket();
    await putLocked(bucket, "k", { [MODE]: "GOVERNANCE", [UNTIL]: FUTURE, [HOLD]: "ON", "x-amz-acl": "public-read" });
    const tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    const tagged = await send({
      method: "PUT",
      bucket,
      key: "k",
      query: "tagging",
      body: tags,
      headers: await digestOf(tags),
    });
    expect(tagged.status).toBe(200);
    expect(await shown(bucket)).toEqual(["GOVERNANCE", FUTURE, "ON"]);
    await putLock("legal-hold", { bucket, key: "k", body: holdOf("OFF") });
    expect(await shown(bucket)).toEqual(["GOVERNANCE", FUTURE, "OFF"]);
    expect(await (await send({ bucket, key: "k", query: "tagging" })).text()).toContain("<Key>a</Key>");
    expect((await send({ bucket, key: "k", as: null })).status).toBe(200);
  });

  it("keeps the milliseconds of its date, so that putting what was read changes nothing", async () => {
    const bucket = await createLockedBucket();
    await putLocked(bucket, "k", { [MODE]: "COMPLIANCE", [UNTIL]: "2140-01-01T00:00:00.123456Z" });
    const { Mode = "", RetainUntilDate = "" } = await retentionIn(bucket);
    expect([Mode, RetainUntilDate]).toEqual(["COMPLIANCE", "2140-01-01T00:00:00.123Z"]);
    expect((await retain(bucket, Mode, RetainUntilDate)).status).toBe(200);
    await expectError(await retain(bucket, Mode, "2140-01-01T00:00:00.122Z"), 403, "AccessDenied", PROTECTED);
  });
});

describe("the operations on a lock refuse", () => {
  const KINDS = [
    ["retention", retentionOf("GOVERNANCE", FUTURE), "GetObjectRetention", "PutObjectRetention"],
    ["legal-hold", ON, "GetObjectLegalHold", "PutObjectLegalHold"],
  ] as const;

  it.each(KINDS)("%s of a bucket without object lock with InvalidRequest", async (kind, body) => {
    const bucket = await createBucket();
    for (const key of ["k", "absent"]) {
      await send({ method: "PUT", bucket, key: "k", body: "content" });
      await expectError(await putLock(kind, { bucket, key, body }), 400, "InvalidRequest", NO_BUCKET_LOCK);
      await expectError(await getLock(kind, { bucket, key }), 400, "InvalidRequest", NO_BUCKET_LOCK);
    }
    // The document is read first.
    await expectError(await putLock(kind, { bucket, key: "k", body: "" }), 400, "MalformedXML");
  });

  it.each(KINDS)("%s of an absent key with NoSuchKey, of an absent version with NoSuchVersion", async (kind, body) => {
    const bucket = await createLockedBucket();
    const versionId = await putLocked(bucket, "k");
    const NONE = { details: { Key: "absent" } };
    await expectError(await putLock(kind, { bucket, key: "absent", body }), 404, "NoSuchKey", NONE);
    await expectError(await getLock(kind, { bucket, key: "absent" }), 404, "NoSuchKey", NONE);
    const other = await createLockedBucket();
    await putLocked(other, "k");
    const missing = { details: { Key: "k", VersionId: versionId } };
    await expectError(await putLock(kind, { bucket: other, key: "k", versionId, body }), 404, "NoSuchVersion", missing);
    await expectError(await getLock(kind, { bucket: other, key: "k", versionId }), 404, "NoSuchVersion", missing);
    await expectError(await getLock(kind, { bucket, key: "k", versionId: "x" }), 400, "InvalidArgument", {
      message: "Invalid version id specified",
      details: { ArgumentName: "versionId", ArgumentValue: "x" },
    });
  });

  it.each(KINDS)("%s of a delete marker with MethodNotAllowed", async (kind, body) => {
    const bucket = await createLockedBucket();
    await putLocked(bucket, "k");
    const marker = (await send({ method: "DELETE", bucket, key: "k" })).headers.get("x-amz-version-id") ?? "";
    for (const version of [{ versionId: marker }, {}]) {
      const refused = (Method: string) => ({
        message: "The specified method is not allowed against this resource.",
        details: { Method, ResourceType: "DeleteMarker" },
      });
      const target = { bucket, key: "k", ...version };
      await expectError(await putLock(kind, { ...target, body }), 405, "MethodNotAllowed", refused("PUT"));
      await expectError(await getLock(kind, target), 405, "MethodNotAllowed", refused("GET"));
    }
    await expectHeadError(await send({ method: "HEAD", bucket, key: "k", query: `versionId=${marker}` }), 405);
  });

  it.each(KINDS)("%s without a digest with InvalidRequest", async (kind, body) => {
    const bucket = await createLockedBucket();
    await putLocked(bucket, "k");
    await expectError(await send({ method: "PUT", bucket, key: "k", query: kind, body }), 400, "InvalidRequest", {
      message: "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
    });
  });

  it("a retention with a date in the past with InvalidArgument, and an event hold with NotImplemented", async () => {
    const bucket = await createLockedBucket();
    await putLocked(bucket, "k");
    await expectError(await retain(bucket, "GOVERNANCE", "2020-01-01T00:00:00Z"), 400, "InvalidArgument", {
      message: "The retain until date must be in the future!",
      details: { ArgumentName: "RetainUntilDate", ArgumentValue: "Tue Dec 31 16:00:00 PST 2019" },
    });
    const hold = "<Retention><EventHold>ON</EventHold></Retention>";
    await expectError(await putLock("retention", { bucket, key: "k", body: hold }), 501, "NotImplemented", {
      message: "Event holds are not implemented.",
    });
    expect(await shown(bucket)).toEqual([null, null, null]);
  });

  it.each(KINDS)("%s to callers without its own action with AccessDenied", async (kind, body, get, put) => {
    const bucket = await createLockedBucket();
    await putLocked(bucket, "k");
    const all = ["s3:GetObjectRetention", "s3:GetObjectLegalHold", "s3:PutObjectRetention", "s3:PutObjectLegalHold"];
    for (const action of all) {
      const { key: as } = await createUser([allow(action)]);
      const putStatus = (await putLock(kind, { bucket, key: "k", body, as })).status;
      const getStatus = (await getLock(kind, { bucket, key: "k", as })).status;
      expect([putStatus === 200, getStatus !== 403]).toEqual([action === `s3:${put}`, action === `s3:${get}`]);
    }
  });
});

describe("a retention", () => {
  const cases = [
    ["GOVERNANCE", "GOVERNANCE", 20, 200, 200],
    ["GOVERNANCE", "GOVERNANCE", 5, 403, 200],
    ["GOVERNANCE", "COMPLIANCE", 20, 403, 200],
    ["COMPLIANCE", "COMPLIANCE", 20, 200, 200],
    ["COMPLIANCE", "COMPLIANCE", 5, 403, 403],
    ["COMPLIANCE", "GOVERNANCE", 20, 403, 403],
  ] as const;

  it.each(cases)(
    "%s becomes %s of %d days: %d, with the bypass %d",
    async (before, after, days, without, withBypass) => {
      const bucket = await createLockedBucket();
      const date = inDays(10);
      const later = inDays(days);
      for (const [headers, status] of [
        [{ "x-amz-bypass-governance-retention": "false" }, without],
        [BYPASS, withBypass],
      ] as const) {
        await putLocked(bucket, "k", { [MODE]: before, [UNTIL]: date });
        const response = await retain(bucket, after, later, { headers });
        if (status === 403) await expectError(response, 403, "AccessDenied", PROTECTED);
        else expect(response.status).toBe(200);
        expect(await retentionIn(bucket)).toEqual(
          status === 200 ? { Mode: after, RetainUntilDate: later } : { Mode: before, RetainUntilDate: date },
        );
      }
    },
  );

  it.each([
    ["GOVERNANCE", 403, 200],
    ["COMPLIANCE", 403, 403],
  ] as const)("%s is removed: %d, with the bypass %d", async (mode, without, withBypass) => {
    const bucket = await createLockedBucket();
    await putLocked(bucket, "k", { [MODE]: mode, [UNTIL]: FUTURE });
    const remove = async (headers: Record<string, string>) =>
      (await putLock("retention", { bucket, key: "k", body: "<Retention/>", headers })).status;
    expect([await remove({}), await remove(BYPASS)]).toEqual([without, withBypass]);
  });

  it("is bypassed only by callers with s3:BypassGovernanceRetention, and compliance not by the root", async () => {
    const bucket = await createLockedBucket();
    await putLocked(bucket, "k", { [MODE]: "GOVERNANCE", [UNTIL]: FUTURE });
    const { key: without } = await createUser([allow("s3:PutObjectRetention")]);
    await expectError(
      await retain(bucket, "GOVERNANCE", inDays(1), { headers: BYPASS, as: without }),
      403,
      "AccessDenied",
    );
    // Without a retention to bypass, too: the header itself needs the permission.
    await putLocked(bucket, "k");
    await expectError(
      await retain(bucket, "GOVERNANCE", FUTURE, { headers: BYPASS, as: without }),
      403,
      "AccessDenied",
    );
    expect((await retain(bucket, "GOVERNANCE", FUTURE, { as: without })).status).toBe(200);
    const { key: withIt } = await createUser([allow("s3:PutObjectRetention", "s3:BypassGovernanceRetention")]);
    expect((await retain(bucket, "COMPLIANCE", FUTURE, { headers: BYPASS, as: withIt })).status).toBe(200);
    await expectError(
      await retain(bucket, "COMPLIANCE", inDays(1), { headers: BYPASS, as: ROOT }),
      403,
      "AccessDenied",
      PROTECTED,
    );
  });

  it("of two changes at the same time, the later one is decided about the earlier one", async () => {
    const bucket = await createLockedBucket();
    await putLocked(bucket, "k");
    const answers = await Promise.all([
      retain(bucket, "COMPLIANCE", inDays(20)),
      retain(bucket, "GOVERNANCE", inDays(30)),
      putLock("legal-hold", { bucket, key: "k", body: ON }),
    ]);
    const [compliance, governance, held] = answers.map(({ status }) => status);
    expect(held).toBe(200);
    // Either governance came first and could not be replaced, or compliance did.
    expect([
      [200, 403],
      [403, 200],
    ]).toContainEqual([compliance, governance]);
    expect((await shown(bucket))[0]).toBe(compliance === 200 ? "COMPLIANCE" : "GOVERNANCE");
    expect((await shown(bucket))[2]).toBe("ON");
  });
});

describe("a write", () => {
  /** Writes the object `k` in each way that takes a lock. */
  const WAYS: readonly (readonly [string, (bucket: string, headers: Record<string, string>) => Promise<unknown>])[] = [
    ["PutObject", (bucket, headers) => putLocked(bucket, "k", headers)],
    [
      "CopyObject",
      async (bucket, headers) => {
        await putLocked(bucket, "source", { [HOLD]: "ON", [MODE]: "COMPLIANCE", [UNTIL]: inDays(1) });
        const copy = { "x-amz-copy-source": `/${bucket}/source`, ...headers };
        expect((await send({ method: "PUT", bucket, key: "k", headers: copy })).status).toBe(200);
      },
    ],
    [
      "CreateMultipartUpload",
      (bucket, headers) =>
        putMultipart({ bucket, key: "k" }, ["content"], { "x-amz-checksum-algorithm": "CRC32", ...headers }),
    ],
    ["PostObject", async (bucket, headers) => expect((await postForm(bucket, headers)).status).toBe(204)],
  ];

  async function postForm(bucket: string, lock: Record<string, string>): Promise<Response> {
    const fieldsOfForm = { key: "k", ...lock };
    const conditions = Object.keys(fieldsOfForm).map((name) => ["starts-with", `$${name}`, ""]);
    const document = (signing: readonly object[]) => ({
      expiration: tomorrow(),
      conditions: [{ bucket }, ...conditions, ...signing],
    });
    const signed = { ...fieldsOfForm, ...signPolicy({ key: ROOT, document }) };
    const body = encodeForm([...Object.entries(signed), ["file", { content: "content", name: "f" }]]);
    const headers = { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };
    return handDirectly(new Request(urlOf({ bucket }), { method: "POST", headers, body }));
  }

  it.each(WAYS)("%s takes a lock, and has none of its source", async (_name, write) => {
    const bucket = await createLockedBucket();
    await write(bucket, {});
    expect(await shown(bucket)).toEqual([null, null, null]);
    await write(bucket, { [MODE]: "COMPLIANCE", [UNTIL]: FUTURE, [HOLD]: "OFF" });
    expect(await shown(bucket)).toEqual(["COMPLIANCE", FUTURE, "OFF"]);
    await write(bucket, { [HOLD]: "ON" });
    expect(await shown(bucket)).toEqual([null, null, "ON"]);
  });

  it.each(WAYS)("%s gets the default retention from the time of the write", async (_name, write) => {
    const bucket = await createLockedBucket();
    await putLockConfiguration(bucket, lockConfiguration("<Mode>GOVERNANCE</Mode><Days>3</Days>"));
    const from = Date.now();
    await write(bucket, { [HOLD]: "ON" });
    const [mode, date, hold] = await shown(bucket);
    expect([mode, hold]).toEqual(["GOVERNANCE", "ON"]);
    expect(Date.parse(date ?? "")).toBeGreaterThanOrEqual(from + 3 * DAY_MS);
    expect(Date.parse(date ?? "")).toBeLessThanOrEqual(Date.now() + 3 * DAY_MS);
    const own = inDays(1);
    await write(bucket, { [MODE]: "COMPLIANCE", [UNTIL]: own });
    expect(await shown(bucket)).toEqual(["COMPLIANCE", own, null]);
  });

  it("that completes an upload gets the default retention that the bucket has by then", async () => {
    const bucket = await createLockedBucket();
    const uploadId = await createUpload({ bucket, key: "k" }, { [HOLD]: "ON" });
    const part = await sendPart({ bucket, key: "k" }, uploadId, 1, "content", { headers: DIGEST });
    const etag = part.headers.get("etag");
    await putLockConfiguration(bucket, lockConfiguration("<Mode>COMPLIANCE</Mode><Years>1</Years>"));
    const body = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${etag}</ETag></Part></CompleteMultipartUpload>`;
    const done = await send({ method: "POST", bucket, key: "k", query: `uploadId=${uploadId}`, body });
    expect(done.status).toBe(200);
    const [mode, , hold] = await shown(bucket);
    expect([mode, hold]).toEqual(["COMPLIANCE", "ON"]);
  });

  const LOCKED = { [MODE]: "GOVERNANCE", [UNTIL]: FUTURE };

  it.each([
    ["PutObject", {}],
    ["CopyObject", { "x-amz-copy-source": "/{bucket}/k" }],
    ["CreateMultipartUpload", { query: "uploads" }],
  ])("%s in a bucket without object lock refuses a lock with InvalidRequest", async (name, more) => {
    const bucket = await createBucket();
    await send({ method: "PUT", bucket, key: "k", body: "content" });
    const { query, ...headers } = more as Record<string, string>;
    const sources = Object.fromEntries(
      Object.entries(headers).map(([key, value]) => [key, value.replace("{bucket}", bucket)]),
    );
    const method = name === "CreateMultipartUpload" ? "POST" : "PUT";
    const target = {
      method,
      bucket,
      key: "new",
      ...(query && { query }),
      ...(name === "PutObject" && { body: "content" }),
    };
    for (const lock of [LOCKED, { [HOLD]: "ON" }, { [HOLD]: "OFF" }]) {
      const response = await send({ ...target, headers: { ...DIGEST, ...sources, ...lock } });
      await expectError(response, 400, "InvalidRequest", { message: "Bucket is missing ObjectLockConfiguration" });
    }
    expect((await send({ method: "HEAD", bucket, key: "new" })).status).toBe(404);
  });

  it("PutObject and CreateMultipartUpload refuse malformed locks with InvalidArgument", async () => {
    const bucket = await createLockedBucket();
    const BOTH = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied";
    for (const target of [
      { method: "PUT", body: "content" },
      { method: "POST", query: "uploads" },
    ]) {
      for (const [headers, message, details] of [
        [{ [MODE]: "BAD-VALUE" }, BOTH, { ArgumentName: UNTIL }],
        [{ [UNTIL]: FUTURE }, BOTH, { ArgumentName: MODE }],
        [
          { [MODE]: "BAD-VALUE", [UNTIL]: FUTURE },
          "Unknown wormMode directive.",
          { ArgumentName: MODE, ArgumentValue: "BAD-VALUE" },
        ],
        [{ [HOLD]: "on" }, "Legal Hold must be either of 'ON' or 'OFF'", { ArgumentName: HOLD, ArgumentValue: "on" }],
      ] as const) {
        const response = await send({ ...target, bucket, key: "k", headers: { ...DIGEST, ...headers } });
        await expectError(response, 400, "InvalidArgument", { message, details });
      }
    }
  });

  it("of bytes with a lock needs Content-MD5 or a checksum", async () => {
    const bucket = await createLockedBucket();
    const put = (headers: Record<string, string>) =>
      send({ method: "PUT", bucket, key: "k", body: "content", headers });
    const required = (request: string) => ({
      message: `Content-MD5 OR x-amz-checksum- HTTP header is required for ${request} requests with Object Lock parameters`,
    });
    expect((await put({})).status).toBe(200);
    for (const lock of [LOCKED, { [HOLD]: "OFF" }]) {
      await expectError(await put(lock), 400, "InvalidRequest", required("Put Object"));
      expect((await put({ ...lock, "content-md5": "mgNkuembtIDdJeHwKEyFVQ==" })).status).toBe(200);
    }
    // An upload needs it for every part if its object is to be locked.
    const target = { bucket, key: "k" };
    const locked = await createUpload(target, LOCKED);
    const plain = await createUpload(target);
    await expectError(await sendPart(target, locked, 1, "content"), 400, "InvalidRequest", required("Put Part"));
    expect((await sendPart(target, locked, 1, "content", { headers: DIGEST })).status).toBe(200);
    expect((await sendPart(target, plain, 1, "content")).status).toBe(200);
    await putLockConfiguration(bucket, lockConfiguration("<Mode>GOVERNANCE</Mode><Days>1</Days>"));
    await expectError(await put({}), 400, "InvalidRequest", required("Put Object"));
    await expectError(await sendPart(target, plain, 1, "content"), 400, "InvalidRequest", required("Put Part"));
    expect((await put(DIGEST)).status).toBe(200);
  });

  it("with a lock needs s3:PutObjectRetention and s3:PutObjectLegalHold", async () => {
    const bucket = await createLockedBucket();
    const write = async (as: Key, headers: Record<string, string>) =>
      (await send({ method: "PUT", bucket, key: "k", body: "content", headers: { ...DIGEST, ...headers }, as })).status;
    const { key: plain } = await createUser([allow("s3:PutObject")]);
    const { key: retains } = await createUser([allow("s3:PutObject", "s3:PutObjectRetention")]);
    const { key: holds } = await createUser([allow("s3:PutObject", "s3:PutObjectLegalHold")]);
    const statuses = async (as: Key) => [
      await write(as, {}),
      await write(as, LOCKED),
      await write(as, { [HOLD]: "ON" }),
    ];
    expect(await statuses(plain)).toEqual([200, 403, 403]);
    expect(await statuses(retains)).toEqual([200, 200, 403]);
    expect(await statuses(holds)).toEqual([200, 403, 200]);
    // The default is the bucket's, not the caller's.
    await putLockConfiguration(bucket, lockConfiguration("<Mode>GOVERNANCE</Mode><Days>1</Days>"));
    expect(await write(plain, {})).toBe(200);
  });
});

describe("the headers of an answer", () => {
  it("show each part of a lock to callers that may read it, and to no others", async () => {
    const bucket = await createLockedBucket();
    await putLocked(bucket, "k", { [MODE]: "GOVERNANCE", [UNTIL]: FUTURE, [HOLD]: "ON" });
    const { key: reader } = await createUser([allow("s3:GetObject")]);
    const { key: retention } = await createUser([allow("s3:GetObject", "s3:GetObjectRetention")]);
    const { key: hold } = await createUser([allow("s3:GetObject", "s3:GetObjectLegalHold")]);
    expect(await shown(bucket, { as: reader })).toEqual([null, null, null]);
    expect(await shown(bucket, { as: retention })).toEqual(["GOVERNANCE", FUTURE, null]);
    expect(await shown(bucket, { as: hold })).toEqual([null, null, "ON"]);
  });
});

describe("conditions of policies", () => {
  const statement = (condition: object) => ({ ...allow("s3:*"), Condition: condition });
  const write = async (bucket: string, as: Key, headers: Record<string, string>) =>
    (await send({ method: "PUT", bucket, key: "k", body: "content", headers: { ...DIGEST, ...headers }, as })).status;
  const lock = (mode: string, days: number) => ({ [MODE]: mode, [UNTIL]: inDays(days) });

  it("s3:object-lock-mode and -remaining-retention-days limit what writes and PutObjectRetention give", async () => {
    const bucket = await createLockedBucket();
    const { key: as } = await createUser([
      statement({
        StringEquals: { "s3:object-lock-mode": "GOVERNANCE" },
        NumericLessThanEquals: { "s3:object-lock-remaining-retention-days": "10" },
      }),
    ]);
    expect(await write(bucket, as, lock("GOVERNANCE", 10))).toBe(200);
    expect(await write(bucket, as, lock("GOVERNANCE", 11))).toBe(403);
    expect(await write(bucket, as, lock("COMPLIANCE", 5))).toBe(403);
    expect(await write(bucket, as, {})).toBe(403);

    await putLocked(bucket, "k");
    expect((await retain(bucket, "GOVERNANCE", inDays(11), { as })).status).toBe(403);
    expect((await retain(bucket, "COMPLIANCE", inDays(5), { as })).status).toBe(403);
    // A header that the operation ignores does not meet the condition for it.
    expect((await retain(bucket, "COMPLIANCE", inDays(5), { as, headers: lock("GOVERNANCE", 5) })).status).toBe(403);
    expect((await retain(bucket, "GOVERNANCE", inDays(10), { as })).status).toBe(200);
  });

  it("s3:object-lock-legal-hold and -retain-until-date are those of the document", async () => {
    const bucket = await createLockedBucket();
    await putLocked(bucket, "k");
    const { key: holds } = await createUser([statement({ StringEquals: { "s3:object-lock-legal-hold": "ON" } })]);
    const put = async (as: Key, status: string, headers = {}) =>
      (await putLock("legal-hold", { bucket, key: "k", body: holdOf(status), as, headers })).status;
    expect([await put(holds, "ON"), await put(holds, "OFF"), await put(holds, "OFF", { [HOLD]: "ON" })]).toEqual([
      200, 403, 403,
    ]);
    const { key: retains } = await createUser([
      statement({ DateGreaterThan: { "s3:object-lock-retain-until-date": "2100-01-01T00:00:00Z" } }),
    ]);
    expect((await retain(bucket, "GOVERNANCE", inDays(1), { as: retains })).status).toBe(403);
    expect((await retain(bucket, "GOVERNANCE", FUTURE, { as: retains })).status).toBe(200);
  });

  it("of a bucket policy deny everyone but the root short retentions", async () => {
    const bucket = await createLockedBucket();
    const { key: as } = await createUser([allow("s3:*")]);
    const policy = JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Deny",
          Principal: "*",
          Action: "s3:PutObject",
          Resource: `arn:aws:s3:::${bucket}/*`,
          Condition: { NumericLessThan: { "s3:object-lock-remaining-retention-days": "30" } },
        },
      ],
    });
    expect(
      (await send({ method: "PUT", bucket, query: "policy", body: policy, headers: await digestOf(policy) })).status,
    ).toBe(204);
    expect([await write(bucket, as, lock("GOVERNANCE", 29)), await write(bucket, as, lock("GOVERNANCE", 31))]).toEqual([
      403, 200,
    ]);
  });
});
