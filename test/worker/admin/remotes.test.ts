import { describe, expect, it } from "vitest";
import { createAccount, rootAccount } from "../../support/accounts.ts";
import { putReplication, replicationDocument, replicationRule } from "../../support/replication.ts";
import { type SendOptions, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly body: Record<string, unknown>;
}

async function admin(method: string, path: string, body?: object, options: SendOptions = {}): Promise<Answer> {
  const target = { bucket: "-", key: `admin/${path}` };
  const response = await send({ ...target, method, ...(body && { body: JSON.stringify(body) }), ...options });
  const text = await response.text();
  return { status: response.status, text, body: text.startsWith("{") ? JSON.parse(text) : {} };
}

const { accountId } = await rootAccount();
const SECRET = "a/secret+nobody=is~shown";
const REMOTE = {
  name: "far",
  endpoint: "https://s3.example.com",
  region: "eu-west-1",
  kind: "peer",
  accessKeyId: "AKIAFAR",
  secretAccessKey: SECRET,
  accountIds: [accountId],
};

describe("remotes", () => {
  it("are added, listed and removed, and no answer and no row contains their secret", async () => {
    const added = await admin("POST", "remotes", { ...REMOTE, endpoint: "HTTPS://S3.example.com:443/" });
    const { secretAccessKey: _, ...shown } = REMOTE;
    expect([added.status, added.body]).toEqual([201, { ...shown, createdAt: expect.any(String) }]);
    const listed = await admin("GET", "remotes");
    expect(listed.body).toEqual({ remotes: [{ ...shown, createdAt: added.body.createdAt }] });
    const { results } = await testEnv.DB.prepare("SELECT * FROM remotes").all();
    for (const text of [added.text, listed.text, JSON.stringify(results)]) expect(text).not.toContain(SECRET);

    expect(await admin("POST", "remotes", REMOTE)).toMatchObject({
      status: 409,
      body: { error: { code: "RemoteAlreadyExists" } },
    });
    expect((await admin("DELETE", "remotes/far")).status).toBe(204);
    expect(await admin("DELETE", "remotes/far")).toMatchObject({
      status: 404,
      body: { error: { code: "NoSuchRemote" } },
    });
    expect((await admin("GET", "remotes")).body).toEqual({ remotes: [] });
    const left = await testEnv.DB.prepare("SELECT * FROM remote_accounts").all();
    expect(left.results).toEqual([]);
  });

  it("list their buckets, each once", async () => {
    const { secretAccessKey: _, ...shown } = { ...REMOTE, buckets: ["a", "b"] };
    const added = await admin("POST", "remotes", { ...REMOTE, buckets: ["a", "b", "a"] });
    expect([added.status, added.body]).toEqual([201, { ...shown, createdAt: expect.any(String) }]);
    expect((await admin("GET", "remotes")).body).toMatchObject({ remotes: [shown] });
    expect((await admin("DELETE", "remotes/far")).status).toBe(204);
  });

  it("are removed with a list of the buckets that still replicate to them", async () => {
    const bucket = await createBucket();
    expect((await admin("POST", "remotes", REMOTE)).status).toBe(201);
    const destination = "arn:workers-s3:remote:::far/copy";
    const rules = [1, 2].map((priority) =>
      replicationRule({ destination, filter: `<Prefix>${priority}/</Prefix>`, priority }),
    );
    const put = await putReplication(bucket, replicationDocument(...rules));
    expect(put.status).toBe(200);
    const removed = await admin("DELETE", "remotes/far");
    expect([removed.status, removed.body]).toEqual([200, { name: "far", namedBy: [bucket] }]);
    expect((await admin("GET", "remotes")).body).toEqual({ remotes: [] });
  });

  it("are accessible with the root account's root key only", async () => {
    const other = await createAccount();
    for (const as of [other, null]) {
      for (const [method, path, body] of [
        ["POST", "remotes", REMOTE],
        ["GET", "remotes", undefined],
        ["DELETE", "remotes/far", undefined],
        ["POST", "remotes/far/check", { bucket: "b" }],
        ["GET", "buckets/b/replication", undefined],
        ["POST", "buckets/b/replication/retry", {}],
        ["POST", "buckets/b/replication/existing", {}],
      ] as const) {
        const { status, body: answer } = await admin(method, path, body, { as });
        expect([status, answer], `${method} ${path}`).toMatchObject([403, { error: { code: "AccessDenied" } }]);
      }
    }
    expect((await admin("GET", "remotes")).body).toEqual({ remotes: [] });
  });

  it("for accounts that do not exist are refused with NoSuchAccount", async () => {
    const refused = await admin("POST", "remotes", { ...REMOTE, accountIds: [accountId, "000000000000"] });
    expect(refused).toMatchObject({ status: 404, body: { error: { code: "NoSuchAccount" } } });
    expect((await admin("GET", "remotes")).body).toEqual({ remotes: [] });
  });

  it.each<[what: string, change: Record<string, unknown>]>([
    ["no name", { name: "" }],
    ["a name in capitals", { name: "Far" }],
    ["a name with a slash", { name: "a/b" }],
    ["a name of 64 characters", { name: "a".repeat(64) }],
    ["no endpoint", { endpoint: undefined }],
    ["an endpoint that is not a URL", { endpoint: "s3.example.com" }],
    ["an endpoint with a path", { endpoint: "https://s3.example.com/bucket" }],
    ["an endpoint with a query", { endpoint: "https://s3.example.com/?x" }],
    ["an endpoint with credentials", { endpoint: "https://a:b@s3.example.com" }],
    ["an endpoint of cloud metadata", { endpoint: "http://169.254.169.254" }],
    ["this deployment's own address", { endpoint: "http://s3.localhost:8787" }],
    ["another scheme", { endpoint: "ftp://s3.example.com" }],
    ["no region", { region: "" }],
    ["a region with a slash", { region: "a/b" }],
    ["another kind", { kind: "minio" }],
    ["no access key", { accessKeyId: "" }],
    ["no secret", { secretAccessKey: undefined }],
    ["a secret with a line break", { secretAccessKey: "a\nb" }],
    ["no accounts", { accountIds: [] }],
    ["accounts as text", { accountIds: "000000000000" }],
    ["an account that is not an id", { accountIds: ["root"] }],
    ["no buckets", { buckets: [] }],
    ["an invalid bucket", { buckets: ["a/b"] }],
    ["buckets as text", { buckets: "a" }],
  ])("with %s are refused with InvalidRequest", async (_what, change) => {
    const refused = await admin("POST", "remotes", { ...REMOTE, ...change });
    expect([refused.status, refused.body]).toMatchObject([400, { error: { code: "InvalidRequest" } }]);
    expect(refused.text).not.toContain(SECRET);
  });

  it("that cannot be reached fail their check with RemoteFailure", async () => {
    await admin("POST", "remotes", { ...REMOTE, name: "dead", endpoint: "http://127.0.0.1:3" });
    const { status, body } = await admin("POST", "remotes/dead/check", { bucket: "there" });
    expect([status, body]).toEqual([
      200,
      {
        steps: [
          { step: "find the bucket", outcome: expect.stringMatching(/^HEAD: unreachable/) },
          { step: "write an object", outcome: expect.stringMatching(/^PUT: unreachable/) },
        ],
      },
    ]);
    expect((await admin("POST", "remotes/none/check", { bucket: "there" })).status).toBe(404);
    expect((await admin("POST", "remotes/dead/check", { bucket: "a/b" })).status).toBe(400);
  });
});
