/** Keys of SSE-KMS: administration, and that no state contains a key in clear. */
import { beforeAll, describe, expect, it } from "vitest";
import { createAccount, rootAccount } from "../../support/accounts.ts";
import { createKmsKey, encryptionOf, env, idOf, kms, kmsHeaders, setKmsStatus } from "../../support/kms.ts";
import { type SendOptions, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";

const { accountId } = await rootAccount();
const WRAPPING = Buffer.alloc(32, 7).toString("base64");
const call = (options: SendOptions) => send({ key: "k", env, ...options });

async function writeUnder(arn: string): Promise<string> {
  const bucket = await createBucket();
  const written = await call({ method: "PUT", bucket, body: "content", headers: kmsHeaders(arn) });
  expect(written.status).toBe(200);
  return bucket;
}

const codeOf = (answer: { status: number; body: Record<string, unknown> }) => [
  answer.status,
  (answer.body.error as { code: string } | undefined)?.code,
];

describe("keys", () => {
  it("are created for an account, listed and disabled by id or alias, and are never shown", async () => {
    const { accountId: other } = await createAccount();
    const created = await kms("POST", { alias: "alias/team/red" });
    expect([created.status, created.body]).toEqual([
      201,
      {
        arn: expect.stringMatching(new RegExp(`^arn:aws:kms:us-east-1:${accountId}:key/[0-9a-f-]{36}$`)),
        alias: "team/red",
        status: "Enabled",
        accountId,
        createdAt: expect.any(String),
      },
    ]);
    const theirs = await kms("POST", { alias: "team/red", accountId: other });
    expect(theirs.body).toMatchObject({ alias: "team/red", accountId: other });
    const listed = await kms("GET");
    expect(listed.body.keys).toEqual(expect.arrayContaining([created.body, theirs.body]));
    expect(Object.keys((listed.body.keys as object[])[0] ?? {})).toEqual(Object.keys(created.body));

    const disabled = await kms("PATCH", { key: "team/red", accountId: other, status: "Disabled" });
    expect([disabled.status, disabled.body]).toEqual([200, { ...theirs.body, status: "Disabled" }]);
    const byId = await kms("PATCH", { key: idOf(String(created.body.arn)), status: "Disabled" });
    expect(byId.body).toEqual({ ...created.body, status: "Disabled" });
  });

  it.each([
    ["POST", "", { alias: "" }, [400, "InvalidRequest"]],
    ["POST", "", { alias: "a b" }, [400, "InvalidRequest"]],
    ["POST", "", { alias: "aws/s3" }, [400, "InvalidRequest"]],
    ["POST", "", { alias: "134f2428-cec1-4b25-a1ae-9048164dba47" }, [400, "InvalidRequest"]],
    ["POST", "", { alias: "free", accountId: "000000000000" }, [404, "NoSuchAccount"]],
    ["PATCH", "", { key: "none", status: "Enabled" }, [404, "NoSuchKmsKey"]],
    ["PATCH", "", { key: "none", status: "Deleted" }, [400, "InvalidRequest"]],
    ["POST", "/export", {}, [400, "InvalidRequest"]],
    ["POST", "/export", { wrappingKey: "AAAA" }, [400, "InvalidRequest"]],
    ["POST", "/import", { wrappingKey: WRAPPING }, [400, "InvalidRequest"]],
    ["POST", "/import", { wrappingKey: WRAPPING, keys: [{ id: "x" }] }, [400, "InvalidRequest"]],
    ["POST", "/import", { wrappingKey: WRAPPING, keys: Array(101).fill({}) }, [400, "InvalidRequest"]],
  ])("%s %s %j is refused", async (method, path, body, expected) => {
    expect(codeOf(await kms(method, body, path))).toEqual(expected);
  });

  it("have an alias once in an account", async () => {
    await createKmsKey(undefined, "once");
    expect(codeOf(await kms("POST", { alias: "once" }))).toEqual([409, "KmsKeyAlreadyExists"]);
  });

  it("are administered by the root account only", async () => {
    const as = await createAccount();
    for (const [method, path] of [
      ["POST", ""],
      ["GET", ""],
      ["PATCH", ""],
      ["POST", "/export"],
      ["POST", "/import"],
    ] as const) {
      const body = method === "GET" ? undefined : { alias: "x", key: "x", status: "Enabled", wrappingKey: WRAPPING };
      expect(codeOf(await kms(method, body, path, { as }))).toEqual([403, "AccessDenied"]);
    }
  });
});

describe("an export", () => {
  it("restores the keys that D1 or SEAL_KEY has lost, and only with its own passphrase", async () => {
    const arn = await createKmsKey();
    const bucket = await writeUnder(arn);
    const exported = await kms("POST", { wrappingKey: WRAPPING }, "/export");
    const key = (exported.body.keys as { id: string; sealed: string }[]).find(({ id }) => id === idOf(arn));
    expect(Object.keys(key ?? {})).toEqual(["id", "accountId", "region", "alias", "status", "createdAt", "sealed"]);
    const restore = (more: object, wrappingKey = WRAPPING) =>
      kms("POST", { wrappingKey, keys: [{ ...key, ...more }] }, "/import");

    for (const loss of ["material_sealed = 'AAAA'", undefined]) {
      const where = `WHERE id = '${idOf(arn)}'`;
      await testEnv.DB.prepare(loss ? `UPDATE kms_keys SET ${loss} ${where}` : `DELETE FROM kms_keys ${where}`).run();
      await setKmsStatus(await createKmsKey(), "Enabled");
      expect((await call({ bucket })).status).toBe(400);
      const refused = [400, "WrongPassphrase"];
      expect(codeOf(await restore({}, Buffer.alloc(32, 8).toString("base64")))).toEqual(refused);
      for (const change of [{ region: "eu-west-1" }, { alias: "aws/s3" }, { status: "Disabled" }, { createdAt: 1 }]) {
        expect(codeOf(await restore(change))).toEqual(refused);
      }
      expect((await restore({})).body).toEqual({ imported: [arn], skipped: [] });
      expect(await (await call({ bucket })).text()).toBe("content");
    }
  });

  it("names the keys that it lacks", async () => {
    const lost = await createKmsKey();
    await testEnv.DB.prepare("UPDATE kms_keys SET material_sealed = 'AAAA' WHERE id = ?1").bind(idOf(lost)).run();
    expect((await kms("POST", { wrappingKey: WRAPPING }, "/export")).body.unavailable).toContain(lost);
  });

  it("restores a key whose alias another one has meanwhile, under another alias", async () => {
    const old = await createKmsKey(undefined, "taken");
    const bucket = await writeUnder(old);
    const exported = await kms("POST", { wrappingKey: WRAPPING }, "/export");
    const key = (exported.body.keys as { id: string }[]).find(({ id }) => id === idOf(old));
    await testEnv.DB.prepare("DELETE FROM kms_keys WHERE id = ?1").bind(idOf(old)).run();
    const present = await createKmsKey(undefined, "taken");
    const restore = () => kms("POST", { wrappingKey: WRAPPING, keys: [key] }, "/import");
    for (let times = 0; times < 2; times++) expect((await restore()).body).toEqual({ imported: [old], skipped: [] });
    const { keys } = (await kms("GET")).body as { keys: { arn: string; alias: string }[] };
    const aliasOf = (wanted: string) => keys.find(({ arn }) => arn === wanted)?.alias;
    expect([aliasOf(old), aliasOf(present)]).toEqual([`imported/${idOf(old)}`, "taken"]);
    expect(await (await call({ bucket })).text()).toBe("content");
  });
});

it("another isolate stops using a disabled key within CONFIG_TTL_SECONDS", async () => {
  const { KmsKeys } = await import("../../../src/storage/d1/kms-keys.ts");
  const { openSealer } = await import("../../../src/storage/sealing.ts");
  const arn = await createKmsKey();
  const sealer = openSealer(new Uint8Array(32), "kms-keys");
  const ttlMs = 150;
  const other = new KmsKeys(testEnv.DB, sealer, { region: "us-east-1", ttlMs });
  const statusThere = async () => (await other.require({ accountId, id: idOf(arn) })).status;
  expect(await statusThere()).toBe("Enabled");
  await setKmsStatus(arn, "Disabled");
  await expect.poll(statusThere, { timeout: 10 * ttlMs, interval: ttlMs / 3 }).toBe("Disabled");
});

describe("no state contains a key in clear", () => {
  const found: { what: string; text: string }[] = [];
  const contentKeys: Uint8Array[] = [];
  let materials: Uint8Array[] = [];

  beforeAll(async () => {
    const arn = await createKmsKey();
    const STORE = new Proxy(testEnv.STORE, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return (...parameters: unknown[]) => {
          const { ssecKey } = (parameters.at(-1) ?? {}) as { readonly ssecKey?: ArrayBuffer };
          if (ssecKey instanceof ArrayBuffer) contentKeys.push(new Uint8Array(ssecKey.slice(0)));
          return Reflect.apply(value, target, parameters);
        };
      },
    });
    const spied = { ...env, STORE } as typeof env;
    const bucket = await createBucket();
    const context = Buffer.from('{"a":"b"}').toString("base64");
    for (const name of ["k", "other"]) {
      const headers = kmsHeaders(arn, { context });
      const written = await call({ method: "PUT", bucket, key: name, body: `content ${name}`, headers, env: spied });
      expect(encryptionOf(written)).toMatchObject({ "-context": context });
    }
    const copy = { ...kmsHeaders(arn), "x-amz-copy-source": `/${bucket}/k` };
    expect((await call({ method: "PUT", bucket, key: "copy", headers: copy, env: spied })).status).toBe(200);
    await (await call({ bucket, env: spied })).text();
    const upload = await call({
      method: "POST",
      bucket,
      key: "m",
      query: "uploads",
      headers: kmsHeaders(arn),
      env: spied,
    });
    const uploadId = /<UploadId>(.*)<\/UploadId>/.exec(await upload.text())?.[1] ?? "";
    const part = await call({
      method: "PUT",
      bucket,
      key: "m",
      query: `partNumber=1&uploadId=${uploadId}`,
      body: "p",
      env: spied,
    });
    expect(part.status).toBe(200);

    const { openSealer } = await import("../../../src/storage/sealing.ts");
    const { readConfig } = await import("../../../src/env.ts");
    const { sealKey } = readConfig(env);
    const { results } = await testEnv.DB.prepare("SELECT * FROM kms_keys").all<Record<string, string>>();
    const sealer = openSealer(sealKey, "kms-keys");
    materials = (
      await Promise.all(
        results.map(({ id, account_id, region, material_sealed }) =>
          sealer.unseal(material_sealed ?? "", `arn:aws:kms:${region}:${account_id}:key/${id}`).then(
            (text) => [new Uint8Array(Buffer.from(text, "base64"))],
            () => [],
          ),
        ),
      )
    ).flat();

    const tables = await testEnv.DB.prepare(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'",
    ).all<{ name: string }>();
    for (const { name } of tables.results) {
      const rows = await testEnv.DB.prepare(`SELECT * FROM "${name}"`).all();
      found.push({ what: `D1 ${name}`, text: JSON.stringify(rows.results) });
    }
    // The storage has objects of other tests too.
    const row = await testEnv.DB.prepare("SELECT id FROM buckets WHERE name = ?1").bind(bucket).first<{ id: string }>();
    const entries = await testEnv.STORE.list({
      prefix: `${row?.id}/`,
      include: ["customMetadata", "httpMetadata"],
    } as R2ListOptions);
    const sets = entries.objects.flatMap(({ customMetadata }) => JSON.parse(customMetadata?.s3 ?? "{}").f?.b ?? []);
    const blobSetId = uploadId.slice(0, 27);
    const blobs = await Promise.all(
      [...new Set<string>([...sets, blobSetId])].map((set) =>
        testEnv.STORE.list({ prefix: `~b/${set}/`, include: ["customMetadata", "httpMetadata"] } as R2ListOptions),
      ),
    );
    const listed = { objects: [entries, ...blobs].flatMap(({ objects }) => objects) };
    expect(listed.objects.map(({ key: name }) => name.slice(0, 3) === "~b/").filter(Boolean)).toHaveLength(3);
    for (const { key: name, customMetadata, httpMetadata } of listed.objects) {
      const body = await (await testEnv.STORE.get(name))?.arrayBuffer();
      const text = `${name} ${JSON.stringify([customMetadata, httpMetadata])} ${Buffer.from(body ?? []).toString("latin1")}`;
      found.push({ what: `R2 ${name}`, text });
    }
    const { runInDurableObject } = await import("cloudflare:test");
    const object = testEnv.UPLOADS.get(testEnv.UPLOADS.idFromName(blobSetId));
    await runInDurableObject(object as never, (_instance: unknown, state: DurableObjectState) => {
      for (const table of ["upload", "parts", "completion", "entries"]) {
        const rows = [...state.storage.sql.exec(`SELECT * FROM ${table}`)];
        found.push({ what: `Durable Object ${table}`, text: JSON.stringify(rows) });
      }
    });
  });

  it("in rows of D1, in R2, and in Durable Objects", () => {
    const distinct = new Set(contentKeys.map((bytes) => Buffer.from(bytes).toString("hex")));
    // Two objects, one of them shared with its copy, and one upload.
    expect(distinct.size).toBe(3);
    expect(materials.length).toBeGreaterThan(0);
    expect(found.map(({ what }) => what.split(" ")[0])).toEqual(expect.arrayContaining(["D1", "R2", "Durable"]));
    for (const bytes of [...contentKeys, ...materials]) {
      const buffer = Buffer.from(bytes);
      for (const form of [
        buffer.toString("base64"),
        buffer.toString("hex"),
        buffer.toString("latin1"),
        [...bytes].join(","),
      ]) {
        expect(found.filter(({ text }) => text.includes(form)).map(({ what }) => what)).toEqual([]);
      }
    }
  });
});
