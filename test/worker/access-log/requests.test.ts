/** The lines of requests to a bucket with access logs, read with AWS's own pattern. */
import { beforeAll, describe, expect, it } from "vitest";
import { loggedBucket, recordLogs } from "../../support/access-logs.ts";
import { createAccount, rootAccount, type TestAccount } from "../../support/accounts.ts";
import { contentMd5 } from "../../support/cors.ts";
import { completionDocument, createUpload, putPart } from "../../support/multipart.ts";
import { presign, putObject, type SendOptions, send, urlOf } from "../../support/request.ts";
import { createBucket, ROOT } from "../../support/s3.ts";
import { handleRequest } from "../../support/worker.ts";

const { env, lines } = recordLogs();
let root: Awaited<ReturnType<typeof rootAccount>>;
let stranger: TestAccount;

// With other bindings than `env`, and so before the lines of any request are waiting.
beforeAll(async () => {
  [root, stranger] = [await rootAccount(), await createAccount()];
});

const only = async () => {
  const all = await lines(1);
  expect(all).toHaveLength(1);
  return all[0];
};

describe("a log line", () => {
  it("has every field of a GET as AWS writes it", async () => {
    const { bucket } = await loggedBucket(env);
    await putObject(bucket, "photos/a b+c%ä.jpg", "0123456789", { env });
    const put = await only();
    expect(put).toMatchObject({ operation: "REST.PUT.OBJECT", status: "200", objectSize: "10", bytesSent: "-" });

    const before = Math.floor(Date.now() / 1000) * 1000;
    const response = await send({
      bucket,
      key: "photos/a b+c%ä.jpg",
      headers: { referer: "https://example.com/a page", "user-agent": 'agent "x" \\ [1]', range: "bytes=2-5" },
      env,
    });
    expect(await response.text()).toBe("2345");
    const line = await only();
    if (line === undefined) throw new Error("no line");
    expect(line).toEqual({
      bucketOwner: root.canonicalId,
      bucket,
      time: expect.stringMatching(/^\d{2}\/[A-Z][a-z]{2}\/\d{4}:\d{2}:\d{2}:\d{2} \+0000$/),
      remoteIp: "-",
      requester: root.canonicalId,
      requestId: response.headers.get("x-amz-request-id"),
      operation: "REST.GET.OBJECT",
      // Encoded twice.
      key: "photos/a%2520b%252Bc%2525%25C3%25A4.jpg",
      requestUri: `"GET /${bucket}/photos/a%20b%2Bc%25%C3%A4.jpg HTTP/1.1"`,
      status: "206",
      errorCode: "-",
      bytesSent: "4",
      objectSize: "10",
      totalTime: expect.stringMatching(/^\d+$/),
      turnAroundTime: expect.stringMatching(/^\d+$/),
      referrer: '"https://example.com/a%20page"',
      userAgent: '"agent %22x%22 %5C [1]"',
      versionId: "-",
      hostId: response.headers.get("x-amz-id-2"),
      signatureVersion: "SigV4",
      cipherSuite: "-",
      authenticationType: "AuthHeader",
      hostHeader: "s3.localhost:8787",
      tlsVersion: "-",
      accessPointArn: "-",
      aclRequired: "-",
      sourceRegion: "-",
    });
    const [, day, month, year, clock] = /^(\d+)\/(\w+)\/(\d+):(\S+)/.exec(line.time) ?? [];
    expect(Date.parse(`${day} ${month} ${year} ${clock} GMT`)).toBeGreaterThanOrEqual(before);
  });

  it("shows what the edge says about the client", async () => {
    const { bucket } = await loggedBucket(env);
    await lines();
    const client = {
      address: "2001:db8::1",
      acceptEncoding: undefined,
      tlsVersion: "TLSv1.3",
      tlsCipher: "AEAD-AES128-GCM-SHA256",
      httpProtocol: "HTTP/2",
    };
    await handleRequest(new Request(urlOf({ bucket, key: "k" })), env, client);
    expect(await only()).toMatchObject({
      remoteIp: "2001:db8::1",
      tlsVersion: "TLSv1.3",
      cipherSuite: "AEAD-AES128-GCM-SHA256",
      requestUri: `"GET /${bucket}/k HTTP/2"`,
    });
  });

  it("is written for requests that are refused, by any caller and at any stage", async () => {
    const { bucket } = await loggedBucket(env);
    await lines();
    const signed = { signatureVersion: "SigV4", authenticationType: "AuthHeader" };
    const unsigned = { signatureVersion: "-", authenticationType: "-", requester: "-" };
    for (const [options, expected] of [
      [
        { key: "k", as: null },
        { operation: "REST.GET.OBJECT", status: "403", errorCode: "AccessDenied", ...unsigned },
      ],
      [
        { key: "k", as: stranger },
        { status: "403", errorCode: "AccessDenied", requester: stranger.canonicalId, ...signed },
      ],
      [{ key: "none" }, { status: "404", errorCode: "NoSuchKey", key: "none" }],
      [
        { as: { ...ROOT, secretAccessKey: "wrong" } },
        { operation: "REST.GET.BUCKET", status: "403", errorCode: "SignatureDoesNotMatch", ...unsigned },
      ],
      [
        { as: { accessKeyId: "AKIAUNKNOWNUNKNOWN00", secretAccessKey: "x" } },
        { status: "403", errorCode: "InvalidAccessKeyId", ...unsigned },
      ],
      // Before the bucket's row is read.
      [
        { method: "PATCH", key: "k" },
        { operation: "REST.PATCH.OBJECT", status: "405", errorCode: "MethodNotAllowed" },
      ],
      [{ query: "acl&cors" }, { operation: "REST.GET.BUCKET", status: "400", errorCode: "InvalidArgument", key: "-" }],
      [
        { key: "k", query: "a=%zz", as: null },
        { status: "400", errorCode: "InvalidURI" },
      ],
      [
        { method: "POST", body: "x" },
        { status: "412", errorCode: "PreconditionFailed" },
      ],
      // Not an operation that is offered.
      [
        { method: "POST", key: "k", query: "restore" },
        { operation: "REST.POST.RESTORE", status: "501", errorCode: "NotImplemented" },
      ],
    ] as const) {
      const response = await send({ bucket, ...options, env });
      const text = await response.text();
      const line = await only();
      expect(line).toMatchObject(expected);
      expect(line?.bytesSent).toBe(String(new TextEncoder().encode(text).byteLength));
    }
  });

  it("names each operation as AWS does", async () => {
    const { bucket } = await loggedBucket(env);
    await putObject(bucket, "k", "content", { env });
    await lines();
    const cors =
      "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>";
    for (const [options, operation] of [
      [{ method: "HEAD" }, "REST.HEAD.BUCKET"],
      [{ query: "list-type=2" }, "REST.GET.BUCKET"],
      [{ query: "versions" }, "REST.GET.BUCKETVERSIONS"],
      [{ query: "uploads" }, "REST.GET.UPLOADS"],
      [{ query: "location" }, "REST.GET.LOCATION"],
      [{ query: "versioning" }, "REST.GET.VERSIONING"],
      [{ query: "logging" }, "REST.GET.LOGGING_STATUS"],
      [{ query: "policy" }, "REST.GET.BUCKETPOLICY"],
      [{ query: "acl" }, "REST.GET.ACL"],
      [{ key: "k", query: "acl" }, "REST.GET.ACL"],
      [{ key: "k", query: "tagging" }, "REST.GET.OBJECT_TAGGING"],
      [{ query: "tagging" }, "REST.GET.TAGGING"],
      [{ query: "publicAccessBlock" }, "REST.GET.PUBLIC_ACCESS_BLOCK"],
      [{ method: "PUT", query: "cors", body: cors, headers: contentMd5(cors) }, "REST.PUT.CORS"],
      [{ method: "HEAD", key: "k" }, "REST.HEAD.OBJECT"],
      [{ method: "DELETE", key: "k" }, "REST.DELETE.OBJECT"],
    ] as const) {
      await (await send({ bucket, ...options, env })).text();
      expect(await only()).toMatchObject({ operation });
    }
    const preflight = { origin: "https://a.example", "access-control-request-method": "GET" };
    await send({ method: "OPTIONS", bucket, key: "k", headers: preflight, as: null, env });
    expect(await only()).toMatchObject({ operation: "REST.OPTIONS.PREFLIGHT", status: "200", key: "k" });
  });

  it("says that only an ACL allowed the request", async () => {
    const { bucket } = await loggedBucket(env);
    await putObject(bucket, "k", "content", { env, headers: { "x-amz-acl": "public-read" } });
    await lines();
    await (await send({ bucket, key: "k", as: null, env })).text();
    expect(await only()).toMatchObject({ aclRequired: "Yes", requester: "-", status: "200", bytesSent: "7" });
    await (await send({ bucket, key: "k", env })).text();
    expect(await only()).toMatchObject({ aclRequired: "-" });
  });

  it("contains no signature and no key of a presigned URL", async () => {
    const { bucket } = await loggedBucket(env);
    await putObject(bucket, "k", "content", { env });
    await lines();
    const secret = "x-amz-server-side-encryption-customer-key=c2VjcmV0";
    const url = new URL(await presign({ bucket, key: "k", query: secret }));
    await (await handleRequest(new Request(url), env)).text();
    const line = await only();
    expect(line).toMatchObject({ authenticationType: "QueryString", signatureVersion: "SigV4" });
    expect(line?.requestUri).not.toContain("c2VjcmV0");
    expect(line?.requestUri).not.toContain(url.searchParams.get("X-Amz-Signature") ?? "?");
    expect(line?.requestUri).toContain("X-Amz-Credential=");
  });

  it("counts the bytes of HEAD, 304 and an empty object as none", async () => {
    const { bucket } = await loggedBucket(env);
    const etag = await putObject(bucket, "k", "content", { env });
    await putObject(bucket, "empty", "", { env });
    await lines();
    await send({ method: "HEAD", bucket, key: "k", env });
    expect(await only()).toMatchObject({ bytesSent: "-", objectSize: "7" });
    await send({ bucket, key: "k", headers: { "if-none-match": `"${etag}"` }, env });
    expect(await only()).toMatchObject({ status: "304", bytesSent: "-" });
    await (await send({ bucket, key: "empty", env })).text();
    expect(await only()).toMatchObject({ status: "200", bytesSent: "-", objectSize: "0" });
  });

  it("waits for the end of a streamed answer, and counts the bytes until the client leaves", async () => {
    const { bucket } = await loggedBucket(env);
    const body = new Uint8Array(3 * 1024 * 1024).fill(7);
    await putObject(bucket, "k", body, { env });
    await lines();
    const response = await send({ bucket, key: "k", env });
    expect(await lines()).toEqual([]);
    expect((await response.arrayBuffer()).byteLength).toBe(body.byteLength);
    expect(await only()).toMatchObject({ bytesSent: String(body.byteLength), objectSize: String(body.byteLength) });

    const left = await send({ bucket, key: "k", env });
    await left.body?.cancel();
    expect(await only()).toMatchObject({ bytesSent: "-", status: "200" });
  });

  it("leaves an answer as it is without access logs", async () => {
    const { bucket } = await loggedBucket(env);
    const plain = await createBucket({ env });
    const compressed = { "content-encoding": "gzip", "content-type": "text/x" };
    const answers = [];
    for (const name of [bucket, plain]) {
      await putObject(name, "k", "stored as it is", { env, headers: compressed });
      const response = await send({ bucket: name, key: "k", env });
      const headers = [...response.headers].filter(
        ([header]) => !/^(x-amz-(request-id|id-2)|date|last-modified)$/.test(header),
      );
      answers.push([response.status, headers, await response.text()]);
    }
    expect(answers[0]).toEqual(answers[1]);
  });
});

describe("further lines", () => {
  it("DeleteObjects is one line, and one BATCH.DELETE.OBJECT for each key", async () => {
    const { bucket } = await loggedBucket(env);
    await putObject(bucket, "a b", "content", { env });
    await lines();
    const body =
      "<Delete><Quiet>true</Quiet><Object><Key>a b</Key></Object><Object><Key>c</Key><VersionId>x</VersionId></Object></Delete>";
    await (await send({ method: "POST", bucket, query: "delete", body, headers: contentMd5(body), env })).text();
    const [first, ...batch] = await lines(3);
    expect(first).toMatchObject({ operation: "REST.POST.MULTI_OBJECT_DELETE", status: "200", key: "-" });
    // Encoded once, and without what belongs to HTTP.
    const common = { operation: "BATCH.DELETE.OBJECT", requestUri: "-", userAgent: "-", requestId: first?.requestId };
    expect(batch).toMatchObject([
      { ...common, key: "a%20b", status: "204", errorCode: "-", versionId: "-" },
      { ...common, key: "c", status: "404", errorCode: "NoSuchVersion", versionId: "x" },
    ]);
  });

  it("a copy is logged in both buckets", async () => {
    const source = await loggedBucket(env);
    const destination = await loggedBucket(env);
    await putObject(source.bucket, "from", "content", { env });
    await lines();
    const headers = { "x-amz-copy-source": `/${source.bucket}/from` };
    await (await send({ method: "PUT", bucket: destination.bucket, key: "to", headers, env })).text();
    expect(await lines(2)).toMatchObject([
      { bucket: destination.bucket, operation: "REST.COPY.OBJECT", key: "to", objectSize: "7" },
      { bucket: source.bucket, operation: "REST.COPY.OBJECT_GET", key: "from", bytesSent: "-" },
    ]);
    // Of a destination without logs, only the source has a line.
    const plain = await createBucket({ env });
    await (await send({ method: "PUT", bucket: plain, key: "to", headers, env })).text();
    expect(await lines(1)).toMatchObject([{ bucket: source.bucket, operation: "REST.COPY.OBJECT_GET" }]);
    const to: SendOptions & { bucket: string; key: string } = { bucket: destination.bucket, key: "to", env };
    const uploadId = await createUpload(to);
    const query = `partNumber=1&uploadId=${uploadId}`;
    await (await send({ method: "PUT", bucket: destination.bucket, key: "to", query, headers, env })).text();
    expect((await lines(3)).map(({ operation }) => operation)).toEqual([
      "REST.POST.UPLOADS",
      "REST.COPY.PART",
      "REST.COPY.PART_GET",
    ]);
  });

  it("a multipart upload has the lines of its calls", async () => {
    const { bucket } = await loggedBucket(env);
    await lines();
    const target = { bucket, key: "k", env };
    const uploadId = await createUpload(target);
    const part = await putPart(target, uploadId, 1, "c".repeat(5 * 1024 * 1024));
    await (await send({ ...target, query: `uploadId=${uploadId}` })).text();
    const second = await putPart(target, uploadId, 2, "more");
    const body = completionDocument([part, second]);
    await (await send({ ...target, method: "POST", query: `uploadId=${uploadId}`, body })).text();
    expect((await lines(5)).map(({ operation, objectSize }) => [operation, objectSize])).toEqual([
      ["REST.POST.UPLOADS", "-"],
      ["REST.PUT.PART", "5242880"],
      ["REST.GET.UPLOAD", "-"],
      ["REST.PUT.PART", "4"],
      ["REST.POST.UPLOAD", "5242884"],
    ]);
    expect((await (await send(target)).text()).length).toBe(5_242_884);
    expect(await only()).toMatchObject({ bytesSent: "5242884", objectSize: "5242884" });
  });

  it("a bucket without access logs, and a request to no bucket, have none", async () => {
    const bucket = await createBucket({ env });
    await lines();
    await putObject(bucket, "k", "content", { env });
    await send({ bucket: "no-such-bucket-anywhere", env });
    await send({ bucket, method: "PATCH", env });
    await send({ env });
    expect(await lines()).toEqual([]);
  });
});
