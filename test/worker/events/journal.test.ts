/** Which changes are reported and with which details; changes that did not happen are not reported. */
import { createHash } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { bucketWithRules, EVERYTHING, type EventQueue, intentRows, withEventQueue } from "../../support/events.ts";
import { completionDocument, createUpload, putPart } from "../../support/multipart.ts";
import { BOUNDARY, encodeForm, signPolicy, tomorrow } from "../../support/post-form.ts";
import { putObject, send } from "../../support/request.ts";
import { ROOT, testEnv } from "../../support/s3.ts";
import { setVersioning } from "../../support/versions.ts";

let queue: EventQueue;
beforeEach(() => {
  queue = withEventQueue();
});

const reported = () => queue.changes().map(({ event, key }) => `${event} ${key}`);

async function ask(options: Parameters<typeof send>[0], status: number): Promise<Response> {
  const response = await send({ ...options, env: queue.env });
  expect([response.status, response.status === status ? "" : await response.text()]).toEqual([status, ""]);
  return response;
}

describe("a change is reported", () => {
  it("by PutObject, with ETag, size, write id and sequencer", async () => {
    const bucket = await bucketWithRules({ notification: [EVERYTHING] });
    const etag = await putObject(bucket, "a/b c", "content", { env: queue.env });
    expect(queue.changes()).toEqual([
      {
        event: "ObjectCreated:Put",
        key: "a/b c",
        etag,
        sizeBytes: 7,
        writeId: expect.stringMatching(/^[a-z0-9]{20}$/),
        at: expect.any(Number),
        sequencer: expect.stringMatching(/^[0-9A-F]{16}$/),
        notify: [0],
        replicate: [],
      },
    ]);
    const stored = await testEnv.STORE.list({ prefix: "", include: ["customMetadata"] } as R2ListOptions);
    const entry = stored.objects.find((object) => object.key.endsWith("/a/b c"));
    expect(JSON.parse(entry?.customMetadata?.s3 ?? "{}").w).toBe(queue.changes()[0]?.writeId);
  });

  it("with caller, address, time, request id and callback variables", async () => {
    const bucket = await bucketWithRules({ notification: [EVERYTHING] });
    const before = Date.now();
    const query = "x-oss-callback-order=17&x-oss-callback-who=x";
    const headers = { "cf-connecting-ip": "203.0.113.9" };
    const response = await ask(
      { method: "PUT", bucket, key: "k", body: "x", query, headers, style: "virtual-host" },
      200,
    );
    const { origin } = queue.messages[0] ?? {};
    expect(origin).toMatchObject({
      bucket: { name: bucket, region: "us-east-1" },
      principalId: expect.stringMatching(/^\d{12}$/),
      sourceIp: "203.0.113.9",
      requestId: response.headers.get("x-amz-request-id"),
      endpoint: "http://s3.localhost:8787",
    });
    expect(origin?.callbackVariables).toEqual({ order: ["17"], who: ["x"] });
    expect(origin?.time).toBeGreaterThanOrEqual(before);
  });

  it("by CopyObject, DeleteObject, tagging and ACL calls, each with its own event name", async () => {
    const bucket = await bucketWithRules({ notification: [EVERYTHING] });
    await putObject(bucket, "k", "content", { env: queue.env });
    await ask({ method: "PUT", bucket, key: "copy", headers: { "x-amz-copy-source": `/${bucket}/k` } }, 200);
    const tagging = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>";
    const headers = { "content-md5": md5Base64(tagging) };
    await ask({ method: "PUT", bucket, key: "k", query: "tagging", body: tagging, headers }, 200);
    await ask({ method: "DELETE", bucket, key: "k", query: "tagging" }, 204);
    await ask({ method: "PUT", bucket, key: "k", query: "acl", headers: { "x-amz-acl": "public-read" } }, 200);
    await ask({ method: "DELETE", bucket, key: "k" }, 204);
    expect(reported()).toEqual([
      "ObjectCreated:Put k",
      "ObjectCreated:Copy copy",
      "ObjectTagging:Put k",
      "ObjectTagging:Delete k",
      "ObjectAcl:Put k",
      "ObjectRemoved:Delete k",
    ]);
    const [put, copy, ...rewrites] = queue.changes();
    expect(copy).toMatchObject({ etag: put?.etag, sizeBytes: 7 });
    expect(rewrites[0]).toMatchObject({ etag: put?.etag, sizeBytes: 7 });
    expect(queue.changes().at(-1)).not.toHaveProperty("etag");
    expect(queue.changes().at(-1)).not.toHaveProperty("sizeBytes");
  });

  it("by POST Object", async () => {
    const bucket = await bucketWithRules({ notification: [EVERYTHING] });
    const document = (signing: readonly object[]) => ({
      expiration: tomorrow(),
      conditions: [{ bucket }, { key: "posted" }, ...signing],
    });
    const fields = { key: "posted", ...signPolicy({ key: ROOT, document }) };
    const body = encodeForm([...Object.entries(fields), ["file", { content: "content", name: "f" }]]);
    const headers = { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };
    await ask({ method: "POST", bucket, body, headers, as: null }, 204);
    expect(reported()).toEqual(["ObjectCreated:Post posted"]);
    expect(queue.changes()[0]).toMatchObject({ sizeBytes: 7 });
  });

  it("by CompleteMultipartUpload once, and again when the request is repeated", async () => {
    const bucket = await bucketWithRules({ notification: [EVERYTHING] });
    const target = { bucket, key: "k" };
    const uploadId = await createUpload(target);
    const part = await putPart(target, uploadId, 1, "content");
    const complete = { method: "POST", ...target, query: `uploadId=${uploadId}`, body: completionDocument([part]) };
    await (await ask(complete, 200)).text();
    expect(reported()).toEqual(["ObjectCreated:CompleteMultipartUpload k"]);
    await (await ask(complete, 200)).text();
    const [first, second] = queue.changes();
    expect(first).toMatchObject({ sizeBytes: 7, etag: expect.stringMatching(/-1$/) });
    expect(second).toMatchObject({ writeId: first?.writeId, at: first?.at });
  });

  it("by a repeated CompleteMultipartUpload with the time of the first, so that a later removal stays later", async () => {
    const bucket = await bucketWithRules({ notification: [EVERYTHING] });
    const target = { bucket, key: "k" };
    const uploadId = await createUpload(target);
    const part = await putPart(target, uploadId, 1, "content");
    const complete = { method: "POST", ...target, query: `uploadId=${uploadId}`, body: completionDocument([part]) };
    await (await ask(complete, 200)).text();
    // Longer than clocks may differ.
    await scheduler.wait(2_100);
    await ask({ method: "DELETE", ...target }, 204);
    await (await ask(complete, 200)).text();
    const [created, removed, again] = queue.changes().map(({ sequencer }) => sequencer);
    expect([created, removed, again].sort()).toEqual([created, again, removed].sort());
    expect((again ?? "") < (removed ?? "")).toBe(true);
  });

  // The changes of LocalStack's recording of AWS: test_object_created_put_versioned.
  it("with the version that was written or removed, or the delete marker that was made", async () => {
    const bucket = await bucketWithRules({ notification: [EVERYTHING] });
    await setVersioning(bucket, "Enabled", { env: queue.env });
    const change = (method: string, query = "", body?: string) =>
      ask({ method, bucket, key: "k", query, ...(body !== undefined && { body }) }, method === "PUT" ? 200 : 204);
    const idOf = (response: Response) => response.headers.get("x-amz-version-id");
    const first = idOf(await change("PUT", "", "one"));
    const second = idOf(await change("PUT", "", "two"));
    const marker = idOf(await change("DELETE"));
    await change("DELETE", `versionId=${first}`);
    await setVersioning(bucket, "Suspended", { env: queue.env });
    await change("PUT", "", "three");
    await change("DELETE", `versionId=${marker}`);
    await change("DELETE", `tagging=&versionId=${second}`);
    await change("DELETE");
    expect(queue.changes().map(({ event, versionId }) => [event, versionId])).toEqual([
      ["ObjectCreated:Put", first],
      ["ObjectCreated:Put", second],
      ["ObjectRemoved:DeleteMarkerCreated", marker],
      ["ObjectRemoved:Delete", first],
      ["ObjectCreated:Put", "null"],
      ["ObjectRemoved:Delete", marker],
      ["ObjectTagging:Delete", second],
      ["ObjectRemoved:DeleteMarkerCreated", "null"],
    ]);
    expect(new Set([first, second, marker, null]).size).toBe(4);
  });

  it("by DeleteObjects for each key that was removed, and not for refused ones", async () => {
    const bucket = await bucketWithRules({ notification: [{ ...EVERYTHING, prefix: "in/" }] });
    await putObject(bucket, "in/guarded", "content");
    const keys = ["in/a", "out/b", "in/c"];
    const body = `<Delete>${keys.map((key) => `<Object><Key>${key}</Key></Object>`).join("")}<Object><Key>in/guarded</Key><ETag>"00000000000000000000000000000000"</ETag></Object></Delete>`;
    const text = await (
      await ask({ method: "POST", bucket, query: "delete", body, headers: { "content-md5": md5Base64(body) } }, 200)
    ).text();
    expect(text).toContain("PreconditionFailed");
    expect(reported()).toEqual(["ObjectRemoved:Delete in/a", "ObjectRemoved:Delete in/c"]);
  });

  it("for 1,000 keys at once, in messages that fit a queue", async () => {
    const bucket = await bucketWithRules({ notification: [EVERYTHING] });
    const keys = Array.from({ length: 1000 }, (_, index) => `${"k".repeat(900)}${index}`);
    const body = `<Delete><Quiet>true</Quiet>${keys.map((key) => `<Object><Key>${key}</Key></Object>`).join("")}</Delete>`;
    await ask({ method: "POST", bucket, query: "delete", body, headers: { "content-md5": md5Base64(body) } }, 200);
    expect(queue.changes().map(({ key }) => key)).toEqual(keys);
    for (const message of queue.messages) {
      expect(new TextEncoder().encode(JSON.stringify(message)).byteLength).toBeLessThan(120_000);
    }
    expect(queue.messages.length).toBeGreaterThanOrEqual(10);
    expect(Math.max(...queue.messages.map(({ changes }) => changes.length))).toBeLessThanOrEqual(100);
  });

  it("with a greater sequencer for each change of a key", async () => {
    const bucket = await bucketWithRules({ notification: [EVERYTHING] });
    for (let round = 0; round < 5; round++) {
      await putObject(bucket, "k", `${round}`, { env: queue.env });
      await ask({ method: "DELETE", bucket, key: "k" }, 204);
    }
    const sequencers = queue.changes().map(({ sequencer }) => sequencer);
    expect(sequencers).toEqual([...new Set(sequencers)].sort());
  });

  it("by DELETE with If-Match, which leaves a tombstone", async () => {
    const bucket = await bucketWithRules({ notification: [EVERYTHING] });
    const etag = await putObject(bucket, "k", "content", { env: queue.env });
    await ask({ method: "DELETE", bucket, key: "k", headers: { "if-match": etag } }, 204);
    expect(reported()).toEqual(["ObjectCreated:Put k", "ObjectRemoved:Delete k"]);
  });
});

describe("nothing is reported", () => {
  it("for changes that no rule matches: other events, prefixes, suffixes", async () => {
    const rule = { ...EVERYTHING, events: ["s3:ObjectCreated:Post"], prefix: "a/", suffix: ".png" };
    const bucket = await bucketWithRules({ notification: [rule, { ...rule, events: ["s3:ObjectCreated:*"] }] });
    for (const key of ["a/x.jpg", "b/x.png", "a.png", "A/x.png"]) await putObject(bucket, key, "x", { env: queue.env });
    expect(queue.messages).toEqual([]);
    await putObject(bucket, "a/x.png", "x", { env: queue.env });
    expect(queue.changes()).toMatchObject([{ key: "a/x.png", notify: [0] }]);
    expect(queue.messages[0]?.notifications).toMatchObject([{ events: ["s3:ObjectCreated:*"] }]);
  });

  it("for writes that are refused, and their intents are removed", async () => {
    const bucket = await bucketWithRules({ notification: [EVERYTHING] });
    const put = { method: "PUT", bucket, key: "k", body: "content" };
    await ask({ ...put, as: { ...ROOT, secretAccessKey: "wrong" } }, 403);
    await ask({ ...put, headers: { "content-md5": "AAAAAAAAAAAAAAAAAAAAAA==" } }, 400);
    await ask({ ...put, headers: { "if-match": "00000000000000000000000000000000" } }, 404);
    await ask({ method: "PUT", bucket, key: "k", headers: { "x-amz-copy-source": `/${bucket}/absent` } }, 404);
    const target = { bucket, key: "k" };
    await ask({ method: "DELETE", ...target, query: "tagging" }, 404);
    await ask({ method: "PUT", ...target, query: "acl", headers: { "x-amz-acl": "private" } }, 404);
    expect(queue.messages).toEqual([]);
    await expect.poll(() => intentRows(bucket)).toEqual([]);
  });

  it("for an ACL that does not change", async () => {
    const bucket = await bucketWithRules({ notification: [{ ...EVERYTHING, events: ["s3:ObjectAcl:Put"] }] });
    await putObject(bucket, "k", "content");
    await ask({ method: "PUT", bucket, key: "k", query: "acl", headers: { "x-amz-acl": "private" } }, 200);
    expect(queue.messages).toEqual([]);
    await expect.poll(() => intentRows(bucket)).toEqual([]);
  });

  it("in a bucket without rules, without any binding call", async () => {
    const bucket = await bucketWithRules({});
    await putObject(bucket, "k", "content", { env: queue.env });
    expect(queue.messages).toEqual([]);
  });
});

function md5Base64(text: string): string {
  return createHash("md5").update(text).digest("base64");
}
