/** A call of the platform that never answers ends in a 503, and frees whatever its request held. */
import { runInDurableObject } from "cloudflare:test";
import { env as bindings } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { parseWaits } from "../../../src/storage/platform/waits.ts";
import { MultipartUpload } from "../../../src/storage/uploads/blob-set.ts";
import { blobSetOfUpload } from "../../../src/storage/uploads/upload-id.ts";
import { bucketWithRules, EVERYTHING, intentRows } from "../../support/events.ts";
import { complete, MIB, noise, putPart, sendPart, started } from "../../support/multipart.ts";
import { callOf, type Hanging, hangingEnv, SHORT_WAITS } from "../../support/platform/hanging.ts";
import { presign, putObject, type SendOptions, send } from "../../support/request.ts";
import { createBucket, errorOf, testEnv } from "../../support/s3.ts";
import { handleRequest, resumeEvents } from "../../support/worker.ts";

/** Sends a request of which one call hangs: what the client sees of it, and what the log says. */
async function expectNoAnswer({ hung }: Hanging, request: () => Promise<Response>): Promise<void> {
  const lines = vi.spyOn(console, "error").mockImplementation(() => {});
  const response = await request();
  const requestId = String(response.headers.get("x-amz-request-id"));
  const { status, code, text } = await errorOf(response);
  const line = lines.mock.calls.map(String).find((each) => each.includes(requestId));
  lines.mockRestore();
  expect([status, code, hung.length]).toEqual([503, "ServiceUnavailable", 1]);
  expect(text).toContain(`<RequestId>${requestId}</RequestId>`);
  expect(text).not.toContain("no answer");
  expect(line).toContain("no answer within 0.25 s");
}

describe("a hung call of R2", () => {
  it.each<[string, string, Partial<SendOptions>, ("made" | "not-made")?]>([
    ["GetObject", "get", {}],
    ["PutObject", "put", { method: "PUT", body: "new" }],
    ["PutObject", "put", { method: "PUT", body: "new" }, "made"],
    ["PutObject of 2 MiB", "put", { method: "PUT", body: noise(2 * MIB) }],
    ["PutObject of 2 MiB", "put", { method: "PUT", body: noise(2 * MIB) }, "made"],
    ["PutObjectAcl", "put", { method: "PUT", query: "acl", headers: { "x-amz-acl": "public-read" } }, "made"],
    ["DeleteObject", "delete", { method: "DELETE" }, "made"],
    ["ListObjectsV2", "list", { query: "list-type=2" }],
  ])("%s answers 503 if %s hangs, and succeeds when it is repeated", async (_name, method, options, effect) => {
    const hanging = hangingEnv();
    const { env } = hanging;
    const bucket = await createBucket({ env });
    await putObject(bucket, "k", "old", { env });
    const target = method === "list" ? { bucket } : { bucket, key: "k" };
    hanging.hangNext(callOf("STORE", method), effect);
    await expectNoAnswer(hanging, () => send({ ...target, ...options, env }));
    const again = await send({ ...target, ...options, env });
    expect(again.ok).toBe(true);
    await again.body?.cancel();
  });

  it("HeadObject answers 503", async () => {
    const hanging = hangingEnv();
    const { env } = hanging;
    const bucket = await createBucket({ env });
    hanging.hangNext(callOf("STORE"));
    expect((await send({ method: "HEAD", bucket, key: "k", env })).status).toBe(503);
    expect((await send({ method: "HEAD", bucket, key: "k", env })).status).toBe(404);
  });

  it("CopyObject answers 503 if the bytes of its source stop coming", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k", noise(2 * MIB));
    const env = { ...testEnv, STORE: withoutBytes(testEnv.STORE), PLATFORM_WAITS_MS: SHORT_WAITS };
    const headers = { "x-amz-copy-source": `/${bucket}/k` };
    const copy = { method: "PUT", bucket, key: "copy", headers };
    expect(await errorOf(await send({ ...copy, env }))).toMatchObject({ status: 503, code: "ServiceUnavailable" });
    expect((await send(copy)).status).toBe(200);
  });

  it("a client may send its body as slowly as it likes", async () => {
    const bucket = await createBucket();
    const pieces = [MIB, MIB + 1].map((sizeBytes) => new Uint8Array(sizeBytes).fill(7));
    const sizeBytes = 2 * MIB + 1;
    const { readable, writable } = new FixedLengthStream(sizeBytes);
    const writer = writable.getWriter();
    const sent = (async () => {
      for (const piece of pieces) {
        await scheduler.wait(350);
        await writer.write(piece);
      }
      await writer.close();
    })();
    const url = await presign({ method: "PUT", bucket, key: "slow" });
    const headers = { "content-length": String(sizeBytes) };
    const { env } = hangingEnv({ PLATFORM_WAITS_MS: "250,250,5" });
    const response = await handleRequest(new Request(url, { method: "PUT", headers, body: readable }), env);
    await sent;
    expect([response.status, await response.text()]).toEqual([200, ""]);
  });
});

describe("a hung call of D1", () => {
  it.each(["batch", "first"])("answers 503, and others do not wait for it (%s)", async (method) => {
    const hanging = hangingEnv();
    const { env } = hanging;
    const bucket = await createBucket();
    await putObject(bucket, "k");
    const cold: SendOptions =
      method === "batch" ? { bucket, key: "k", env } : { bucket, query: "policy", method: "DELETE", env };
    if (method === "first") await (await send({ bucket, key: "k", env })).text();
    hanging.hangNext((call) => call.binding === "DB");
    const held = expectNoAnswer(hanging, () => send(cold));
    await vi.waitFor(() => expect(hanging.hung).toHaveLength(1));
    const others = await Promise.all([send({ bucket, key: "k", env }), send({ bucket, key: "k", env })]);
    expect(await Promise.all(others.map((each) => each.text()))).toEqual(["content", "content"]);
    await held;
    const again = await send(cold);
    expect(again.ok).toBe(true);
    await again.body?.cancel();
  });

  it("of a scheduled run ends the run", async () => {
    const hanging = hangingEnv();
    hanging.hangNext(callOf("DB"));
    await expect(resumeEvents(hanging.env, new Date())).rejects.toMatchObject({ code: "ServiceUnavailable" });
    await resumeEvents(hanging.env, new Date());
  });
});

describe("a hung call of a queue", () => {
  it("leaves the event to the sweep, and the change succeeds", async () => {
    const bucket = await bucketWithRules({ notification: [EVERYTHING] });
    const hanging = hangingEnv();
    hanging.hangNext(callOf("EVENTS"));
    const lines = vi.spyOn(console, "error").mockImplementation(() => {});
    expect((await send({ method: "PUT", bucket, key: "k", body: "x", env: hanging.env })).status).toBe(200);
    expect(lines.mock.calls.map(String).join()).toContain("the queue refused a message");
    lines.mockRestore();
    expect(hanging.hung).toHaveLength(1);
    expect((await intentRows(bucket)).map(({ has_landed }) => has_landed)).toEqual([1]);
  });
});

describe("a hung call of a Durable Object", () => {
  it("UploadPart answers 503, and the part can be sent again", async () => {
    const { target, uploadId } = await started();
    const hanging = hangingEnv();
    const { env } = hanging;
    hanging.hangNext(callOf("UPLOADS"), "made");
    const response = await sendPart(target, uploadId, 1, "content", { env });
    expect(await errorOf(response)).toMatchObject({ status: 503, code: "ServiceUnavailable" });
    expect(hanging.hung).toHaveLength(1);
    const part = await putPart(target, uploadId, 1, "again");
    await complete(target, uploadId, [part]);
    expect(await (await send(target)).text()).toBe("again");
  });

  it("frees the turn of the next call if R2 hangs within it", async () => {
    const { target, uploadId, part } = await started();
    const hanging = hangingEnv();
    const stub = bindings.UPLOADS.getByName(blobSetOfUpload(uploadId));
    await runInDurableObject(stub, async (_instance, state) => {
      const upload = new MultipartUpload(state, hanging.env);
      hanging.hangNext(callOf("STORE", "head"));
      const request = { parts: [{ partNumber: 1, etag: part.etag, checksums: [] }] };
      const command = { request, ticket: { writeId: "w" } } as never;
      const completion = upload.complete(command);
      const next = upload.listParts(0, 10);
      expect(await completion).toMatchObject({ ok: false, code: "ServiceUnavailable" });
      expect(await next).toMatchObject({ ok: true, value: { parts: [{ partNumber: 1 }] } });
    });
    expect(hanging.hung).toHaveLength(1);
    await complete(target, uploadId, [part]);
    expect(await (await send(target)).text()).toBe("content");
  });
});

it("the edge cache is passed over if it hangs", async () => {
  const { env } = hangingEnv({ EDGE_CACHE: "public" });
  const bucket = await createBucket();
  await putObject(bucket, "k", "content", { headers: { "x-amz-acl": "public-read", "cache-control": "max-age=60" } });
  const open = vi.spyOn(caches, "open").mockImplementation(() => new Promise(() => {}));
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const answered = send({ bucket, key: "k", as: null, env });
  await vi.waitFor(() => expect(open).toHaveBeenCalled());
  await vi.advanceTimersByTimeAsync(2_000);
  vi.useRealTimers();
  const response = await answered;
  open.mockRestore();
  expect([response.status, await response.text()]).toEqual([200, "content"]);
});

it("PLATFORM_WAITS_MS has three numbers", () => {
  expect(parseWaits("1,20,300")).toEqual({ callMs: 1, objectMs: 20, pauseMs: 300 });
  for (const text of ["", "1", "1,2", "1,2,3,4", "1,2,-3", "1,2,x"]) expect(parseWaits(text)).toBeUndefined();
});

/** A bucket whose objects have bodies that never give a byte. */
function withoutBytes(store: R2Bucket): R2Bucket {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (name !== "get") return value.bind(target);
      return async (...parameters: unknown[]) => {
        const found = (await Reflect.apply(value, target, parameters)) as R2ObjectBody | null;
        if (found === null) return null;
        const body = new ReadableStream({ type: "bytes", pull: () => new Promise<void>(() => {}) });
        return new Proxy(found, {
          get: (object, property) => (property === "body" ? body : Reflect.get(object, property, object)),
        });
      };
    },
  });
}
