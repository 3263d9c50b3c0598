/** No secret that a request or an answer carries is in the audit: everything that is sent is searched for all of them. */
import { createHash, randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { createAccount } from "../../support/accounts.ts";
import { digestOf } from "../../support/acl.ts";
import { audit, enableAudit, recordAudit } from "../../support/audit.ts";
import { call } from "../../support/iam.ts";
import { BOUNDARY, encodeForm, signPolicy, tomorrow } from "../../support/post-form.ts";
import { handDirectly, presign, type SendOptions, send } from "../../support/request.ts";
import { createBucket, ROOT, s3, testEnv } from "../../support/s3.ts";
import { handleRequest } from "../../support/worker.ts";

const recorder = recordAudit({ ...testEnv, CUSTOMER_KEYS_OVER_HTTP: "true" });
const { env, lines, messages } = recorder;
const secrets = new Map<string, string>([["the root's secret", ROOT.secretAccessKey]]);

/** Takes note of a secret and returns it. */
function secret(name: string, value: string): string {
  if (value === "") throw new Error(`no ${name}`);
  secrets.set(name, value);
  return value;
}

const random = (name: string, bytes = 24) => secret(name, randomBytes(bytes).toString("hex"));
const partOf = (text: string, name: string) => new RegExp(`<${name}>([^<]+)`).exec(text)?.[1] ?? "";

function admin(method: string, path: string, body?: object): Promise<Response> {
  return s3(`/-/admin${path}`, { method, env, ...(body && { body: JSON.stringify(body) }) });
}

it("lines contain no secret", async () => {
  const tenant = await createAccount();
  secret("the tenant's secret", tenant.secretAccessKey);
  const bucket = await createBucket();
  await enableAudit(env);

  const made = await (await admin("POST", "/accounts", { displayName: "a" })).json<Record<string, string>>();
  secret("the secret of a new account", made.secretAccessKey ?? "");
  const key = await (await admin("POST", `/accounts/${made.accountId}/keys`)).json<Record<string, string>>();
  secret("the secret of a new key", key.secretAccessKey ?? "");
  const wrappingKey = secret("a wrapping key", randomBytes(32).toString("base64"));
  const kms = await (await admin("POST", "/kms/export", { wrappingKey })).json<object>();
  await admin("POST", "/kms/import", { wrappingKey, ...kms });
  const { exportId } = await (await admin("POST", "/config/exports")).json<{ exportId: string }>();
  const page = await admin("POST", `/config/exports/${exportId}/pages`, { wrappingKey, page: 0 });
  const { sealed } = await page.json<{ sealed: string }>();
  secret("a page of an export", sealed.slice(0, 64));
  await admin("POST", `/config/restores/${exportId}/pages`, { wrappingKey, page: 0, sealed });
  await admin("POST", "/remotes", {
    name: "far",
    endpoint: "https://far.example.com",
    region: "us-east-1",
    kind: "s3",
    accountIds: [tenant.accountId],
    accessKeyId: "AKIAFAR0000000000000",
    secretAccessKey: random("the secret of a remote"),
  });

  await call("iam", "CreateUser", { UserName: "eve" }, { env });
  const user = await (await call("iam", "CreateAccessKey", { UserName: "eve" }, { env })).text();
  secret("the secret of a user", partOf(user, "SecretAccessKey"));
  const session = await (await call("sts", "GetSessionToken", {}, { env, as: tenant })).text();
  const temporary = {
    accessKeyId: partOf(session, "AccessKeyId"),
    secretAccessKey: secret("a temporary secret", partOf(session, "SecretAccessKey")),
    sessionToken: secret("a session token", partOf(session, "SessionToken")),
  };
  const topic = await (await call("sns", "CreateTopic", { Name: "t" }, { env })).text();
  const TopicArn = partOf(topic, "TopicArn");
  const Endpoint = `https://hooks.example.com/${random("a path")}?t=${random("a query")}`;
  await call("sns", "Subscribe", { TopicArn, Protocol: "https", Endpoint }, { env });
  const Token = random("a confirmation token", 32);
  await call("sns", "ConfirmSubscription", { TopicArn, Token }, { env });
  const link = `http://s3.localhost:8787/?Action=ConfirmSubscription&TopicArn=${TopicArn}&Token=${Token}`;
  await handleRequest(new Request(link), env);
  const policy = JSON.stringify({ Version: "2012-10-17", Statement: [], Id: random("the text of a document") });
  await call("iam", "PutUserPolicy", { UserName: "eve", PolicyName: "p", PolicyDocument: policy }, { env });

  const customerKey = randomBytes(32);
  const keyHeaders = {
    "x-amz-server-side-encryption-customer-algorithm": "AES256",
    "x-amz-server-side-encryption-customer-key": secret("a customer's key", customerKey.toString("base64")),
    "x-amz-server-side-encryption-customer-key-md5": secret(
      "the MD5 of a customer's key",
      createHash("md5").update(customerKey).digest("base64"),
    ),
  };
  const requests: SendOptions[] = [
    { method: "PUT", key: "k", body: "x", headers: { ...keyHeaders, "x-amz-acl": "public-read" } },
    { key: "k", headers: keyHeaders, as: tenant },
    { key: "k", as: temporary },
    { key: "k", as: { ...ROOT, secretAccessKey: "wrong" } },
    { key: "k", as: { accessKeyId: random("a secret as an id"), secretAccessKey: "x" } },
    { method: "PUT", key: "k", query: "acl", headers: { "x-amz-acl": "private" } },
  ];
  const tags = `<Tagging><TagSet><Tag><Key>${random("a tag")}</Key><Value/></Tag></TagSet></Tagging>`;
  requests.push({ method: "PUT", query: "tagging", body: tags, headers: await digestOf(tags) });
  for (const request of requests) await send({ bucket, env, ...request });
  for (const [name, value] of Object.entries({
    "x-amz-security-token": random("a false token"),
    cookie: random("a cookie"),
  })) {
    await send({ bucket, key: "k", as: tenant, env, headers: { [name]: value } });
  }
  const presigned = await presign({ bucket, key: "k", as: tenant });
  secret("the signature of a URL", /X-Amz-Signature=([0-9a-f]+)/.exec(presigned)?.[1] ?? "");
  await handleRequest(new Request(presigned), env);
  const withToken = await presign({ bucket, key: "k", as: temporary as never });
  await handleRequest(new Request(withToken), env);
  const conditions = [{ bucket }, { key: "form" }, { acl: "public-read" }];
  const document = (signing: readonly object[]) => ({
    expiration: tomorrow(),
    conditions: [...signing, ...conditions],
  });
  const fields = Object.entries(signPolicy({ key: ROOT, document }));
  for (const [name, value] of fields) if (/signature|policy/.test(name)) secret(`the form's ${name}`, value);
  const form = encodeForm([["key", "form"], ["acl", "public-read"], ...fields, ["file", { content: "x", name: "f" }]]);
  const headers = { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };
  const posted = new Request(`http://s3.localhost:8787/${bucket}`, { method: "POST", headers, body: form });
  expect((await handDirectly(posted, env)).status).toBe(204);
  await audit("DELETE", undefined, { env });

  const found = await lines();
  const operations = new Set(found.map(({ operation }) => operation));
  for (const name of [
    "CreateKey",
    "ExportKmsKeys",
    "AddRemote",
    "CreateAccessKey",
    "GetSessionToken",
    "Subscribe",
    "PutObject",
    "PostObject",
    "PutBucketTagging",
  ]) {
    expect(operations).toContain(name);
  }
  expect(found.length).toBeGreaterThan(20);
  const sent = messages.map(({ text }) => text).join("");
  for (const [name, value] of secrets) {
    const forms = [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1), btoa(value)];
    for (const each of forms) expect(sent.includes(each), `${name} is in the audit`).toBe(false);
  }
});
