import { describe, expect, it } from "vitest";
import { expectError } from "../../support/errors.ts";
import { putObject, type SendOptions, STYLES, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";
import { unlimitedEnv } from "../../support/worker.ts";

// "How to prevent object overwrites with conditional writes" (conditional-writes).

const LARGE = new Uint8Array(1024 * 1024 + 1).fill(1);
const OTHER_ETAG = "0".repeat(32);

function put(options: SendOptions): Promise<Response> {
  return send({ method: "PUT", key: "k", body: "new", ...options });
}

async function textOf(bucket: string): Promise<string> {
  return (await send({ bucket, key: "k" })).text();
}

describe.each([
  ["small", "new"],
  ["large", LARGE],
])("PutObject of a %s body under a condition", (_size, body) => {
  it("PutObject with If-None-Match: * creates an object", async () => {
    const bucket = await createBucket();
    expect((await put({ bucket, body, headers: { "if-none-match": "*" } })).status).toBe(200);
  });

  it("PutObject with If-None-Match: * refuses to overwrite with PreconditionFailed", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "old");
    await expectError(await put({ bucket, body, headers: { "if-none-match": "*" } }), 412, "PreconditionFailed", {
      details: { Condition: "If-None-Match" },
    });
    expect(await textOf(bucket)).toBe("old");
  });

  it("PutObject with If-None-Match: * creates an object after a removal, also one under a condition", async () => {
    const bucket = await createBucket();
    for (const headers of [{}, { "if-match": "*" }] as const) {
      await putObject(bucket, "k", "old");
      expect((await send({ method: "DELETE", bucket, key: "k", headers: { ...headers } })).status).toBe(204);
      expect((await put({ bucket, body, headers: { "if-none-match": "*" } })).status).toBe(200);
    }
  });

  it.each([
    ["quoted", (etag: string) => `"${etag}"`],
    ["bare", (etag: string) => etag],
    ["*", () => "*"],
  ])("PutObject with If-Match: %s replaces the object with that ETag", async (_form, format) => {
    const bucket = await createBucket();
    const etag = await putObject(bucket, "k", "old");
    expect((await put({ bucket, body, headers: { "if-match": format(etag) } })).status).toBe(200);
    expect(await textOf(bucket)).not.toBe("old");
  });

  it("PutObject with If-Match replaces a large object whose checksum came last", async () => {
    const bucket = await createBucket();
    // Another storage class makes the entry a manifest with an ETag of its own.
    const etag = await putObject(bucket, "k", LARGE, { headers: { "x-amz-storage-class": "STANDARD_IA" } });
    expect((await put({ bucket, body, headers: { "if-match": OTHER_ETAG } })).status).toBe(412);
    expect((await put({ bucket, body, headers: { "if-match": etag } })).status).toBe(200);
  });

  it("PutObject with If-Match refuses another ETag with PreconditionFailed", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "old");
    const response = await put({ bucket, body, headers: { "if-match": `"${OTHER_ETAG}"` } });
    await expectError(response, 412, "PreconditionFailed", {
      details: { Condition: "If-Match" },
    });
    expect(await textOf(bucket)).toBe("old");
  });

  // conditional-writes: "If there's no current object version with the same name ... the operation fails with a 404 Not Found".
  it.each(["*", OTHER_ETAG])("PutObject with If-Match: %s refuses an absent key with NoSuchKey", async (etag) => {
    const bucket = await createBucket();
    await expectError(await put({ bucket, body, headers: { "if-match": etag } }), 404, "NoSuchKey", {
      details: { Key: "k" },
    });
    expect((await send({ method: "HEAD", bucket, key: "k" })).status).toBe(404);
  });

  // R2's limit of one write a second would refuse some before R2 decides.
  it("PutObject with If-None-Match: * lets exactly one of many writers create", async () => {
    const bucket = await createBucket();
    const responses = await Promise.all(
      Array.from({ length: 6 }, () => put({ bucket, body, headers: { "if-none-match": "*" }, env: unlimitedEnv })),
    );
    const statuses = responses.map((response) => response.status).sort();
    expect(statuses[0]).toBe(200);
    expect(statuses.slice(1).every((status) => status === 412 || status === 409)).toBe(true);
  });

  it("PutObject with If-Match lets exactly one of many writers replace the object", async () => {
    const bucket = await createBucket();
    const etag = await putObject(bucket, "k", "old");
    const responses = await Promise.all(
      ["a", "b", "c", "d"].map((letter) => {
        const own =
          typeof body === "string" ? letter : body.map((_, index) => (index === 0 ? letter.charCodeAt(0) : 1));
        return put({ bucket, body: own, headers: { "if-match": etag }, env: unlimitedEnv });
      }),
    );
    const statuses = responses.map((response) => response.status).sort();
    expect(statuses[0]).toBe(200);
    expect(statuses.slice(1).every((status) => status === 412 || status === 409)).toBe(true);
  });
});

describe("PutObject under a condition that S3 does not support", () => {
  it.each(STYLES)("PutObject refuses a failed condition in %s style as well", async (style) => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "old");
    expect((await put({ bucket, style, headers: { "if-none-match": "*" } })).status).toBe(412);
  });

  const VALUE = (header: string) => `We don't accept the provided value of ${header} header for this API`;
  it.each([
    ["If-None-Match", { "if-none-match": '"abc"' }, VALUE("If-None-Match")],
    ["If-Match", { "if-match": '"a", "b"' }, VALUE("If-Match")],
    ["If-Match", { "if-match": 'W/"a"' }, VALUE("If-Match")],
    [
      "If-Modified-Since",
      { "if-modified-since": "Thu, 01 Jan 2015 00:00:00 GMT" },
      "We don't accept the If-Modified-Since header for this API",
    ],
    [
      "If-Unmodified-Since",
      { "if-unmodified-since": "Thu, 01 Jan 2015 00:00:00 GMT" },
      "We don't accept the If-Unmodified-Since header for this API",
    ],
    [
      "If-Match,If-None-Match",
      { "if-match": "*", "if-none-match": "*" },
      "Multiple conditional request headers present in the request",
    ],
  ])("PutObject refuses %s %j with NotImplemented", async (header, headers, additionalMessage) => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "old");
    const response = await put({ bucket, headers: headers as unknown as Record<string, string> });
    await expectError(response, 501, "NotImplemented", {
      message: "A header you provided implies functionality that is not implemented",
      details: { Header: header, additionalMessage },
    });
    expect(await textOf(bucket)).toBe("old");
  });
});
