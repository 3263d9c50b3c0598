/** Quotas: what they refuse and what they let pass, how they learn of other isolates' writes, and when space is free again. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { createAccount } from "../../support/accounts.ts";
import { copy } from "../../support/copy.ts";
import { contentMd5 } from "../../support/cors.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { configureInventory, createDestination, manifestsIn } from "../../support/inventory.ts";
import { envWith } from "../../support/lifecycle.ts";
import { keepObjectsInMemory } from "../../support/memory-store.ts";
import { createUpload, noise, putPart, sendCompletion, sendPart } from "../../support/multipart.ts";
import { BOUNDARY, encodeForm, signPolicy, tomorrow } from "../../support/post-form.ts";
import { rename } from "../../support/rename.ts";
import { putObject, type SendOptions, send } from "../../support/request.ts";
import { createBucket, errorOf, ROOT, testEnv } from "../../support/s3.ts";
import { count, countNothing, makeDue, quotaCall, setQuota, usageOf } from "../../support/usage.ts";
import { createVersionedBucket } from "../../support/versions.ts";
import { takeInventories } from "../../support/worker.ts";

keepObjectsInMemory();

beforeEach(countNothing);

const put = (bucket: string, key: string, body: string, options: SendOptions | object = {}) =>
  send({ method: "PUT", bucket, key, body, ...options });

async function statusOf(response: Promise<Response>): Promise<number> {
  const { status, body } = await response;
  await body?.cancel();
  return status;
}

/** What D1 knows to have been written since the last count. */
async function addedTo(bucket: string) {
  return env.DB.prepare(
    "SELECT added_bytes AS bytes, added_objects AS objects FROM bucket_usage u JOIN buckets b ON b.id = u.bucket_id WHERE b.name = ?1",
  )
    .bind(bucket)
    .first<{ bytes: number; objects: number }>();
}

/** Another isolate, with nothing cached. */
const anotherIsolate = () => envWith({});

describe("a full bucket", () => {
  /** One with an object of 7 bytes and an upload of one part, into which nothing fits. */
  async function full(limits: { bytes?: number; objects?: number }, isVersioned = false) {
    const bucket = isVersioned ? await createVersionedBucket() : await createBucket();
    const source = await createBucket();
    await putObject(bucket, "k", "content");
    await putObject(source, "s", "source");
    const target = { bucket, key: "u" };
    const uploadId = await createUpload(target);
    const part = await putPart(target, uploadId, 1, "part");
    await setQuota({ bucket }, limits);
    return { bucket, source, target, uploadId, part };
  }
  type Full = Awaited<ReturnType<typeof full>>;

  const form = (bucket: string): Uint8Array => {
    const document = (signing: readonly object[]) => ({
      expiration: tomorrow(),
      conditions: [{ bucket }, { key: "f" }, ...signing],
    });
    const fields = Object.entries({ key: "f", ...signPolicy({ key: ROOT, document }) });
    return encodeForm([...fields, ["file", { name: "f", content: "x" }]]);
  };

  const ADDS_BYTES: Readonly<Record<string, (world: Full) => Promise<Response>>> = {
    PutObject: ({ bucket }) => put(bucket, "new", "x"),
    "PutObject of an existing key": ({ bucket }) => put(bucket, "k", "x"),
    CopyObject: ({ bucket, source }) => copy({ bucket, key: "new" }, `/${source}/s`),
    CreateMultipartUpload: ({ bucket }) => send({ method: "POST", bucket, key: "new", query: "uploads" }),
    UploadPart: ({ target, uploadId }) => sendPart(target, uploadId, 2, "x"),
    UploadPartCopy: ({ target, uploadId, source }) =>
      send({
        method: "PUT",
        ...target,
        query: `partNumber=2&uploadId=${encodeURIComponent(uploadId)}`,
        headers: { "x-amz-copy-source": `/${source}/s` },
      }),
    PutObjectAnnotation: ({ bucket }) =>
      send({ method: "PUT", bucket, key: "k", query: "annotation&annotationName=a", body: "x" }),
  };

  it.each(Object.keys(ADDS_BYTES))("of bytes refuses %s with QuotaExceeded", async (name) => {
    const world = await full({ bytes: 11 });
    const response = await ADDS_BYTES[name]?.(world);
    const { status, code, text } = await errorOf(response ?? new Response());
    expect([name, status, code]).toEqual([name, 403, "QuotaExceeded"]);
    expect(text).toContain("<Message>The quota of the bucket does not leave room for this request.</Message>");
  });

  it.each(["PutObject", "CopyObject", "CreateMultipartUpload"])(
    "of objects refuses %s with QuotaExceeded",
    async (name) => {
      const response = await ADDS_BYTES[name]?.(await full({ objects: 1 }));
      expect((await errorOf(response ?? new Response())).code).toBe("QuotaExceeded");
    },
  );

  it("refuses a form with QuotaExceeded", async () => {
    const { bucket } = await full({ objects: 1 });
    const body = form(bucket);
    const headers = { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };
    const response = await send({ method: "POST", bucket, body, headers, as: null });
    expect((await errorOf(response)).code).toBe("QuotaExceeded");
  });

  it("of objects refuses CompleteMultipartUpload, of bytes it does not: they are in the parts", async () => {
    const objects = await full({ objects: 1 });
    const refused = await sendCompletion(objects.target, objects.uploadId, [objects.part]);
    expect((await errorOf(refused)).code).toBe("QuotaExceeded");
    const bytes = await full({ bytes: 11 });
    expect(await statusOf(sendCompletion(bytes.target, bytes.uploadId, [bytes.part]))).toBe(200);
  });

  it.each([false, true])(
    "can be read, deleted from and changed without an addition; versioned: %s",
    async (isVersioned) => {
      const { bucket, target, uploadId } = await full({ bytes: 0, objects: 0 }, isVersioned);
      const key = "k";
      for (const [options, status] of [
        [{ bucket, key }, 200],
        [{ method: "HEAD", bucket, key }, 200],
        [{ bucket, query: "list-type=2" }, 200],
        [{ bucket, query: "versions" }, 200],
        [{ method: "PUT", bucket, key, query: "tagging", body: TAGS, headers: contentMd5(TAGS) }, 200],
        [{ method: "DELETE", bucket, key, query: "tagging" }, 204],
        [{ method: "PUT", bucket, query: "versioning", body: ENABLED }, 200],
        [{ method: "DELETE", ...target, query: `uploadId=${encodeURIComponent(uploadId)}` }, 204],
        [{ method: "DELETE", bucket, key }, 204],
      ] as const) {
        expect([options, await statusOf(send(options))]).toEqual([options, status]);
      }
    },
  );

  it("lets RenameObject pass, and a copy of an object onto itself unless that is another version", async () => {
    const { bucket } = await full({ bytes: 0, objects: 0 });
    const REPLACE = { "x-amz-metadata-directive": "REPLACE", "x-amz-meta-a": "b" };
    expect(await statusOf(copy({ bucket, key: "k" }, `/${bucket}/k`, REPLACE))).toBe(200);
    expect(await statusOf(rename(bucket, "renamed", "k"))).toBe(200);
    const versioned = await full({ bytes: 0 }, true);
    const again = await copy({ bucket: versioned.bucket, key: "k" }, `/${versioned.bucket}/k`, REPLACE);
    expect((await errorOf(again)).code).toBe("QuotaExceeded");
  });

  it.each(["Enabled", "Suspended"] as const)("refuses RenameObject where versions are kept: %s", async (status) => {
    const bucket = await createVersionedBucket(status);
    await putObject(bucket, "a", "content");
    await setQuota({ bucket }, { bytes: 20, objects: 100 });
    expect(await statusOf(rename(bucket, "b", "a"))).toBe(200);
    expect((await errorOf(await rename(bucket, "a", "b"))).code).toBe("QuotaExceeded");
    expect(await statusOf(send({ bucket, key: "b" }))).toBe(200);
    await setQuota({ bucket }, { objects: 1 });
    expect((await errorOf(await rename(bucket, "a", "b"))).code).toBe("QuotaExceeded");
  });

  describe("and annotations that are copied", () => {
    const annotate = (bucket: string) =>
      statusOf(send({ method: "PUT", bucket, key: "k", query: "annotation&annotationName=a", body: "annotated" }));

    /** An object of 7 bytes with an annotation of 9. */
    async function annotated(isVersioned = false): Promise<string> {
      const bucket = isVersioned ? await createVersionedBucket() : await createBucket();
      await putObject(bucket, "k", "content");
      expect(await annotate(bucket)).toBe(200);
      return bucket;
    }

    it("refuses the copy whose annotations have no room, and adds those of one that has", async () => {
      const source = await annotated();
      const bucket = await createBucket();
      await setQuota({ bucket }, { bytes: 31 });
      const another = (key: string, headers = {}) => copy({ bucket, key }, `/${source}/k`, headers);
      expect(await statusOf(another("a"))).toBe(200);
      expect((await errorOf(await another("b"))).code).toBe("QuotaExceeded");
      await vi.waitFor(async () => expect(await addedTo(bucket)).toEqual({ bytes: 16, objects: 1 }), { timeout: 5000 });
      expect(await statusOf(another("b", { "x-amz-object-annotation-directive": "EXCLUDE" }))).toBe(200);
    });

    it("counts them for RenameObject where versions are kept, and otherwise lets it pass", async () => {
      const versioned = await annotated(true);
      await setQuota({ bucket: versioned }, { bytes: 22 });
      expect((await errorOf(await rename(versioned, "renamed", "k"))).code).toBe("QuotaExceeded");
      const bucket = await annotated();
      await setQuota({ bucket }, { bytes: 0, objects: 0 });
      expect(await statusOf(rename(bucket, "renamed", "k"))).toBe(200);
    });
  });

  const TAGS = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
  const ENABLED = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
});

describe("an isolate", () => {
  it("fills a bucket to the last byte and object, and no further, with many writes at once", async () => {
    const bucket = await createBucket();
    await setQuota({ bucket }, { bytes: 10, objects: 100 });
    const all = await Promise.all(["a", "b", "c", "d", "e"].map((key) => statusOf(put(bucket, key, "1234"))));
    expect(all.filter((status) => status === 200)).toHaveLength(2);
    expect(await statusOf(put(bucket, "rest", "12"))).toBe(200);
    expect(await statusOf(put(bucket, "more", "1"))).toBe(403);
    expect(await statusOf(put(bucket, "empty", ""))).toBe(200);
  });

  it("does not count writes that are refused", async () => {
    const bucket = await createBucket();
    await setQuota({ bucket }, { bytes: 10 });
    await putObject(bucket, "k", "1");
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(await statusOf(put(bucket, "k", "12345678", { headers: { "if-none-match": "*" } }))).toBe(412);
      const headers = { "content-md5": "AAAAAAAAAAAAAAAAAAAAAA==" };
      expect(await statusOf(put(bucket, "k", "12345678", { headers }))).toBe(400);
    }
    expect(await statusOf(put(bucket, "l", "123456789"))).toBe(200);
  });

  it("makes no call for a quota before the answer, and one within a second after it", async () => {
    const bucket = await createBucket();
    await setQuota({ bucket }, { bytes: 1000 });
    const { env: counted, counts, reset } = countingEnv(testEnv);
    await put(bucket, "warm", "1", { env: counted });
    await vi.waitFor(async () => expect((await addedTo(bucket))?.bytes).toBe(1), { timeout: 5000 });
    reset();
    for (let index = 0; index < 3; index++) await put(bucket, `k${index}`, "12", { env: counted });
    expect(counts).toEqual({ r2: 3, d1: 0, durableObject: 0, queue: 0 });
    await vi.waitFor(async () => expect(await addedTo(bucket)).toEqual({ bytes: 7, objects: 4 }), { timeout: 5000 });
    expect(counts).toEqual({ r2: 3, d1: 1, durableObject: 0, queue: 0 });
  });

  it("learns of the writes of others with the next row that it reads", async () => {
    const bucket = await createBucket();
    await setQuota({ bucket }, { bytes: 10 });
    await put(bucket, "k", "12345678");
    await vi.waitFor(async () => expect((await addedTo(bucket))?.bytes).toBe(8), { timeout: 5000 });
    expect(await statusOf(put(bucket, "l", "123", { env: anotherIsolate() }))).toBe(403);
    expect(await statusOf(put(bucket, "l", "12", { env: anotherIsolate() }))).toBe(200);
  });

  it("adds the bytes of parts and not those of the completion", async () => {
    const bucket = await createBucket();
    await setQuota({ bucket }, { bytes: 1000 });
    const target = { bucket, key: "k" };
    const uploadId = await createUpload(target);
    const part = await putPart(target, uploadId, 1, noise(600));
    expect((await errorOf(await sendPart(target, uploadId, 2, noise(401)))).code).toBe("QuotaExceeded");
    expect(await statusOf(sendCompletion(target, uploadId, [part]))).toBe(200);
    await vi.waitFor(async () => expect(await addedTo(bucket)).toEqual({ bytes: 600, objects: 1 }), { timeout: 5000 });
  });
});

describe("space", () => {
  it("of what was deleted or overwritten is free after the count that a refusal asks for", async () => {
    const bucket = await createBucket();
    for (const key of ["a", "b"]) await putObject(bucket, key, "12345");
    await setQuota({ bucket }, { bytes: 10 });
    await countNothing();
    expect(await statusOf(send({ method: "DELETE", bucket, key: "a" }))).toBe(204);
    expect(await statusOf(put(bucket, "c", "1"))).toBe(403);
    const due = () =>
      env.DB.prepare("SELECT usage_due AS due FROM buckets WHERE name = ?1").bind(bucket).first<number>("due");
    const countedAt = Date.parse((await usageOf(bucket)).computedAt ?? "");
    await vi.waitFor(async () => expect(await due()).toBe(countedAt + 60_000));
    await takeInventories(testEnv, new Date(countedAt + 60_000));
    const fresh = anotherIsolate();
    expect(await statusOf(put(bucket, "c", "12345", { env: fresh }))).toBe(200);
    expect(await statusOf(put(bucket, "d", "1", { env: fresh }))).toBe(403);
  });

  it("that was written before a count is part of it, and what is written meanwhile is added to it", async () => {
    const bucket = await createBucket();
    await setQuota({ bucket }, { bytes: 100 });
    await put(bucket, "a", "12345");
    await vi.waitFor(async () => expect((await addedTo(bucket))?.bytes).toBe(5), { timeout: 5000 });
    await makeDue(bucket);
    // The count begins, and does not get to its end.
    const failing = new Proxy(testEnv.STORE, {
      get: (target, name) =>
        name === "list" ? () => Promise.reject(new Error("down")) : Reflect.get(target, name).bind(target),
    });
    await takeInventories({ ...testEnv, STORE: failing }, new Date());
    await put(bucket, "b", "1234567");
    await vi.waitFor(async () => expect((await addedTo(bucket))?.bytes).toBe(12), { timeout: 5000 });
    await count(bucket);
    expect((await usageOf(bucket)).bytes).toBe(12);
    expect(await addedTo(bucket)).toEqual({ bytes: 0, objects: 0 });
  });
});

describe("the quota of an account", () => {
  it("is for all its buckets together", async () => {
    const account = await createAccount();
    const [first, second] = [await createBucket({ key: account }), await createBucket({ key: account })];
    await putObject(first, "a", "12345", { as: account });
    await count(first);
    await count(second);
    await setQuota({ accountId: account.accountId }, { bytes: 10, objects: 3 });
    const as = account;
    expect(await statusOf(put(second, "b", "1234", { as }))).toBe(200);
    const refused = await errorOf(await put(first, "c", "12", { as }));
    expect([refused.status, refused.code]).toEqual([403, "QuotaExceeded"]);
    expect(refused.text).toContain("The quota of the account that owns the bucket");
    expect(await statusOf(put(first, "c", "1", { as }))).toBe(200);
    expect(await statusOf(put(first, "d", "", { as }))).toBe(403);
    await vi.waitFor(
      async () => {
        const shown = await quotaCall("GET", { accountId: account.accountId });
        expect(await shown.json()).toMatchObject({ usedBytes: 10, usedObjects: 3, bytes: 10, objects: 3 });
      },
      { timeout: 5000 },
    );
    await send({ method: "DELETE", bucket: first, key: "a", as });
    await count(first, { at: new Date(Date.now() + 60_000) });
    const fresh = anotherIsolate();
    expect(await statusOf(put(second, "e", "1234", { as, env: fresh }))).toBe(200);
  });
});

describe("a report of an inventory", () => {
  it("is not written into a full bucket, and is once it has room", async () => {
    const now = new Date("2140-02-03T04:05:06Z");
    const source = await createBucket();
    await putObject(source, "k", "content");
    const destination = await createDestination(source);
    await setQuota({ bucket: destination }, { objects: 0 });
    await configureInventory(source, { destination });
    await takeInventories(testEnv, now);
    expect(await manifestsIn(destination)).toEqual([]);
    await quotaCall("DELETE", { bucket: destination });
    await takeInventories(testEnv, new Date(now.getTime() + 3_600_000));
    expect(await manifestsIn(destination)).toHaveLength(1);
  });
});

describe("the API of quotas", () => {
  it("sets, shows, replaces and deletes", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "content");
    await setQuota({ bucket }, { bytes: 100, objects: 5 });
    const show = async () => (await quotaCall("GET", { bucket })).json();
    expect(await show()).toEqual({ bucket, bytes: 100, objects: 5, usedBytes: 7, usedObjects: 1 });
    expect((await usageOf(bucket)).quota).toEqual({ bytes: 100, objects: 5 });
    await setQuota({ bucket }, { objects: 0 });
    expect(await show()).toEqual({ bucket, bytes: null, objects: 0, usedBytes: 7, usedObjects: 1 });
    expect(await statusOf(put(bucket, "l", ""))).toBe(403);
    expect(await statusOf(quotaCall("DELETE", { bucket }))).toBe(204);
    expect(await statusOf(put(bucket, "l", ""))).toBe(200);
    expect(await show()).toMatchObject({ bytes: null, objects: null });
    expect(await statusOf(quotaCall("DELETE", { bucket }))).toBe(404);
  });

  it("is deleted with its bucket, and a new bucket of the name has none", async () => {
    const bucket = await createBucket();
    await setQuota({ bucket }, { objects: 0 });
    expect(await statusOf(send({ method: "DELETE", bucket }))).toBe(204);
    expect(await statusOf(send({ method: "PUT", bucket }))).toBe(200);
    expect(await statusOf(put(bucket, "k", "content"))).toBe(200);
  });

  it.each([
    ["POST", { bucket: "none-such" }, { bytes: 1 }, 404, "NoSuchBucket"],
    ["POST", { accountId: "000000000001" }, { bytes: 1 }, 404, "NoSuchAccount"],
    ["POST", { bucket: "b" }, undefined, 400, "InvalidRequest"],
    ["POST", { bucket: "b" }, {}, 400, "InvalidRequest"],
    ["POST", { bucket: "b" }, [], 400, "InvalidRequest"],
    ["POST", { bucket: "b" }, { bytes: -1 }, 400, "InvalidRequest"],
    ["POST", { bucket: "b" }, { bytes: 1.5 }, 400, "InvalidRequest"],
    ["POST", { bucket: "b" }, { bytes: "1" }, 400, "InvalidRequest"],
    ["POST", { bucket: "b" }, { objects: 2 ** 53 }, 400, "InvalidRequest"],
    ["GET", { bucket: "none-such" }, undefined, 404, "NoSuchBucket"],
    ["GET", { accountId: "000000000001" }, undefined, 404, "NoSuchAccount"],
    ["DELETE", { bucket: "none-such" }, undefined, 404, "NoSuchQuota"],
  ] as const)("%s %j %j is refused with %i %s", async (method, subject, body, status, code) => {
    const response = await quotaCall(method, subject, { body });
    const { error } = (await response.json()) as { error: { code: string } };
    expect([response.status, error.code]).toEqual([status, code]);
  });

  it("is for the root account only", async () => {
    const account = await createAccount();
    const bucket = await createBucket({ key: account });
    for (const as of [account, null]) {
      expect(await statusOf(quotaCall("POST", { bucket }, { body: { bytes: 1 }, as }))).toBe(403);
      expect(await statusOf(quotaCall("GET", { bucket }, { as }))).toBe(403);
      expect(await statusOf(quotaCall("DELETE", { bucket }, { as }))).toBe(403);
    }
  });
});
