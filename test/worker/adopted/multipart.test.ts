/** Multipart uploads into an adopted bucket are R2's own. */
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { admin, adopt, keysIn, r2, release } from "../../support/adopted.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { expectError } from "../../support/errors.ts";
import { EVERYTHING, setRules, withEventQueue } from "../../support/events.ts";
import { failingEnv } from "../../support/failing-env.ts";
import {
  checksumOf,
  completionDocument,
  concat,
  createUpload,
  fullObjectOf,
  MIB,
  md5,
  multipartETag,
  NO_SUCH_UPLOAD,
  noise,
  type Part,
  putPart,
  sendPart,
} from "../../support/multipart.ts";
import { encode, putObject, type SendOptions, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { sha256 } from "../../support/signer.ts";
import { resumeEvents, runSweeps } from "../../support/worker.ts";

const store = r2("ADOPT_PHOTOS");
const PART = noise(5 * MIB);
const LAST = noise(MIB + 7, 2);
let bucket = "";
let ordinary = "";
let target = { bucket, key: "" };
let keys = 0;

beforeAll(async () => {
  ordinary = await createBucket();
  bucket = await adopt("ADOPT_PHOTOS");
});

beforeEach(() => {
  target = { bucket, key: `movies/${keys++}` };
});

function finish(uploadId: string, parts: readonly Part[], options: SendOptions = {}): Promise<Response> {
  const query = `uploadId=${encode(uploadId)}`;
  return send({ ...target, method: "POST", query, body: completionDocument(parts), ...options });
}

async function accepted(response: Response, status = 200): Promise<string> {
  const text = await response.text();
  expect([response.status, text]).toEqual([status, expect.any(String)]);
  return text;
}

async function bytesAt(key: string): Promise<string | undefined> {
  const object = await store.get(key);
  return object === null ? undefined : md5(new Uint8Array(await object.arrayBuffer()));
}

async function rows(uploadId: string): Promise<number> {
  const counts = await testEnv.DB.batch<{ n: number }>(
    ["adopted_uploads", "adopted_parts"].map((table) =>
      testEnv.DB.prepare(`SELECT count(*) AS n FROM ${table} WHERE upload_id = ?1`).bind(uploadId),
    ),
  );
  return counts.reduce((sum, { results }) => sum + (results[0]?.n ?? 0), 0);
}

describe("an upload in parts", () => {
  it("makes one ordinary R2 object, visible only when it is complete", async () => {
    const headers = {
      "content-type": "video/mp4",
      "x-amz-meta-color": "red",
      "x-amz-tagging": "a=1",
      "x-amz-acl": "public-read",
    };
    const uploadId = await createUpload(target, headers);
    const parts = [await putPart(target, uploadId, 1, PART), await putPart(target, uploadId, 2, LAST)];
    expect(parts.map(({ etag }) => etag)).toEqual([md5(PART), md5(LAST)]);
    expect(await store.head(target.key)).toBe(null);
    const listed = await accepted(await send({ ...target, query: `uploadId=${encode(uploadId)}` }));
    expect([...listed.matchAll(/<PartNumber>(\d+)<\/PartNumber>/g)].map(([, number]) => number)).toEqual(["1", "2"]);
    expect(listed).toContain(`<ETag>&quot;${md5(LAST)}&quot;</ETag>`);
    const uploads = await accepted(await send({ bucket, query: `uploads&prefix=${target.key}` }));
    expect(uploads).toContain(`<UploadId>${uploadId}</UploadId>`);

    const answer = await accepted(await finish(uploadId, parts));
    const object = await store.head(target.key);
    expect(answer).toContain(`&quot;${object?.etag}&quot;`);
    expect(object).toMatchObject({
      etag: multipartETag([PART, LAST]),
      httpMetadata: { contentType: "video/mp4" },
      customMetadata: { color: "red" },
    });
    expect(await bytesAt(target.key)).toBe(md5(concat([PART, LAST])));
    const head = await send({ ...target, method: "HEAD", as: null });
    expect([head.status, head.headers.get("x-amz-tagging-count")]).toEqual([200, null]);
    expect(await accepted(await send({ ...target, query: "tagging" }))).toContain("<Key>a</Key>");
    expect(await rows(uploadId)).toBe(0);
    // A repeated call has the same answer.
    expect(await accepted(await finish(uploadId, parts))).toContain(multipartETag([PART, LAST]));
    const part = await send({ ...target, query: "partNumber=1" });
    expect([part.status, (await part.arrayBuffer()).byteLength]).toEqual([206, PART.length + LAST.length]);
  });

  it("takes parts in any order, a part again, and leaves out those that are not named", async () => {
    const uploadId = await createUpload(target);
    await putPart(target, uploadId, 9, noise(100, 3));
    const last = await putPart(target, uploadId, 7, LAST);
    await putPart(target, uploadId, 2, noise(5 * MIB, 4));
    const first = await putPart(target, uploadId, 2, PART);
    await accepted(await finish(uploadId, [first, last]));
    expect(await bytesAt(target.key)).toBe(md5(concat([PART, LAST])));
  });

  it("of unequal parts is refused with what to do, and can be completed with equal ones", async () => {
    const uploadId = await createUpload(target);
    const parts = [
      await putPart(target, uploadId, 1, PART),
      await putPart(target, uploadId, 2, noise(6 * MIB)),
      await putPart(target, uploadId, 3, LAST),
    ];
    await expectError(await finish(uploadId, parts), 400, "InvalidPart", {
      message: /same size.*part 1 has 5242880 bytes, part 2 has 6291456\. An ordinary bucket/,
      details: { PartNumber: "2" },
    });
    await expectError(await finish(uploadId, parts.slice(0, 2)), 400, "InvalidPart", {
      message: /same size/,
      details: { PartNumber: "2" },
    });
    expect(await store.head(target.key)).toBe(null);
    parts[1] = await putPart(target, uploadId, 2, PART);
    await accepted(await finish(uploadId, parts));
    expect(await bytesAt(target.key)).toBe(md5(concat([PART, PART, LAST])));
  });

  it("is refused as on S3: wrong, unordered and small parts, other uploads and other keys", async () => {
    const uploadId = await createUpload(target);
    const first = await putPart(target, uploadId, 1, noise(100));
    const second = await putPart(target, uploadId, 2, noise(100));
    const code = async (parts: readonly Part[], options: SendOptions = {}) =>
      /<Code>(\w+)/.exec(await (await finish(uploadId, parts, options)).text())?.[1];
    expect(await code([first, second])).toBe("EntityTooSmall");
    expect(await code([second, first])).toBe("InvalidPartOrder");
    expect(await code([{ partNumber: 1, etag: md5("other") }])).toBe("InvalidPart");
    expect(await code([{ partNumber: 5, etag: md5("other") }])).toBe("InvalidPart");
    expect(await code([first], { key: "other" })).toBe("NoSuchUpload");
    expect(await code([first], { bucket: ordinary })).toBe("NoSuchUpload");
    expect(await code([])).toBe("InvalidRequest");
    expect(await code([first], { headers: { "if-none-match": "*" } })).toBe("NotImplemented");
    expect(await code([first], { headers: { "x-amz-mp-object-size": "7" } })).toBe("InvalidRequest");
    expect(await store.head(target.key)).toBe(null);
    await accepted(await finish(uploadId, [first]));
    expect(await bytesAt(target.key)).toBe(md5(noise(100)));
  });

  it("ends with AbortMultipartUpload", async () => {
    const uploadId = await createUpload(target);
    const part = await putPart(target, uploadId, 1, PART);
    const query = `uploadId=${encode(uploadId)}`;
    await accepted(await send({ ...target, method: "DELETE", query }), 204);
    expect(await rows(uploadId)).toBe(0);
    const details = { UploadId: uploadId };
    const message = NO_SUCH_UPLOAD;
    await expectError(await send({ ...target, method: "DELETE", query }), 404, "NoSuchUpload", { message, details });
    await expectError(await send({ ...target, query }), 404, "NoSuchUpload", { message, details });
    await expectError(await finish(uploadId, [part]), 404, "NoSuchUpload", { message, details });
    await expectError(await sendPart(target, uploadId, 2, "x"), 404, "NoSuchUpload", { message, details });
    await expectError(await sendPart(target, uploadId, 2, LAST), 404, "NoSuchUpload", { message, details });
    expect(await store.head(target.key)).toBe(null);
  });

  it.each([100, 2 * MIB])("refuses a part of %i bytes with a wrong digest, and keeps the earlier one", async (size) => {
    const uploadId = await createUpload(target);
    const body = noise(size);
    const part = await putPart(target, uploadId, 1, body);
    const other = noise(size, 9);
    for (const [headers, code] of [
      [{ "content-md5": Buffer.from(md5("x"), "hex").toString("base64") }, "BadDigest"],
      [{ "x-amz-checksum-crc32": "AAAAAA==" }, "BadDigest"],
      [{ "x-amz-content-sha256": sha256("other") }, "XAmzContentSHA256Mismatch"],
    ] as const) {
      const answer = await sendPart(target, uploadId, 1, other, { headers });
      expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining(`<Code>${code}</Code>`)]);
    }
    await accepted(await finish(uploadId, [part]));
    expect(await bytesAt(target.key)).toBe(md5(body));
  });

  it.each([
    ["CRC64NVME", "FULL_OBJECT"],
    ["CRC32", "FULL_OBJECT"],
    ["SHA256", "COMPOSITE"],
  ])("verifies a %s checksum of type %s", async (algorithm, type) => {
    const uploadId = await createUpload(target, {
      "x-amz-checksum-algorithm": algorithm,
      "x-amz-checksum-type": type,
    });
    const header = `x-amz-checksum-${algorithm.toLowerCase()}`;
    const parts: Part[] = [];
    for (const [index, body] of [PART, LAST].entries()) {
      const checksum = type === "COMPOSITE" ? { [header]: await checksumOf(algorithm, body) } : {};
      parts.push(await putPart(target, uploadId, index + 1, body, checksum));
    }
    const wrong = await finish(uploadId, parts, {
      headers: { [header]: await checksumOf(algorithm, "x"), "x-amz-checksum-type": type },
    });
    expect([wrong.status, await wrong.text()]).toEqual([400, expect.stringContaining("BadDigest")]);
    expect(await store.head(target.key)).toBe(null);
    const answer = await accepted(await finish(uploadId, parts));
    expect(answer).toContain(`<ChecksumType>${type}</ChecksumType>`);
    if (type === "FULL_OBJECT") expect(answer).toContain(await fullObjectOf(algorithm, [PART, LAST]));
  });

  it("takes parts from objects of any bucket", async () => {
    await putObject(ordinary, "source", concat([PART, LAST]));
    await store.put("source", concat([PART, LAST]));
    const uploadId = await createUpload(target);
    const parts: Part[] = [];
    for (const [index, from] of [ordinary, bucket].entries()) {
      const headers = {
        "x-amz-copy-source": `/${from}/source`,
        "x-amz-copy-source-range":
          index === 0 ? `bytes=0-${PART.length - 1}` : `bytes=${PART.length}-${PART.length + LAST.length - 1}`,
      };
      const query = `partNumber=${index + 1}&uploadId=${encode(uploadId)}`;
      const text = await accepted(await send({ ...target, method: "PUT", query, headers }));
      parts.push({ partNumber: index + 1, etag: /&quot;(\w+)&quot;/.exec(text)?.[1] ?? "" });
    }
    await accepted(await finish(uploadId, parts));
    expect(await bytesAt(target.key)).toBe(md5(concat([PART, LAST])));
    const copy = { bucket: ordinary, key: "copy" };
    const headers = { "x-amz-copy-source": `/${bucket}/${target.key}` };
    await accepted(await send({ ...copy, method: "PUT", headers }));
    const read = await send(copy);
    expect(md5(new Uint8Array(await read.arrayBuffer()))).toBe(md5(concat([PART, LAST])));
  });

  it("is refused with what an R2 object cannot keep", async () => {
    for (const headers of [
      { "x-amz-server-side-encryption": "aws:kms" },
      { "x-amz-storage-class": "REDUCED_REDUNDANCY" },
    ]) {
      const answer = await send({ ...target, method: "POST", query: "uploads", headers, scheme: "https" });
      expect([answer.status, await answer.text()]).toEqual([501, expect.stringContaining("adopted")]);
    }
    const reserved = await send({
      ...target,
      method: "POST",
      query: "uploads",
      headers: { "x-amz-meta-workers-s3": "x" },
    });
    expect(reserved.status).toBe(400);
  });

  it("lists uploads by prefix and delimiter, in pages", async () => {
    const ids = await Promise.all(["p/a", "p/b/1", "p/b/2"].map((key) => createUpload({ bucket, key })));
    const text = await accepted(await send({ bucket, query: "uploads&prefix=p/&delimiter=/" }));
    expect([text.includes(ids[0] ?? "?"), text.includes("<Prefix>p/b/</Prefix>"), text.includes("p/b/1")]).toEqual([
      true,
      true,
      false,
    ]);
    const page = await accepted(await send({ bucket, query: "uploads&prefix=p/&max-uploads=1" }));
    expect(page).toContain("<IsTruncated>true</IsTruncated>");
    expect(page).toContain("<NextKeyMarker>p/a</NextKeyMarker>");
  });

  it("costs one R2 call and one to D1 for each part, and no Durable Object", async () => {
    const { env, counts, reset } = countingEnv(testEnv);
    const uploadId = await createUpload(target);
    await (await sendPart(target, uploadId, 1, PART, { env })).text();
    reset();
    await (await sendPart(target, uploadId, 2, LAST, { env })).text();
    expect(counts).toMatchObject({ d1: 1, durableObject: 0 });
  });
});

describe("the end of an upload that is not completed", () => {
  it("comes with the release of its bucket, whose object R2 keeps", async () => {
    const uploadId = await createUpload(target);
    const part = await putPart(target, uploadId, 1, PART);
    await store.put("kept", "kept");
    await release(bucket);
    expect([await rows(uploadId), await keysIn(store)]).toEqual([0, expect.arrayContaining(["kept"])]);
    expect((await admin("POST", "adoptions", { name: bucket, binding: "ADOPT_PHOTOS" })).status).toBe(201);
    const gone = await finish(uploadId, [part]);
    expect(gone.status).toBe(404);
  });

  it("comes with the sweep after seven days", async () => {
    const uploadId = await createUpload(target);
    await putPart(target, uploadId, 1, PART);
    const day = 24 * 60 * 60 * 1000;
    await runSweeps(testEnv, new Date(Date.now() + 6 * day));
    expect(await rows(uploadId)).toBe(2);
    await runSweeps(testEnv, new Date(Date.now() + 8 * day));
    expect(await rows(uploadId)).toBe(0);
  });
});

async function begun(key: string): Promise<{ uploadId: string; part: Part }> {
  target = { bucket, key };
  const uploadId = await createUpload(target);
  return { uploadId, part: await putPart(target, uploadId, 1, "content") };
}

describe("a completion whose Worker dies", () => {
  it("is reported if it happened, and has its answer when it is repeated", async () => {
    await setRules(bucket, { notification: [EVERYTHING] });
    const whole = await begun("dying/whole");
    const counted = failingEnv(withEventQueue().env, undefined);
    await accepted(await finish(whole.uploadId, [whole.part], { env: counted.env }));
    expect(counted.calls()).toBeGreaterThan(5);
    let made = 0;
    for (let at = 1; at <= counted.calls(); at++) {
      const { uploadId, part } = await begun(`dying/${at}`);
      const queue = withEventQueue();
      const failing = failingEnv(queue.env, { at, when: "after", lasting: "permanently" });
      const status = await finish(uploadId, [part], { env: failing.env }).then(async (response) => {
        await response.text();
        return response.status;
      });
      const isMade = (await store.head(target.key)) !== null;
      if (status === 200) expect(isMade).toBe(true);
      if (isMade) made++;
      await resumeEvents(queue.env, new Date(Date.now() + 2 * 60_000));
      expect([at, queue.changes().some(({ key }) => key === target.key)]).toEqual([at, isMade]);
      await accepted(await finish(uploadId, [part], { env: queue.env }));
      expect([await bytesAt(target.key), await rows(uploadId)]).toEqual([md5("content"), 0]);
    }
    expect(made).toBeGreaterThan(1);
  });
});
