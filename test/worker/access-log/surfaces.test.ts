/** Access logs of what is answered outside of the S3 pipeline: websites, the edge cache, and the lifecycle. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { loggedBucket, recordLogs } from "../../support/access-logs.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { configureLifecycle, inDays, passOver } from "../../support/lifecycle.ts";
import { createUpload } from "../../support/multipart.ts";
import { putObject, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { setVersioning } from "../../support/versions.ts";
import { configureWebsite, makePublic, visit } from "../../support/website.ts";

describe("a website", () => {
  const { env, lines } = recordLogs();

  it("has lines of its own kind, for pages, errors, redirects, preflights and refused methods", async () => {
    const { bucket } = await loggedBucket(env);
    await makePublic(bucket, "s3:GetObject", "s3:ListBucket");
    await configureWebsite(bucket);
    await putObject(bucket, "index.html", "<h1>index</h1>", { env });
    await lines();
    await (await visit(bucket, "/", { env })).text();
    await (await visit(bucket, "/absent", { env })).text();
    await visit(bucket, "/", { method: "OPTIONS", env });
    await (await visit(bucket, "/a", { method: "DELETE", env })).text();
    expect(await lines(4)).toMatchObject([
      { operation: "WEBSITE.GET.OBJECT", key: "index.html", status: "200", bytesSent: "14", requester: "-" },
      { operation: "WEBSITE.GET.OBJECT", key: "absent", status: "404", errorCode: "NoSuchKey" },
      { operation: "WEBSITE.OPTIONS.PREFLIGHT" },
      { operation: "WEBSITE.DELETE.OBJECT", status: "405", errorCode: "MethodNotAllowed" },
    ]);
    // The same site on the S3 host.
    await (await send({ bucket, key: "absent", as: null, env })).text();
    expect(await lines(1)).toMatchObject([{ operation: "WEBSITE.GET.OBJECT", key: "absent", status: "404" }]);
  });
});

describe("answers from the edge cache", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["Date"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("have the line that the bucket would have given them", async () => {
    const counting = countingEnv({ ...testEnv, EDGE_CACHE: "public", EDGE_CACHE_SECONDS: "600" });
    const { env, lines } = recordLogs(counting.env);
    const { bucket } = await loggedBucket(env);
    const headers = { "cache-control": "public, max-age=3600", "x-amz-acl": "public-read" };
    await putObject(bucket, "a b", "0123456789", { env, headers });
    await lines();
    let reads = 0;
    const read = (range?: string) => {
      reads++;
      return send({ bucket, key: "a b", as: null, env, ...(range !== undefined && { headers: { range } }) });
    };
    let hit: Response | undefined;
    await vi.waitFor(async () => {
      hit = await read();
      await hit.text();
      expect(hit.headers.has("age")).toBe(true);
    });
    const all = await lines(reads);
    const common = { operation: "REST.GET.OBJECT", key: "a%2520b", status: "200", bytesSent: "10", objectSize: "10" };
    expect(all.at(0)).toMatchObject({ ...common, aclRequired: "Yes" });
    expect(all.at(-1)).toMatchObject({ ...common, requestId: hit?.headers.get("x-amz-request-id") });
    await (await read("bytes=2-4")).text();
    expect(await lines(1)).toMatchObject([{ ...common, status: "206", bytesSent: "3" }]);
  });
});

describe("the lifecycle", () => {
  const { env, lines } = recordLogs();
  const EXPIRE = "<Filter/><Expiration><Days>1</Days></Expiration>";
  const common = { requester: "AmazonS3", remoteIp: "-", requestUri: '"-"', status: "-", signatureVersion: "-" };

  it("logs what it removes and moves", async () => {
    const { bucket } = await loggedBucket(env);
    await putObject(bucket, "old/a b", "content");
    await putObject(bucket, "warm/k", "c".repeat(200_000));
    await createUpload({ bucket, key: "upload" });
    await configureLifecycle(
      bucket,
      "<Filter><Prefix>old/</Prefix></Filter><Expiration><Days>1</Days></Expiration>",
      "<Filter><Prefix>warm/</Prefix></Filter><Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>",
      "<Filter/><AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>",
    );
    await lines();
    await passOver(bucket, inDays(40), { env });
    expect(await lines(3)).toMatchObject([
      { ...common, operation: "S3.DELETE.UPLOAD", key: "upload" },
      { ...common, operation: "S3.EXPIRE.OBJECT", key: "old/a%20b", objectSize: "7", versionId: "-" },
      { ...common, operation: "S3.TRANSITION_SIA.OBJECT", key: "warm/k", objectSize: "200000" },
    ]);
  });

  it("logs delete markers with their version ids, and expired versions", async () => {
    const { bucket } = await loggedBucket(env);
    await setVersioning(bucket, "Enabled");
    await putObject(bucket, "k", "content");
    await configureLifecycle(
      bucket,
      EXPIRE,
      "<Filter/><NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration>",
    );
    await lines();
    await passOver(bucket, inDays(2), { env });
    expect(await lines(1)).toMatchObject([{ ...common, operation: "S3.CREATE.DELETEMARKER", key: "k" }]);
    await passOver(bucket, inDays(9), { env });
    const [expired, marker] = await lines(1);
    expect(expired).toMatchObject({ operation: "S3.EXPIRE.OBJECT", objectSize: "7" });
    expect(expired?.versionId).toMatch(/^\S{32}$/);
    expect(marker).toBeUndefined();
  });

  it("logs nothing for a bucket without access logs", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "content");
    await configureLifecycle(bucket, EXPIRE);
    await lines();
    expect(await passOver(bucket, inDays(2), { env })).toMatchObject({ expired: 1 });
    expect((await lines()).filter((line) => line.bucket === bucket)).toEqual([]);
  });
});
