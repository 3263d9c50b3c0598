/** Requests of a replicator of another deployment, and what its header does not allow to others. */
import { describe, expect, it } from "vitest";
import { createAccount } from "../../support/accounts.ts";
import { contentMd5 } from "../../support/cors.ts";
import { expectError } from "../../support/errors.ts";
import { call, resultOf } from "../../support/iam.ts";
import { MIB, md5, noise } from "../../support/multipart.ts";
import { arn, configureReplication } from "../../support/replication.ts";
import { replicator } from "../../support/replicator.ts";
import { presign, type SendOptions, send as sendTo } from "../../support/request.ts";
import { createBucket, type Key } from "../../support/s3.ts";
import { documentOf, fields, textIn } from "../../support/xml.ts";

const HEADER = "x-amz-workers-s3-replica";
const world = replicator();
const send = (options: SendOptions) => sendTo({ env: world.env, ...options });
const version = (lastModified: number, revision = lastModified, etag = md5("x")) => ({
  [HEADER]: `${lastModified}.${revision}.${etag}`,
});
const REMOVED = "9007199254740991";
const HOUR = 3_600_000;
const THEN = Date.parse("2020-02-02T20:20:20.200Z");

const put = (bucket: string, key: string, body: string | Uint8Array, headers: Record<string, string>, as?: Key) =>
  send({ method: "PUT", bucket, key, body, headers, ...(as && { as }) });
const contentOf = async (bucket: string, key: string) => {
  const response = await send({ bucket, key });
  const text = await response.text();
  return response.status === 200 ? text : response.status;
};
const head = (bucket: string, key: string, headers: Record<string, string> = {}) =>
  send({ method: "HEAD", bucket, key, headers });

async function userWith(actions: readonly string[]): Promise<Key> {
  const name = `u${crypto.randomUUID()}`;
  const iam = async (action: string, parameters: Record<string, string>) =>
    resultOf(await call("iam", action, parameters, { env: world.env }), "iam", action);
  await iam("CreateUser", { UserName: name });
  const { AccessKeyId = "", SecretAccessKey = "" } = fields(
    (await iam("CreateAccessKey", { UserName: name }))?.children[0],
  );
  const Statement = [{ Effect: "Allow", Action: actions, Resource: "*" }];
  const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement });
  await iam("PutUserPolicy", { UserName: name, PolicyName: "p", PolicyDocument });
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey };
}

describe("in a bucket that keeps versions", () => {
  it("replicas are versions, a removal is a delete marker, and neither replaces a later state", async () => {
    const bucket = await createBucket();
    const enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    const query = "versioning=";
    await send({ method: "PUT", bucket, query, body: enabled, headers: contentMd5(enabled) });
    const putAt = async (time: number) => (await put(bucket, "k", "x", version(time))).status;
    const source = { "x-amz-workers-s3-replica-source": "abcdefghijkl" };
    const removal = (time: number) => ({ [HEADER]: `${time}.${REMOVED}.`, ...source });
    expect((await put(bucket, "k", "one", { ...version(THEN, THEN, md5("one")), ...source })).status).toBe(200);
    expect((await put(bucket, "k", "two", { ...version(THEN + 5, THEN + 5, md5("two")), ...source })).status).toBe(200);
    expect(await putAt(THEN + 1)).toBe(412);
    const early = await send({ method: "DELETE", bucket, key: "k", headers: removal(THEN + 1) });
    expect([early.status, (await early.text()).match(/<Code>(\w+)/)?.[1]]).toEqual([412, "PreconditionFailed"]);
    const removed = await send({ method: "DELETE", bucket, key: "k", headers: removal(THEN + 10) });
    expect([removed.status, removed.headers.get("x-amz-delete-marker")]).toEqual([204, "true"]);
    expect([await putAt(THEN + 7), await putAt(THEN + 20)]).toEqual([412, 200]);
    const listed = await documentOf(await send({ bucket, query: "versions=" }), "ListVersionsResult");
    const kinds = listed.children.map(({ name }) => name).filter((name) => /^(Version|DeleteMarker)$/.test(name));
    expect(kinds).toEqual(["Version", "DeleteMarker", "Version", "Version"]);
  });
});

describe("a write with a replica's state", () => {
  it("PutObject keeps the source's Last-Modified, is marked as a replica and is not replicated further", async () => {
    const [bucket, further] = [await createBucket(), await createBucket()];
    await configureReplication(bucket, { destination: arn(further) });
    for (const body of ["small", noise(MIB + 1)]) {
      expect((await put(bucket, "k", body, version(THEN, THEN, md5(body)))).status).toBe(200);
      const { headers } = await head(bucket, "k");
      expect(headers.get("last-modified")).toBe("Sun, 02 Feb 2020 20:20:20 GMT");
      expect([headers.get("x-amz-replication-status"), headers.get("etag")]).toEqual(["REPLICA", `"${md5(body)}"`]);
      expect((await send({ method: "DELETE", bucket, key: "k" })).status).toBe(204);
    }
    await world.settle();
    expect(await contentOf(further, "k")).toBe(404);
  });

  it("PutObject and HeadObject refuse a state that is not later than the present one with PreconditionFailed", async () => {
    const bucket = await createBucket();
    await put(bucket, "k", "first", version(THEN, THEN + 5, "b"));
    const refused = [
      version(THEN - 1),
      version(THEN, THEN + 4),
      version(THEN, THEN + 5, "a"),
      version(THEN, THEN + 5, "b"),
    ];
    for (const headers of refused) {
      await expectError(await put(bucket, "k", "refused", headers), 412, "PreconditionFailed", {
        details: { Condition: "If-Older" },
      });
      expect((await head(bucket, "k", headers)).status).toBe(412);
    }
    expect(await contentOf(bucket, "k")).toBe("first");
    for (const [index, headers] of [
      version(THEN, THEN + 5, "c"),
      version(THEN, THEN + 6, "a"),
      version(THEN + 1, THEN, "a"),
    ].entries()) {
      expect((await head(bucket, "k", headers)).status).toBe(200);
      expect((await put(bucket, "k", `later ${index}`, headers)).status).toBe(200);
      expect(await contentOf(bucket, "k")).toBe(`later ${index}`);
    }
    // An object that was written here has the state of its own write.
    await put(bucket, "k", "own", {});
    expect((await put(bucket, "k", "refused", version(Date.now() - 1000))).status).toBe(412);
    expect((await put(bucket, "k", "taken", version(Date.now() + 1000))).status).toBe(200);
  });

  it("CompleteMultipartUpload compares and marks in the same way", async () => {
    const bucket = await createBucket();
    const complete = async (headers: Record<string, string>) => {
      const created = await send({ method: "POST", bucket, key: "k", query: "uploads=" });
      const uploadId = textIn(await documentOf(created, "InitiateMultipartUploadResult"), "UploadId") ?? "";
      await send({ method: "PUT", bucket, key: "k", query: `partNumber=1&uploadId=${uploadId}`, body: "part" });
      const part = `<Part><PartNumber>1</PartNumber><ETag>${md5("part")}</ETag></Part>`;
      const body = `<CompleteMultipartUpload>${part}</CompleteMultipartUpload>`;
      return send({ method: "POST", bucket, key: "k", query: `uploadId=${uploadId}`, body, headers });
    };
    await (await complete(version(THEN))).text();
    const { headers } = await head(bucket, "k");
    expect(headers.get("last-modified")).toBe("Sun, 02 Feb 2020 20:20:20 GMT");
    expect(headers.get("x-amz-replication-status")).toBe("REPLICA");
    await expectError(await complete(version(THEN - 1)), 412, "PreconditionFailed", {
      details: { Condition: "If-Older" },
    });
  });

  it("DeleteObject removes only a state that is older than the removal", async () => {
    const bucket = await createBucket();
    await put(bucket, "k", "1", version(THEN));
    const remove = (at: number) =>
      send({ method: "DELETE", bucket, key: "k", headers: { [HEADER]: `${at}.${REMOVED}.` } });
    await expectError(await remove(THEN - 1), 412, "PreconditionFailed", {
      details: { Condition: "If-Older" },
    });
    expect(await contentOf(bucket, "k")).toBe("1");
    expect((await remove(THEN)).status).toBe(204);
    expect(await contentOf(bucket, "k")).toBe(404);
    expect((await remove(THEN)).status).toBe(204);
    // An older state does not replace a later write.
    await put(bucket, "k", "2", version(THEN + 1));
    expect(await contentOf(bucket, "k")).toBe("2");
  });

  it("the latest of many at once wins, in every order of arrival", async () => {
    const bucket = await createBucket();
    const offsets = Array.from({ length: 12 }, (_, index) => (index * 7) % 12);
    const answers = await Promise.all(
      offsets.map((offset) =>
        put(bucket, "k", `at ${offset}`, version(THEN + offset * HOUR)).then(({ status }) => status),
      ),
    );
    // A sender retries after a conflict, and after SlowDown: R2 takes one write a second.
    expect(answers.every((status) => [200, 409, 412, 503].includes(status))).toBe(true);
    for (const offset of offsets) await put(bucket, "k", `at ${offset}`, version(THEN + offset * HOUR));
    expect(await contentOf(bucket, "k")).toBe("at 11");
  });
});

describe("the header", () => {
  it.each([
    ["with another format", "1.2", /malformed/],
    ["with a minus", "-1.2.a", /malformed/],
    ["with an invalid ETag", '1.2."a"', /malformed/],
  ])("%s is refused with InvalidArgument", async (_why, value, message) => {
    const bucket = await createBucket();
    for (const method of ["PUT", "DELETE"]) {
      await expectError(
        await send({ method, bucket, key: "k", headers: { [HEADER]: value } }),
        400,
        "InvalidArgument",
        {
          message,
          details: { ArgumentName: HEADER, ArgumentValue: value },
        },
      );
    }
  });

  it.each<[why: string, ahead: () => { at: number; revision: number | string }]>([
    ["a Last-Modified", () => ({ at: Date.now() + 10_000, revision: 1 })],
    ["a revision", () => ({ at: Date.now(), revision: Date.now() + 10_000 })],
    ["the revision of removals", () => ({ at: Date.now() - 1000, revision: REMOVED })],
    ["a revision beyond numbers", () => ({ at: Date.now() - 1000, revision: "9".repeat(16) })],
  ])("with %s from the future is refused with RequestTimeTooSkewed, and does not block writes", async (why, ahead) => {
    const bucket = await createBucket();
    const upload = await send({ method: "POST", bucket, key: "k", query: "uploads=" });
    const uploadId = textIn(await documentOf(upload, "InitiateMultipartUploadResult"), "UploadId") ?? "";
    const refused = (
      method: string,
      query: string | undefined,
      { at, revision } = ahead(),
      body = method === "HEAD" ? undefined : "poison",
    ) =>
      send({
        method,
        bucket,
        key: "k",
        ...(query !== undefined && { query }),
        ...(body !== undefined && { body }),
        headers: { [HEADER]: `${at}.${revision}.zz` },
      });
    const requests: [method: string, query?: string][] = [["PUT"], ["POST", `uploadId=${uploadId}`], ["DELETE"]];
    for (const [method, query] of requests) {
      // A removal leaves no object, so its revision may be the greatest.
      if (method === "DELETE" && why === "the revision of removals") continue;
      await expectError(await refused(method, query), 403, "RequestTimeTooSkewed", {
        message: "The difference between the time of the replica and the current time is too large.",
        details: { ServerTime: expect.stringMatching(/^20/), MaxAllowedSkewMilliseconds: "2000" },
      });
    }
    expect((await refused("HEAD", undefined)).status).toBe(403);
    expect((await put(bucket, "k", "genuine", version(Date.now()))).status).toBe(200);
    expect(await contentOf(bucket, "k")).toBe("genuine");
  });

  it("together with another condition is refused with InvalidRequest", async () => {
    const bucket = await createBucket();
    for (const condition of [{ "if-match": '"a"' }, { "if-none-match": "*" }]) {
      const response = await put(bucket, "k", "1", { ...version(THEN), ...condition });
      await expectError(response, 400, "InvalidRequest", { message: /condition/ });
    }
  });

  it("of a user who may write but not replicate is refused with AccessDenied, and changes nothing", async () => {
    const bucket = await createBucket();
    await put(bucket, "k", "kept", {});
    const writer = await userWith(["s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:ListBucket"]);
    const headers = version(Date.now() + 1000);
    await expectError(await put(bucket, "k", "forged", headers, writer), 403, "AccessDenied");
    const removal = { [HEADER]: `${Date.now() + 1000}.${REMOVED}.` };
    const deletion = await send({ method: "DELETE", bucket, key: "k", headers: removal, as: writer });
    await expectError(deletion, 403, "AccessDenied");
    expect((await send({ method: "HEAD", bucket, key: "k", headers, as: writer })).status).toBe(403);
    const body = "<CompleteMultipartUpload/>";
    const complete = await send({ method: "POST", bucket, key: "k", query: "uploadId=x", body, headers, as: writer });
    await expectError(complete, 403, "AccessDenied");
    expect(await contentOf(bucket, "k")).toBe("kept");
    // Without the header the same requests succeed.
    expect((await put(bucket, "k", "written", {}, writer)).status).toBe(200);
  });

  it("needs the right action: s3:ReplicateObject does not allow removals, s3:ReplicateDelete no writes", async () => {
    const bucket = await createBucket();
    const common = ["s3:PutObject", "s3:DeleteObject"];
    const writer = await userWith([...common, "s3:ReplicateObject"]);
    const remover = await userWith([...common, "s3:ReplicateDelete"]);
    const removal = { [HEADER]: `${THEN}.${REMOVED}.` };
    const remove = (as: Key) => send({ method: "DELETE", bucket, key: "k", headers: removal, as });
    expect((await put(bucket, "k", "1", version(THEN), remover)).status).toBe(403);
    expect((await put(bucket, "k", "1", version(THEN), writer)).status).toBe(200);
    expect((await remove(writer)).status).toBe(403);
    expect((await remove(remover)).status).toBe(204);
  });

  it("gives no access to a user who may replicate but not write", async () => {
    const bucket = await createBucket();
    const only = await userWith(["s3:ReplicateObject", "s3:ReplicateDelete"]);
    expect((await put(bucket, "k", "1", version(THEN), only)).status).toBe(403);
    const stranger = await createAccount();
    expect((await put(bucket, "k", "1", version(THEN), stranger)).status).toBe(403);
    expect((await send({ method: "PUT", bucket, key: "k", body: "1", headers: version(THEN), as: null })).status).toBe(
      403,
    );
  });

  it("added to a presigned URL is refused, because it is not signed", async () => {
    const bucket = await createBucket();
    const url = await presign({ method: "PUT", bucket, key: "k" });
    const { handDirectly } = await import("../../support/request.ts");
    const request = new Request(url, { method: "PUT", body: "forged", headers: version(THEN) });
    const response = await handDirectly(request, world.env);
    expect([response.status, /<Code>(\w+)/.exec(await response.text())?.[1]]).toEqual([403, "AccessDenied"]);
    expect(await contentOf(bucket, "k")).toBe(404);
  });
});
