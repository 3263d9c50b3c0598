import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { createAccount, rootAccount } from "../../support/accounts.ts";
import { createUser } from "../../support/iam.ts";
import { send } from "../../support/request.ts";
import { createBucket, type Key, ROOT, s3 } from "../../support/s3.ts";

interface ErrorBody {
  readonly error: { readonly code: string; readonly message: string };
}

async function call(method: string, path: string, options: { body?: unknown; key?: Key | null } = {}) {
  const { body, key = ROOT } = options;
  const text = typeof body === "string" || body === undefined ? body : JSON.stringify(body);
  const response = await s3(`/-/admin${path}`, { method, key, ...(text !== undefined && { body: text }) });
  const answer = await response.text();
  return { status: response.status, json: answer === "" ? undefined : JSON.parse(answer), response };
}

const refused = (status: number, code: string, message: string) => ({
  status,
  json: { error: { code, message } } satisfies ErrorBody,
});

const ROUTES = [
  ["POST", "/accounts"],
  ["GET", "/accounts"],
  ["POST", "/accounts/000000000000/keys"],
  ["GET", "/accounts/000000000000/keys"],
  ["GET", "/keys"],
  ["PATCH", "/keys/AKIAX"],
  ["DELETE", "/keys/AKIAX"],
] as const;

describe("admin accounts", () => {
  it("are created with ids in AWS's format and a key that works at once", async () => {
    const { status, json } = await call("POST", "/accounts", { body: { displayName: "Jürgen" } });
    expect(status).toBe(201);
    expect(json).toEqual({
      accountId: expect.stringMatching(/^\d{12}$/),
      canonicalId: expect.stringMatching(/^[0-9a-f]{64}$/),
      displayName: "Jürgen",
      accessKeyId: expect.stringMatching(/^AKIA[A-Z2-7]{16}$/),
      secretAccessKey: expect.stringMatching(/^[A-Za-z0-9+/]{40}$/),
    });
    expect((await send({ as: json })).status).toBe(200);
  });

  it("are listed without secrets, including root", async () => {
    const account = await createAccount("listed");
    const { status, json } = await call("GET", "/accounts");
    expect(status).toBe(200);
    expect(json.accounts).toContainEqual({
      accountId: account.accountId,
      canonicalId: account.canonicalId,
      displayName: "listed",
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    expect((await rootAccount()).accountId).toMatch(/^\d{12}$/);
    expect(JSON.stringify(json)).not.toMatch(/secret/i);
  });

  it.each([
    ["no body", undefined],
    ["no name", {}],
    ["an empty name", { displayName: "" }],
    ["a blank name", { displayName: "  " }],
    ["a name of 129 characters", { displayName: "x".repeat(129) }],
    ["control characters", { displayName: "a\nb" }],
    ["a name that is not text", { displayName: 7 }],
    ["a list", []],
  ])("are refused with %s with InvalidRequest", async (_name, body) => {
    expect(await call("POST", "/accounts", { body })).toMatchObject(
      refused(400, "InvalidRequest", "displayName must be 1 to 128 printable characters."),
    );
  });

  it.each(["{", "displayName=x", "\u0000"])("are refused with the body %j, which is not JSON", async (body) => {
    expect(await call("POST", "/accounts", { body })).toMatchObject(
      refused(400, "InvalidRequest", "The body is not JSON."),
    );
  });

  it("are refused with a body of more than 64 KiB with MaxMessageLengthExceeded", async () => {
    const { status, json } = await call("POST", "/accounts", { body: " ".repeat(64 * 1024 + 1) });
    expect([status, json.error.code]).toEqual([400, "MaxMessageLengthExceeded"]);
  });
});

describe("admin keys", () => {
  it("are added to an account and identify the same caller", async () => {
    const account = await createAccount();
    const bucket = await createBucket({ key: account });
    const { status, json } = await call("POST", `/accounts/${account.accountId}/keys`);
    expect(status).toBe(201);
    expect(json).toEqual({
      accessKeyId: expect.stringMatching(/^AKIA/),
      accountId: account.accountId,
      status: "Active",
      createdAt: expect.any(String),
      secretAccessKey: expect.stringMatching(/^.{40}$/),
    });
    expect((await send({ method: "HEAD", bucket, as: json })).status).toBe(200);
  });

  it("are refused for an account that does not exist with NoSuchAccount", async () => {
    expect(await call("POST", "/accounts/999999999999/keys")).toMatchObject(
      refused(404, "NoSuchAccount", "There is no such account."),
    );
  });

  it("are listed by account and all together, without secrets", async () => {
    const [one, other] = [await createAccount(), await createAccount()];
    const mine = await call("GET", `/accounts/${one.accountId}/keys`);
    expect(mine.json.keys).toEqual([
      { accessKeyId: one.accessKeyId, accountId: one.accountId, status: "Active", createdAt: expect.any(String) },
    ]);
    const user = await createUser(undefined, one);
    const { json: withUser } = await call("GET", `/accounts/${one.accountId}/keys`);
    expect(withUser.keys.map((key: { userName?: string }) => key.userName)).toEqual([undefined, user.name]);
    const { json } = await call("GET", "/keys");
    const ids = json.keys.map((key: { accessKeyId: string }) => key.accessKeyId);
    expect(ids).toEqual(expect.arrayContaining([one.accessKeyId, other.accessKeyId]));
    expect(JSON.stringify(json)).not.toMatch(/secret/i);
  });

  it("are stored sealed, each bound to its id", async () => {
    const account = await createAccount();
    const row = await env.DB.prepare("SELECT secret_sealed FROM access_keys WHERE id = ?1")
      .bind(account.accessKeyId)
      .first<{ secret_sealed: string }>();
    expect(row?.secret_sealed).not.toContain(account.secretAccessKey);
    expect(atob(row?.secret_sealed ?? "")).not.toContain(account.secretAccessKey);
    const other = await createAccount();
    await env.DB.prepare("UPDATE access_keys SET secret_sealed = ?2 WHERE id = ?1")
      .bind(other.accessKeyId, row?.secret_sealed)
      .run();
    const moved = { accessKeyId: other.accessKeyId, secretAccessKey: account.secretAccessKey };
    expect((await send({ as: moved })).status).toBe(500);
  });

  it("stop working in this isolate at once when disabled, and work again when enabled", async () => {
    const account = await createAccount();
    const bucket = await createBucket({ key: account });
    const statusOf = async () => (await send({ bucket, key: "k", method: "HEAD", as: account })).status;
    expect(await statusOf()).toBe(404);
    const path = `/keys/${account.accessKeyId}`;
    expect(await call("PATCH", path, { body: { status: "Inactive" } })).toMatchObject({
      status: 200,
      json: { accessKeyId: account.accessKeyId, status: "Inactive" },
    });
    expect(await statusOf()).toBe(403);
    const refusal = await (await send({ bucket, as: account })).text();
    expect(refusal).toContain("<Code>InvalidAccessKeyId</Code>");
    expect((await call("PATCH", path, { body: { status: "Active" } })).status).toBe(200);
    expect(await statusOf()).toBe(404);
  });

  it("stop working in this isolate at once when deleted", async () => {
    const account = await createAccount();
    expect((await send({ as: account })).status).toBe(200);
    expect((await call("DELETE", `/keys/${account.accessKeyId}`)).status).toBe(204);
    const response = await send({ as: account });
    expect([response.status, await response.text()]).toEqual([
      403,
      expect.stringContaining("<Code>InvalidAccessKeyId</Code>"),
    ]);
    expect((await call("DELETE", `/keys/${account.accessKeyId}`)).status).toBe(404);
  });

  it.each([{ status: "active" }, { status: "" }, {}, undefined])(
    "refuse the status %j with InvalidRequest",
    async (body) => {
      const { accessKeyId } = await createAccount();
      expect(await call("PATCH", `/keys/${accessKeyId}`, { body })).toMatchObject(
        refused(400, "InvalidRequest", 'status must be "Active" or "Inactive".'),
      );
    },
  );

  it.each([
    ["PATCH", { status: "Inactive" }],
    ["DELETE", undefined],
  ])("answer %s of an absent key, and of root's, with NoSuchKey", async (method, body) => {
    for (const id of ["AKIANOBODYNOBODYNOBO", ROOT.accessKeyId]) {
      expect(await call(method, `/keys/${id}`, { body })).toMatchObject(
        refused(404, "NoSuchKey", "There is no such access key. The root key is one of the Worker's secrets."),
      );
    }
    expect((await send({})).status).toBe(200);
  });
});

describe("the admin API", () => {
  it.each(ROUTES)("refuses an anonymous %s %s with AccessDenied", async (method, path) => {
    const before = await env.DB.prepare("SELECT count(*) AS keys FROM access_keys").first();
    expect(await call(method, path, { key: null })).toMatchObject(refused(403, "AccessDenied", "Access Denied"));
    expect(await env.DB.prepare("SELECT count(*) AS keys FROM access_keys").first()).toEqual(before);
  });

  it.each(ROUTES)("refuses another account's %s %s with AccessDenied", async (method, path) => {
    const key = await createAccount();
    const body = method === "POST" || method === "PATCH" ? { displayName: "x", status: "Inactive" } : undefined;
    expect(await call(method, path, { key, body })).toMatchObject(refused(403, "AccessDenied", "Access Denied"));
  });

  it("refuses a wrong secret of root with SignatureDoesNotMatch and reveals nothing about it", async () => {
    const key = { ...ROOT, secretAccessKey: "x".repeat(40) };
    const { status, json } = await call("GET", "/accounts", { key });
    expect([status, json.error.code]).toEqual([403, "SignatureDoesNotMatch"]);
    expect(JSON.stringify(json)).not.toContain(ROOT.secretAccessKey);
  });

  it.each([
    ["GET", "/nothing"],
    ["GET", ""],
    ["DELETE", "/accounts"],
    ["GET", "/accounts/1/2/3"],
  ])("answers %s %s with NotFound", async (method, path) => {
    expect(await call(method, path)).toMatchObject(refused(404, "NotFound", "There is nothing at this path."));
  });

  it("is not reachable as a bucket, nor is a bucket called -", async () => {
    expect((await send({ method: "PUT", bucket: "-" })).status).toBe(404);
    expect((await send({ method: "PUT", bucket: "-", key: "admin/accounts" })).status).toBe(404);
    expect((await send({ bucket: "-", style: "virtual-host" })).status).toBe(400);
  });

  it("is not reachable on a bucket's host", async () => {
    const bucket = await createBucket();
    const response = await send({ bucket, key: "-/admin/accounts", style: "virtual-host" });
    expect([response.status, await response.text()]).toEqual([404, expect.stringContaining("<Code>NoSuchKey</Code>")]);
  });
});
