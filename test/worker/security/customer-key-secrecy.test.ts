/** Customers' keys are kept nowhere: everything that a server stores, sends, logs and answers is searched for them. */
import { listDurableObjectIds, runInDurableObject } from "cloudflare:test";
import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Env } from "../../../src/env.ts";
import { enableLogging, flushLogs, loggingDocument } from "../../support/access-logs.ts";
import { EVERYTHING, REPLICATE_ALL, setRules } from "../../support/events.ts";
import { type CustomerKey, keyedEnv, keyHeaders } from "../../support/keyed-r2.ts";
import { completionDocument, MIB, noise } from "../../support/multipart.ts";
import { BOUNDARY, encodeForm, signPolicy, tomorrow } from "../../support/post-form.ts";
import { type SendOptions, send, urlOf } from "../../support/request.ts";
import { createBucket, ROOT, testEnv } from "../../support/s3.ts";
import { handleRequest } from "../../support/worker.ts";

function randomKey(): CustomerKey {
  const bytes = randomBytes(32);
  return { key: bytes.toString("base64"), md5: createHash("md5").update(bytes).digest("base64") };
}

/** A key and its MD5 in every form in which they could be written. */
function formsOf({ key, md5 }: CustomerKey): string[] {
  return [key, md5].flatMap((text) => {
    const bytes = Buffer.from(text, "base64");
    const list = [...bytes].join(",");
    return [
      text,
      encodeURIComponent(text),
      bytes.toString("base64url"),
      bytes.toString("hex"),
      list,
      bytes.toString("latin1"),
    ];
  });
}

const KEY = randomKey();
const OTHER = randomKey();
const FORMS = [...formsOf(KEY), ...formsOf(OTHER)];

function expectNoKey(text: string, where: string): void {
  for (const form of FORMS) {
    const found = text.includes(form) || text.toLowerCase().includes(form.toLowerCase());
    expect(found, `${where} contains a key: ${text.slice(0, 300)}`).toBe(false);
  }
}

const QUEUES = ["EVENTS", "DELIVERIES", "RETRIES", "REPLICATION", "DEAD_LETTERS", "ACCESS_LOGS"] as const;

/** What the queues were sent. */
const sent: unknown[] = [];

function recordingQueue(): Queue {
  return {
    send: async (body: unknown) => sent.push(structuredClone(body)),
    sendBatch: async (batch: Iterable<{ body: unknown }>) => {
      for (const { body } of batch) sent.push(structuredClone(body));
    },
  } as unknown as Queue;
}

const { env: keyed, calls } = keyedEnv();
const env = { ...keyed, ...Object.fromEntries(QUEUES.map((name) => [name, recordingQueue()])) } as Env;
const logged: string[] = [];
const answers: string[] = [];
let bucket = "";

async function call(options: SendOptions): Promise<string> {
  return noteAnswer(await send({ bucket, key: "k", env, ...options }));
}

/** Returns its document, or nothing for bytes. Of a key, only the MD5 is returned, in its own header. */
async function noteAnswer(response: Response): Promise<string> {
  const text = await response.text();
  const headers = [...response.headers].filter(([name]) => !name.endsWith("customer-key-md5"));
  // The string to sign of a form is base64.
  const shown = Buffer.from(/<StringToSign>([^<]*)/.exec(text)?.[1] ?? "", "base64").toString();
  answers.push(`${response.status} ${JSON.stringify(headers)} ${text.slice(0, 100_000)} ${shown}`);
  return text;
}

/** Objects of other test files, of which the storage of a whole run is full. */
const earlierObjects = new Set<string>();

beforeAll(async () => {
  for (const id of await listDurableObjectIds(testEnv.UPLOADS)) earlierObjects.add(id.toString());
  for (const name of ["log", "error", "warn", "info", "debug"] as const) {
    vi.spyOn(console, name).mockImplementation((...values: unknown[]) => {
      logged.push(values.map(String).join(" "));
    });
  }
  bucket = await createBucket();
  const target = await createBucket();
  await enableLogging(bucket, loggingDocument(target));
  await setRules(bucket, { notification: [EVERYTHING], replication: [REPLICATE_ALL] });
  const source = { "x-amz-copy-source": `/${bucket}/k` };
  const both = { ...keyHeaders(KEY, "source"), ...keyHeaders(OTHER) };

  // Writes, reads, copies and an upload that stays open.
  await call({ method: "PUT", body: "content", headers: keyHeaders(KEY) });
  await call({ method: "PUT", key: "large", body: noise(MIB + 5), headers: keyHeaders(KEY) });
  await call({ headers: keyHeaders(KEY) });
  await call({ method: "HEAD", headers: keyHeaders(KEY) });
  await call({ method: "PUT", key: "copy", headers: { ...source, ...both } });
  await call({ query: "attributes", headers: { ...keyHeaders(KEY), "x-amz-object-attributes": "ETag" } });
  for (const isCompleted of [true, false]) {
    const created = await call({ method: "POST", key: "parts", query: "uploads", headers: keyHeaders(KEY) });
    const uploadId = /<UploadId>([^<]*)/.exec(created)?.[1];
    const query = `partNumber=1&uploadId=${uploadId}`;
    const copied = await call({
      method: "PUT",
      key: "parts",
      query,
      headers: { ...source, ...keyHeaders(KEY, "source"), ...keyHeaders(KEY) },
    });
    const etag = /<ETag>(?:&quot;|")([0-9a-f]+)/.exec(copied)?.[1] ?? "";
    const body = completionDocument([{ partNumber: 1, etag }]);
    if (isCompleted)
      await call({ method: "POST", key: "parts", query: `uploadId=${uploadId}`, body, headers: keyHeaders(KEY) });
  }
  const tagging = { ...keyHeaders(KEY), "content-md5": "" };
  await call({ method: "PUT", query: "acl", headers: { ...keyHeaders(KEY), "x-amz-acl": "private" } });
  await call({ method: "PUT", query: "tagging", body: "<Tagging/>", headers: tagging });
  await postForm();
  // Policies that have the key itself: with another signature, and for another key than the form has.
  await postForm({ policyHas: KEY, secretAccessKey: "wrong" });
  await postForm({ policyHas: OTHER });

  // Refusals, and failures of R2.
  await call({ headers: keyHeaders(OTHER) });
  await call({ method: "PUT", body: "x", headers: { ...keyHeaders(KEY), "x-amz-server-side-encryption": "AES256" } });
  await call({
    method: "PUT",
    body: "x",
    headers: { ...keyHeaders(KEY), "x-amz-server-side-encryption-customer-key-md5": OTHER.md5 },
  });
  await call({ method: "PUT", body: "x", headers: { ...keyHeaders(KEY), "content-md5": "AAAAAAAAAAAAAAAAAAAAAA==" } });
  await noteAnswer(await send({ bucket, key: "k", headers: keyHeaders(KEY) }));
  const failing = new Proxy(env.STORE, {
    get(target, name) {
      if (name === "get" || name === "put") return async () => Promise.reject(new Error(`${name} has failed (10001)`));
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const broken = { ...env, STORE: failing };
  await noteAnswer(await send({ bucket, key: "k", env: broken, method: "PUT", body: "x", headers: keyHeaders(KEY) }));
  await noteAnswer(await send({ bucket, key: "k", env: broken, headers: keyHeaders(KEY) }));

  // Signatures that do not match, in headers and in URLs that contain the key.
  const wrong = { ...ROOT, secretAccessKey: "wrong" };
  await call({ as: wrong, headers: keyHeaders(KEY) });
  await call({ as: wrong, method: "PUT", headers: { ...source, ...both } });
  const name = "x-amz-server-side-encryption-customer-";
  const hoisted = new URLSearchParams(keyHeaders(KEY)).toString();
  const repeated = `${hoisted}&${name}key=${encodeURIComponent(OTHER.key)}`;
  for (const query of [hoisted, repeated]) {
    for (const key of [ROOT, wrong]) {
      const url = await presigned(query, key);
      await noteAnswer(await handleRequest(new Request(url), env));
    }
  }
  await flushLogs();
});

afterAll(() => {
  vi.restoreAllMocks();
});

async function presigned(query: string, key: typeof ROOT): Promise<string> {
  const { AwsClient } = await import("aws4fetch");
  const client = new AwsClient({ ...key, service: "s3", region: "us-east-1", retries: 0 });
  const url = `${urlOf({ bucket, key: "k", query })}&X-Amz-Expires=900`;
  return (await client.sign(url, { aws: { signQuery: true } })).url;
}

/** @param policyHas whose key is a condition of the policy */
async function postForm({
  policyHas,
  secretAccessKey = ROOT.secretAccessKey,
}: {
  readonly policyHas?: CustomerKey;
  readonly secretAccessKey?: string;
} = {}): Promise<void> {
  const fields = { key: "form", ...keyHeaders(KEY) };
  const open = Object.keys(fields).map((name) => ["starts-with", `$${name}`, ""]);
  const exact = Object.entries(policyHas === undefined ? {} : keyHeaders(policyHas));
  const conditions = [{ bucket }, ...exact.map(([name, value]) => ({ [name]: value })), ...open];
  const signed = signPolicy({
    key: ROOT,
    secretAccessKey,
    document: (signing) => ({ expiration: tomorrow(), conditions: [...conditions, ...signing] }),
  });
  const body = encodeForm([
    ...Object.entries({ ...fields, ...signed }),
    ["file", { content: "content", name: "a.txt" }],
  ]);
  const headers = {
    "content-type": `multipart/form-data; boundary=${BOUNDARY}`,
    "content-length": String(body.length),
  };
  const request = new Request(urlOf({ bucket }), { method: "POST", headers, body });
  await noteAnswer(await handleRequest(request, env));
}

describe("a customer's key", () => {
  it("was used by these requests", () => {
    const used = new Set(calls.flatMap(({ key }) => key ?? []));
    expect(used).toEqual(new Set([KEY.key, OTHER.key]));
    const statuses = answers.map((text) => text.slice(0, 3));
    expect(new Set(statuses)).toEqual(new Set(["200", "204", "400", "403", "500"]));
    expect(answers.filter((text) => text.includes("<Code>SignatureDoesNotMatch</Code>")).length).toBeGreaterThan(2);
  });

  it("is in no log line", () => {
    expect(logged.length).toBeGreaterThan(10);
    expectNoKey(logged.join("\n"), "the log");
  });

  it("is in no answer", () => {
    for (const answer of answers) expectNoKey(answer, "an answer");
    expect(answers.some((text) => text.includes("server-side-encryption-customer-key:***"))).toBe(true);
    expect(answers.some((text) => text.includes("<StringToSign>***</StringToSign>"))).toBe(true);
    expect(
      answers.some((text) => /Policy Condition failed: .*customer-key(&quot;|"), (&quot;|")\*\*\*/.test(text)),
    ).toBe(true);
  });

  it("is in no message of a queue, access logs included", () => {
    expect(sent.length).toBeGreaterThan(5);
    const lines = sent.flatMap((body) =>
      typeof body === "object" && body !== null && "text" in body ? [body.text] : [],
    );
    expect(lines.length).toBeGreaterThan(0);
    expectNoKey(JSON.stringify(sent), "a message");
  });

  it("is in no row of D1", async () => {
    const tables = await testEnv.DB.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all<{
      name: string;
    }>();
    for (const { name } of tables.results.filter((each) => !each.name.startsWith("_cf"))) {
      const { results } = await testEnv.DB.prepare(`SELECT * FROM "${name}"`).all();
      expectNoKey(JSON.stringify(results), `the table ${name}`);
    }
  });

  it("is in no metadata and no entry of R2, and the bytes are not stored as they are", async () => {
    const keys = new Set(calls.map(({ r2Key }) => r2Key));
    let records = 0;
    for (const r2Key of keys) {
      const found = await testEnv.STORE.get(r2Key);
      if (found === null) continue;
      records++;
      expectNoKey(JSON.stringify([found.key, found.customMetadata, found.httpMetadata, found.checksums]), r2Key);
      const bytes = Buffer.from(await found.arrayBuffer());
      if (bytes.length < 100_000) expectNoKey(bytes.toString("latin1"), r2Key);
      if (r2Key.startsWith("~b/")) expect(bytes.includes("content")).toBe(false);
    }
    expect(records).toBeGreaterThan(8);
  });

  it("is in no storage of a Durable Object", async () => {
    const all = await listDurableObjectIds(testEnv.UPLOADS);
    const ids = all.filter((id) => !earlierObjects.has(id.toString()));
    let rows = 0;
    for (const id of ids) {
      await runInDurableObject(testEnv.UPLOADS.get(id), (_instance, state) => {
        const { sql } = state.storage;
        const tables = sql.exec("SELECT name FROM sqlite_master WHERE type = 'table'").toArray();
        for (const { name } of tables) {
          if (String(name).startsWith("_cf")) continue;
          const text = JSON.stringify(sql.exec(`SELECT * FROM "${name}"`).toArray());
          if (text.includes("customer-key")) rows++;
          expectNoKey(text, `the table ${name}`);
        }
      });
    }
    // The uploads have a proof of it.
    expect(rows).toBeGreaterThan(0);
  });
});
