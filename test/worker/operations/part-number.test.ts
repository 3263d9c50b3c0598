/** Parts of a finished object: `?partNumber=` of GetObject and HeadObject, ObjectParts of GetObjectAttributes. */
import { describe, expect, it } from "vitest";
import { countingEnv } from "../../support/counting-env.ts";
import { expectError, expectHeadError } from "../../support/errors.ts";
import {
  checksumOf,
  compositeOf,
  digestGet,
  MIB,
  md5,
  multipartETag,
  newTarget,
  noise,
  putMultipart,
  type UploadTarget,
} from "../../support/multipart.ts";
import { putObject, type SendOptions, STYLES, send } from "../../support/request.ts";
import { testEnv } from "../../support/s3.ts";
import { all, documentOf, fields, textIn } from "../../support/xml.ts";

const BODIES = [noise(5 * MIB, 1), noise(5 * MIB + 3, 2), "the end"];
const TOTAL = 10 * MIB + 10;

interface Stored {
  readonly target: UploadTarget;
  readonly etag: string;
}

const stored = new Map<string, Promise<Stored>>();

/** An object that tests only read: one for each algorithm and type of checksum, and number of bodies. */
function storedInParts(headers: Record<string, string> = {}, bodies: readonly (string | Uint8Array)[] = BODIES) {
  const name = JSON.stringify([headers, bodies.length]);
  const found = stored.get(name) ?? storeInParts(headers, bodies);
  stored.set(name, found);
  return found;
}

async function storeInParts(headers: Record<string, string>, bodies: readonly (string | Uint8Array)[]) {
  const target = await newTarget();
  return { target, etag: await putMultipart(target, bodies, headers) };
}

function attributes(options: SendOptions): Promise<Response> {
  const headers = { "x-amz-object-attributes": "ObjectParts", ...options.headers };
  return send({ ...options, query: "attributes", headers });
}

describe("partNumber of an object uploaded in parts", () => {
  it.each(STYLES)("GetObject and HeadObject answer with the part and the number of parts, %s style", async (style) => {
    const { target: object, etag } = await storedInParts();
    const target = { ...object, style };
    let offset = 0;
    for (const [index, body] of BODIES.entries()) {
      const query = `partNumber=${index + 1}`;
      expect(await digestGet({ ...target, query })).toEqual({ status: 206, sizeBytes: body.length, md5: md5(body) });
      for (const method of ["GET", "HEAD"]) {
        const response = await send({ ...target, method, query });
        expect(response.status).toBe(206);
        expect(Object.fromEntries(response.headers)).toMatchObject({
          etag: `"${etag}"`,
          // Without a socket, GET's length is not in its headers.
          ...(method === "HEAD" && { "content-length": String(body.length) }),
          "content-range": `bytes ${offset}-${offset + body.length - 1}/${TOTAL}`,
          "x-amz-mp-parts-count": "3",
        });
        expect(response.headers.get("x-amz-checksum-type")).toBeNull();
        await response.body?.cancel();
      }
      offset += body.length;
    }
    const whole = await send({ ...target, method: "HEAD" });
    expect([whole.status, whole.headers.get("x-amz-mp-parts-count")]).toEqual([200, null]);
  });

  it("GetObject and HeadObject refuse a part beyond the last with InvalidPartNumber", async () => {
    const target = await newTarget();
    await putMultipart(target, ["one part"]);
    await expectError(await send({ ...target, query: "partNumber=2" }), 416, "InvalidPartNumber", {
      message: "The requested partnumber is not satisfiable",
      details: { ActualPartCount: "1", PartNumberRequested: "2" },
    });
    await expectHeadError(await send({ ...target, method: "HEAD", query: "partNumber=10000" }), 416);
  });

  it("GetObject evaluates conditions before the part", async () => {
    const target = await newTarget();
    const etag = await putMultipart(target, ["one part"]);
    const query = "partNumber=9";
    const unchanged = await send({ ...target, query, headers: { "if-none-match": `"${etag}"` } });
    expect(unchanged.status).toBe(304);
    const changed = await send({ ...target, query, headers: { "if-match": '"x"' } });
    expect(changed.status).toBe(412);
    await changed.body?.cancel();
  });

  // Seen on AWS (LocalStack's recordings of 2026-02): the part's checksum has the whole object's type if that one is
  // made of the parts' checksums.
  it.each([
    ["CRC32C", "COMPOSITE", BODIES, 2],
    ["XXHASH3", "COMPOSITE", BODIES, 2],
    ["SHA256", "COMPOSITE", BODIES.slice(-1), 1],
    ["CRC32C", "FULL_OBJECT", BODIES.slice(-1), 1],
    ["CRC64NVME", "FULL_OBJECT", BODIES.slice(-1), 1],
    ["CRC32C", "FULL_OBJECT", BODIES, undefined],
    ["CRC64NVME", "FULL_OBJECT", BODIES, undefined],
  ] as const)("GetObject and HeadObject return a part's %s (%s) on request", async (algorithm, type, bodies, part) => {
    const checksums = { "x-amz-checksum-algorithm": algorithm, "x-amz-checksum-type": type };
    const { target } = await storedInParts(checksums, bodies);
    const header = `x-amz-checksum-${algorithm.toLowerCase()}`;
    const expected = part === undefined ? [null, null] : [await checksumOf(algorithm, bodies[part - 1] ?? ""), type];
    for (const method of ["GET", "HEAD"]) {
      const options = { ...target, method, query: `partNumber=${part ?? 2}` };
      const asked = await send({ ...options, headers: { "x-amz-checksum-mode": "ENABLED" } });
      expect([asked.headers.get(header), asked.headers.get("x-amz-checksum-type")]).toEqual(expected);
      await asked.body?.cancel();
      const unasked = await send(options);
      expect(unasked.headers.get(header)).toBeNull();
      await unasked.body?.cancel();
    }
  });

  it("GetObject of an empty last part has no Content-Range", async () => {
    const target = await newTarget();
    await putMultipart(target, [BODIES[0] ?? "", ""]);
    const read = await send({ ...target, query: "partNumber=2" });
    expect([read.status, await read.text(), read.headers.get("content-range")]).toEqual([206, "", null]);
    const head = await send({ ...target, method: "HEAD", query: "partNumber=2" });
    expect([head.status, head.headers.get("content-length"), head.headers.get("content-range")]).toEqual([
      206,
      "0",
      null,
    ]);
  });

  it("HeadObject with partNumber needs one R2 call", async () => {
    const { target } = await storedInParts();
    const { env, counts, reset } = countingEnv(testEnv);
    await send({ ...target, method: "HEAD", env });
    reset();
    await send({ ...target, method: "HEAD", query: "partNumber=2", env });
    expect(counts).toMatchObject({ r2: 1, d1: 0 });
  });
});

describe("partNumber of an object that was not uploaded in parts", () => {
  it("GetObject and HeadObject answer part 1 with the whole object, its checksum, and no number of parts", async () => {
    const target = await newTarget();
    await putObject(target.bucket, "k", "content", {
      headers: { "x-amz-checksum-crc32c": await checksumOf("CRC32C", "content") },
    });
    for (const method of ["GET", "HEAD"]) {
      const headers = { "x-amz-checksum-mode": "ENABLED" };
      const response = await send({ ...target, method, query: "partNumber=1", headers });
      expect(response.status).toBe(206);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        "content-range": "bytes 0-6/7",
        ...(method === "HEAD" && { "content-length": "7" }),
        "x-amz-checksum-crc32c": await checksumOf("CRC32C", "content"),
        "x-amz-checksum-type": "FULL_OBJECT",
      });
      expect(response.headers.get("x-amz-mp-parts-count")).toBeNull();
      await response.body?.cancel();
    }
  });

  it("GetObject answers part 1 of an empty object with 206 and no Content-Range", async () => {
    const target = await newTarget();
    await putObject(target.bucket, "k", "");
    const response = await send({ ...target, query: "partNumber=1" });
    expect([response.status, await response.text(), response.headers.get("content-range")]).toEqual([206, "", null]);
  });
});

describe("ObjectParts of GetObjectAttributes", () => {
  it("GetObjectAttributes lists the parts of a composite checksum", async () => {
    const { target } = await storedInParts({ "x-amz-checksum-algorithm": "SHA256" });
    const root = await documentOf(await attributes(target), "GetObjectAttributesResponse");
    const [parts] = all(root, "ObjectParts");
    expect(fields(parts)).toMatchObject({
      PartsCount: "3",
      PartNumberMarker: "0",
      NextPartNumberMarker: "3",
      MaxParts: "1000",
      IsTruncated: "false",
    });
    const expected = await Promise.all(
      BODIES.map(async (body, index) => ({
        PartNumber: String(index + 1),
        Size: String(body.length),
        ChecksumSHA256: await checksumOf("SHA256", body),
      })),
    );
    expect(parts && all(parts, "Part").map(fields)).toEqual(expected);
  });

  it.each([
    ["1", undefined, ["1"], { NextPartNumberMarker: "1", IsTruncated: "true", MaxParts: "1" }],
    ["1", "1", ["2"], { NextPartNumberMarker: "2", IsTruncated: "true", PartNumberMarker: "1" }],
    ["10", "1", ["2", "3"], { NextPartNumberMarker: "3", IsTruncated: "false", MaxParts: "10" }],
    ["1", "10", [], { NextPartNumberMarker: "0", IsTruncated: "false", PartNumberMarker: "10" }],
    ["5000", undefined, ["1", "2", "3"], { MaxParts: "1000", IsTruncated: "false" }],
  ])("GetObjectAttributes pages by x-amz-max-parts=%s after %s", async (maxParts, marker, numbers, expected) => {
    const { target } = await storedInParts({ "x-amz-checksum-algorithm": "CRC32" });
    const headers = { "x-amz-max-parts": maxParts, ...(marker && { "x-amz-part-number-marker": marker }) };
    const root = await documentOf(await attributes({ ...target, headers }), "GetObjectAttributesResponse");
    const [parts] = all(root, "ObjectParts");
    expect(fields(parts)).toMatchObject({ PartsCount: "3", ...expected });
    expect(parts && all(parts, "Part").map((part) => textIn(part, "PartNumber"))).toEqual(numbers);
  });

  it.each([
    ["no checksum", {}],
    ["a full-object checksum", { "x-amz-checksum-algorithm": "CRC64NVME" }],
  ])("GetObjectAttributes returns only the number of parts of an object with %s", async (_name, headers) => {
    const target = await newTarget();
    await putMultipart(target, ["one part"], { ...headers } as Record<string, string>);
    const root = await documentOf(await attributes(target), "GetObjectAttributesResponse");
    expect(all(root, "ObjectParts").map(fields)).toEqual([{ PartsCount: "1" }]);
  });

  it("GetObjectAttributes returns ETag, size and checksum of the whole object", async () => {
    const target = await newTarget();
    await putMultipart(target, ["content"], { "x-amz-checksum-algorithm": "CRC64NVME" });
    const headers = { "x-amz-object-attributes": "ETag,ObjectSize,Checksum" };
    const root = await documentOf(await attributes({ ...target, headers }), "GetObjectAttributesResponse");
    expect(fields(root)).toMatchObject({ ETag: multipartETag(["content"]), ObjectSize: "7" });
    expect(fields(all(root, "Checksum")[0])).toEqual({
      ChecksumCRC64NVME: await checksumOf("CRC64NVME", "content"),
      ChecksumType: "FULL_OBJECT",
    });
  });

  it("GetObjectAttributes returns a composite checksum without the number of parts, HeadObject with it", async () => {
    const target = await newTarget();
    await putMultipart(target, ["content"], { "x-amz-checksum-algorithm": "SHA256" });
    const composite = await compositeOf("SHA256", ["content"]);
    const headers = { "x-amz-object-attributes": "Checksum" };
    const root = await documentOf(await attributes({ ...target, headers }), "GetObjectAttributesResponse");
    expect(fields(all(root, "Checksum")[0])).toEqual({
      ChecksumSHA256: composite.replace(/-1$/, ""),
      ChecksumType: "COMPOSITE",
    });
    const head = await send({ ...target, method: "HEAD", headers: { "x-amz-checksum-mode": "ENABLED" } });
    expect(head.headers.get("x-amz-checksum-sha256")).toBe(composite);
  });

  it.each([
    ["x-amz-max-parts", "-1"],
    ["x-amz-max-parts", "x"],
    ["x-amz-max-parts", "99999999999"],
    ["x-amz-part-number-marker", "1.5"],
    ["x-amz-part-number-marker", "-1"],
  ])("GetObjectAttributes ignores %s: %s", async (name, value) => {
    const { target } = await storedInParts({ "x-amz-checksum-algorithm": "CRC32" });
    const root = await documentOf(
      await attributes({ ...target, headers: { [name]: value } }),
      "GetObjectAttributesResponse",
    );
    expect(fields(all(root, "ObjectParts")[0])).toMatchObject({ PartNumberMarker: "0", MaxParts: "1000" });
  });
});
