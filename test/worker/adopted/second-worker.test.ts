/** An adopted bucket and a second, plain Worker with the same R2 binding: each reads and lists what the other writes. */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { adopt } from "../../support/adopted.ts";
import { copied } from "../../support/copy.ts";
import { completionDocument, concat, createUpload, MIB, md5, noise, putPart } from "../../support/multipart.ts";
import { encode, putObject, send } from "../../support/request.ts";
import { createBucket } from "../../support/s3.ts";

const plain = Reflect.get(env, "PLAIN") as Fetcher;
let bucket = "";

beforeAll(async () => {
  await createBucket();
  bucket = await adopt("ADOPT_PHOTOS");
});

function ask(key: string, init: RequestInit = {}): Promise<Response> {
  return plain.fetch(`http://plain/${key.split("/").map(encode).join("/")}`, init);
}

async function bytesOf(response: Response): Promise<string> {
  return md5(new Uint8Array(await response.arrayBuffer()));
}

const HEADERS = { "content-type": "image/png", "cache-control": "max-age=60", "content-disposition": "inline" };
const shown = (response: Response) =>
  Object.keys(HEADERS).map((name) => response.headers.get(name)?.replace(/, no-.*/, ""));

describe("a second Worker with the same R2 bucket", () => {
  it.each([0, 7, 3 * MIB])("reads %i bytes that PutObject wrote, with ETag and headers", async (size) => {
    const bytes = noise(size);
    const headers = { ...HEADERS, "x-amz-tagging": "a=1", "x-amz-meta-color": "red" };
    const etag = await putObject(bucket, "a b/ü.png", bytes, { headers });
    const read = await ask("a b/ü.png");
    expect([read.headers.get("etag"), ...shown(read)]).toEqual([`"${etag}"`, ...Object.values(HEADERS)]);
    expect(await bytesOf(read)).toBe(md5(bytes));
    expect(await (await ask("")).json()).toContain("a b/ü.png");
  });

  it.each([0, 7, 3 * MIB])("writes %i bytes that GetObject reads and ListObjects lists", async (size) => {
    const bytes = noise(size, 2);
    const put = await ask("theirs/x.png", { method: "PUT", body: bytes as BodyInit, headers: HEADERS });
    const etag = await put.text();
    const read = await send({ bucket, key: "theirs/x.png" });
    expect([read.status, read.headers.get("etag"), ...shown(read)]).toEqual([
      200,
      `"${etag}"`,
      ...Object.values(HEADERS),
    ]);
    expect(await bytesOf(read)).toBe(md5(bytes));
    const listing = await (await send({ bucket, query: "list-type=2&prefix=theirs/" })).text();
    expect(listing).toContain(`<Key>theirs/x.png</Key>`);
    expect(listing).toContain(`<Size>${size}</Size>`);
  });

  it("reads objects that were uploaded in parts, copied and tagged", async () => {
    const target = { bucket, key: "parts" };
    const bodies = [noise(5 * MIB), noise(MIB)];
    const uploadId = await createUpload(target, HEADERS);
    const parts = await Promise.all(bodies.map((body, index) => putPart(target, uploadId, index + 1, body)));
    const query = `uploadId=${encode(uploadId)}`;
    expect((await ask("parts")).status).toBe(404);
    expect((await send({ ...target, method: "POST", query, body: completionDocument(parts) })).status).toBe(200);
    await copied({ bucket, key: "copy" }, `/${bucket}/parts`);
    const body = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>";
    const digest = {
      "content-md5": btoa(
        String.fromCharCode(...(md5(body).match(/../g) ?? []).map((hex) => Number.parseInt(hex, 16))),
      ),
    };
    expect((await send({ ...target, method: "PUT", query: "tagging", body, headers: digest })).status).toBe(200);
    for (const key of ["parts", "copy"]) {
      const read = await ask(key);
      expect(shown(read)).toEqual(Object.values(HEADERS));
      expect(await bytesOf(read)).toBe(md5(concat(bodies)));
    }
  });

  it("overwrites and deletes: the next request sees it", async () => {
    await putObject(bucket, "k", "mine", { headers: { "x-amz-acl": "public-read" } });
    await ask("k", { method: "PUT", body: "theirs" });
    expect(await (await send({ bucket, key: "k" })).text()).toBe("theirs");
    // The ACL was that of the object that is gone.
    expect((await send({ bucket, key: "k", as: null })).status).toBe(403);
    await ask("k", { method: "DELETE" });
    expect((await send({ bucket, key: "k" })).status).toBe(404);
    await putObject(bucket, "k", "again");
    await send({ method: "DELETE", bucket, key: "k" });
    expect((await ask("k")).status).toBe(404);
  });

  it("writes one key at the same time: readers get the whole of one of them", async () => {
    const [mine, theirs] = [noise(2 * MIB, 5), noise(2 * MIB, 6)];
    const wholes = [md5(mine), md5(theirs)];
    for (let round = 0; round < 3; round++) {
      const read = async () => bytesOf(await send({ bucket, key: "hot" }));
      await putObject(bucket, "hot", mine);
      const [, , seen] = await Promise.all([
        putObject(bucket, "hot", mine),
        ask("hot", { method: "PUT", body: theirs as BodyInit }),
        read(),
      ]);
      expect(wholes).toContain(seen);
      expect(wholes).toContain(await read());
      expect(await bytesOf(await ask("hot"))).toBe(await read());
    }
  });
});
