/** Requests whose bucket is deleted while they run: none of them succeeds. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { Env } from "../../../src/env.ts";
import { keepObjectsInMemory } from "../../support/memory-store.ts";
import { completionDocument, createUpload, putPart } from "../../support/multipart.ts";
import { BOUNDARY, encodeForm } from "../../support/post-form.ts";
import { encode, putObject, type SendOptions, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { readXml, textIn } from "../../support/xml.ts";

keepObjectsInMemory();

type Binding = "STORE" | "DB" | "UPLOADS";

/**
 * Holds the first call after `arm()` of a method of a binding, or of an object it returns, until it is released.
 * `hooks.afterList` runs after every listing.
 */
function gate(vars: Partial<Env>, binding: Binding, method: string) {
  let arrive = () => {};
  let release = () => {};
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let isArmed = false;
  const hooks = { afterList: async () => {} };
  const watch = (target: object): object =>
    new Proxy(target, {
      get(object, name) {
        const value: unknown = Reflect.get(object, name);
        if (typeof value !== "function") return value;
        if (name === "getByName") return (...input: unknown[]) => watch(Reflect.apply(value, object, input) as object);
        if (name === "list") {
          return async (...input: unknown[]) => {
            const page: unknown = await Reflect.apply(value, object, input);
            await hooks.afterList();
            return page;
          };
        }
        if (name !== method) return value.bind(object);
        return async (...input: unknown[]) => {
          if (isArmed) {
            isArmed = false;
            arrive();
            await released;
          }
          return Reflect.apply(value, object, input) as unknown;
        };
      },
    });
  // The database identifies the isolate.
  const env = { ...testEnv, ...vars, DB: withoutIdentity(testEnv.DB), [binding]: watch(testEnv[binding]) } as Env;
  const arm = () => {
    isArmed = true;
  };
  return { env, arm, arrived, release: () => release(), hooks };
}

interface Late {
  readonly what: string;
  readonly at: readonly [Binding, string];
  /** Prepares the bucket, which must be empty then, and returns the request. */
  prepare(bucket: string): Promise<SendOptions>;
}

/** The cached row of the bucket does not expire within a test. */
const ONE_ISOLATE = { ONE_ISOLATE: "true", CONFIG_TTL_SECONDS: "600" };
const LARGE = new Uint8Array(1024 * 1024 + 1);

const TAGGING = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";

async function source(): Promise<Record<string, string>> {
  const bucket = await createBucket();
  await putObject(bucket, "source", "source");
  return { "x-amz-copy-source": `/${bucket}/source` };
}

const LATE: readonly Late[] = [
  {
    what: "PutObject",
    at: ["STORE", "put"],
    prepare: async (bucket) => ({ method: "PUT", bucket, key: "k", body: "late" }),
  },
  {
    what: "PutObject of a manifest",
    at: ["STORE", "put"],
    prepare: async (bucket) => ({
      method: "PUT",
      bucket,
      key: "k",
      body: LARGE,
      headers: { "x-amz-storage-class": "STANDARD_IA" },
    }),
  },
  {
    what: "PostObject",
    at: ["STORE", "put"],
    prepare: async (bucket) => {
      const acl = { method: "PUT", bucket, query: "acl", headers: { "x-amz-acl": "public-read-write" } };
      expect((await send(acl)).status).toBe(200);
      const body = encodeForm([
        ["key", "k"],
        ["file", { content: "late", name: "late" }],
      ]);
      const headers = { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };
      return { method: "POST", bucket, as: null, body, headers };
    },
  },
  {
    what: "CopyObject",
    at: ["STORE", "put"],
    prepare: async (bucket) => ({ method: "PUT", bucket, key: "k", headers: await source() }),
  },
  {
    what: "CreateMultipartUpload",
    at: ["STORE", "head"],
    prepare: async (bucket) => ({ method: "POST", bucket, key: "k", query: "uploads" }),
  },
  {
    what: "UploadPart",
    at: ["STORE", "put"],
    prepare: async (bucket) => {
      const uploadId = await createUpload({ bucket, key: "k" });
      return { method: "PUT", bucket, key: "k", query: `partNumber=1&uploadId=${encode(uploadId)}`, body: "late" };
    },
  },
  {
    what: "UploadPartCopy",
    at: ["STORE", "put"],
    prepare: async (bucket) => {
      const uploadId = await createUpload({ bucket, key: "k" });
      const query = `partNumber=1&uploadId=${encode(uploadId)}`;
      return { method: "PUT", bucket, key: "k", query, headers: await source() };
    },
  },
  {
    what: "CompleteMultipartUpload",
    at: ["UPLOADS", "complete"],
    prepare: async (bucket) => {
      const uploadId = await createUpload({ bucket, key: "k" });
      const part = await putPart({ bucket, key: "k" }, uploadId, 1, "late");
      return {
        method: "POST",
        bucket,
        key: "k",
        query: `uploadId=${encode(uploadId)}`,
        body: completionDocument([part]),
      };
    },
  },
  {
    what: "AbortMultipartUpload",
    at: ["UPLOADS", "abort"],
    prepare: async (bucket) => {
      const uploadId = await createUpload({ bucket, key: "k" });
      return { method: "DELETE", bucket, key: "k", query: `uploadId=${encode(uploadId)}` };
    },
  },
  {
    what: "DeleteObject",
    at: ["STORE", "delete"],
    prepare: async (bucket) => ({ method: "DELETE", bucket, key: "k" }),
  },
  {
    what: "PutBucketTagging",
    at: ["DB", "batch"],
    prepare: async (bucket) => ({
      method: "PUT",
      bucket,
      query: "tagging",
      body: TAGGING,
      headers: { "content-md5": createHash("md5").update(TAGGING).digest("base64") },
    }),
  },
  {
    what: "DeleteBucketTagging",
    at: ["DB", "batch"],
    prepare: async (bucket) => ({ method: "DELETE", bucket, query: "tagging" }),
  },
];

describe("a request whose bucket is deleted meanwhile", () => {
  for (const isCreatedAgain of [false, true]) {
    const then = isCreatedAgain ? "and created again" : "permanently";
    it.each(LATE)(`$what is NoSuchBucket, the bucket deleted ${then}`, async ({ at, prepare }) => {
      const bucket = await createBucket();
      const request = await prepare(bucket);
      const { env, arm, arrived, release } = gate(ONE_ISOLATE, ...at);
      expect((await send({ method: "HEAD", bucket, env })).status).toBe(200);
      arm();
      const late = send({ ...request, env });
      await arrived;
      expect((await send({ method: "DELETE", bucket, env })).status).toBe(204);
      if (isCreatedAgain) expect((await send({ method: "PUT", bucket, env })).status).toBe(200);
      release();
      const response = await late;
      expect([response.status, await codeOf(response)]).toEqual([404, "NoSuchBucket"]);
      if (!isCreatedAgain) return;
      const listing = await (await send({ bucket, env })).text();
      expect(listing).not.toContain("<Contents>");
      expect((await send({ bucket, query: "tagging", env })).status).toBe(404);
    });
  }

  it("is refused by another isolate as well, which has the bucket cached", async () => {
    const bucket = await createBucket();
    const settings = { ONE_ISOLATE: "false", CONFIG_TTL_SECONDS: "1" };
    const { env, arm, arrived, release } = gate(settings, "STORE", "put");
    arm();
    const late = send({ method: "PUT", bucket, key: "k", body: "late", env });
    await arrived;
    const elsewhere = { ...testEnv, ...settings, DB: withoutIdentity(testEnv.DB) } as Env;
    expect((await send({ method: "DELETE", bucket, env: elsewhere })).status).toBe(204);
    release();
    const response = await late;
    expect(await codeOf(response)).toBe("NoSuchBucket");
  });

  it("keeps the bucket, if it takes effect while the bucket is being deleted", async () => {
    const bucket = await createBucket();
    const settings = { ONE_ISOLATE: "false", CONFIG_TTL_SECONDS: "1" };
    const env = { ...testEnv, ...settings, DB: withoutIdentity(testEnv.DB) } as Env;
    const deleting = send({ method: "DELETE", bucket, env });
    await scheduler.wait(300);
    expect((await send({ method: "PUT", bucket, key: "k", body: "kept", env })).status).toBe(200);
    const response = await deleting;
    expect(await codeOf(response)).toBe("BucketNotEmpty");
    expect(await (await send({ bucket, key: "k", env })).text()).toBe("kept");
    // The refusal has removed the mark.
    expect((await send({ method: "DELETE", bucket, key: "k", env })).status).toBe(204);
    expect((await send({ method: "DELETE", bucket, env })).status).toBe(204);
  });

  it("keeps the bucket, if it takes effect between the last check and the removal", async () => {
    const bucket = await createBucket();
    const { env, arm, arrived, release, hooks } = gate(ONE_ISOLATE, "STORE", "put");
    arm();
    const put = send({ method: "PUT", bucket, key: "k", body: "kept", env });
    await arrived;
    let looks = 0;
    hooks.afterList = async () => {
      if (++looks !== 2) return;
      release();
      expect((await put).status).toBe(200);
    };
    const response = await send({ method: "DELETE", bucket, env });
    expect([response.status, await codeOf(response), looks]).toEqual([409, "BucketNotEmpty", 3]);
    expect(await (await send({ bucket, key: "k", env })).text()).toBe("kept");
  });
});

async function codeOf(response: Response): Promise<string | undefined> {
  return textIn(readXml(await response.text()), "Code");
}

/** A binding that another isolate would have. */
function withoutIdentity<Target extends object>(target: Target): Target {
  return new Proxy(target, {
    get(object, name) {
      const value: unknown = Reflect.get(object, name);
      return typeof value === "function" ? value.bind(object) : value;
    },
  });
}
