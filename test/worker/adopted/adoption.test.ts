/** Which R2 buckets can be adopted, and what releasing one leaves. */
import { beforeEach, describe, expect, it } from "vitest";
import { createAccount } from "../../support/accounts.ts";
import { type Answer, admin, adopt, keysIn, listAdopted, r2, release } from "../../support/adopted.ts";
import { expectError } from "../../support/errors.ts";
import { putObject, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { runSweeps } from "../../support/worker.ts";

const adoption = (name: string, binding: string): Promise<Answer> => admin("POST", "adoptions", { name, binding });
const refusal = (code: string, status = 409) => ({ status, body: { error: { code } } });

async function contents(...bindings: string[]): Promise<string[]> {
  const found = await Promise.all(bindings.map((binding) => r2(binding).list()));
  return found.flatMap(({ objects }) => objects.map(({ key, version }) => `${key} ${version}`));
}

beforeEach(async () => {
  for (const { name } of await listAdopted()) await release(name);
  for (const binding of ["ADOPT_PHOTOS", "ADOPT_FILES"]) {
    const store = r2(binding);
    await store.delete(await keysIn(store));
  }
});

describe("adopting an R2 bucket", () => {
  it("serves everything in it at once, writes nothing to it, and is listed", async () => {
    await createBucket();
    await r2("ADOPT_PHOTOS").put("2024/a.jpg", "picture", { httpMetadata: { contentType: "image/jpeg" } });
    const before = await contents("ADOPT_PHOTOS", "STORE", "STORE_EU_WEST_1");
    expect(await adoption("photos", "ADOPT_PHOTOS")).toMatchObject({ status: 201 });
    expect(await contents("ADOPT_PHOTOS", "STORE", "STORE_EU_WEST_1")).toEqual(before);
    const read = await send({ bucket: "photos", key: "2024/a.jpg" });
    expect([read.status, read.headers.get("content-type"), await read.text()]).toEqual([200, "image/jpeg", "picture"]);
    expect(await listAdopted()).toMatchObject([{ name: "photos", binding: "ADOPT_PHOTOS" }]);
    expect(await (await send({})).text()).toContain("<Name>photos</Name>");
    const location = await send({ bucket: "photos", query: "location" });
    expect(await location.text()).toMatch(/<LocationConstraint[^>]*\/>/);
  });

  it("is for the root account only", async () => {
    for (const as of [await createAccount(), null]) {
      const answer = await admin("POST", "adoptions", { name: "photos", binding: "ADOPT_PHOTOS" }, { as });
      expect(answer.status).toBe(403);
      expect((await admin("DELETE", "adoptions/photos", undefined, { as })).status).toBe(403);
    }
    expect(await listAdopted()).toEqual([]);
  });

  it("gives it to the account that is named", async () => {
    const account = await createAccount();
    const { accountId } = account;
    await r2("ADOPT_PHOTOS").put("k", "content");
    const body = { name: "photos", binding: "ADOPT_PHOTOS", accountId };
    expect((await admin("POST", "adoptions", body)).status).toBe(201);
    expect(await (await send({ bucket: "photos", key: "k", as: account })).text()).toBe("content");
    expect(await admin("POST", "adoptions", { ...body, name: "files", accountId: "000000000000" })).toMatchObject(
      refusal("AlreadyAdopted"),
    );
    await r2("ADOPT_FILES").put("k", "content");
    const unknown = { name: "files", binding: "ADOPT_FILES", accountId: "000000000000" };
    expect(await admin("POST", "adoptions", unknown)).toMatchObject(refusal("NoSuchAccount", 404));
  });

  it.each([
    ["STORE", "RegionStore", 409],
    ["STORE_EU_WEST_1", "RegionStore", 409],
    ["STORE_ADOPT_X", "RegionStore", 409],
    ["DB", "InvalidRequest", 400],
    ["ADOPT_", "InvalidRequest", 400],
    ["adopt_photos", "InvalidRequest", 400],
    ["ADOPT_PHOTOS/..", "InvalidRequest", 400],
    ["__proto__", "InvalidRequest", 400],
    ["ADOPT_NOTHING", "NoSuchBinding", 404],
  ])("refuses the binding %s with %s", async (binding, code, status) => {
    expect(await adoption("photos", binding)).toMatchObject(refusal(code, status));
    expect(await listAdopted()).toEqual([]);
  });

  it.each([["ADOPT_STORE"], ["ADOPT_EU"]])(
    "refuses %s, which is a region's store, with RegionStore",
    async (binding) => {
      await createBucket();
      const eu =
        "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>";
      const created = await send({ method: "PUT", bucket: `eu-${Date.now()}`, body: eu });
      expect(created.status).toBe(200);
      expect(await adoption("photos", binding)).toMatchObject(refusal("RegionStore"));
    },
  );

  it("recognises a region's store without a marker in it", async () => {
    const store = r2("STORE");
    await store.put("anything", "x");
    for (const key of await keysIn(store)) if (key.startsWith("~m/")) await store.delete(key);
    expect(await adoption("photos", "ADOPT_STORE")).toMatchObject(refusal("RegionStore"));
  });

  it("refuses the store of another deployment, which has markers of its buckets", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k");
    const marker = (await r2("STORE").list({ prefix: "~m/" })).objects[0]?.key ?? "";
    const body = await r2("STORE").get(marker);
    await r2("ADOPT_FILES").put(marker, await (body as R2ObjectBody).arrayBuffer(), {
      customMetadata: body?.customMetadata ?? {},
    });
    expect(await adoption("files", "ADOPT_FILES")).toMatchObject(refusal("RegionStore"));
    // A key that only looks like one is a key.
    await r2("ADOPT_FILES").put(marker, "no marker", { customMetadata: { bucket: '{"v":1}' } });
    expect(await adoption("files", "ADOPT_FILES")).toMatchObject({ status: 201 });
  });

  it("refuses the same binding, and another one of the same R2 bucket, with AlreadyAdopted", async () => {
    await createBucket();
    await r2("ADOPT_PHOTOS").put("k", "content");
    expect((await adoption("photos", "ADOPT_PHOTOS")).status).toBe(201);
    expect(await adoption("photos2", "ADOPT_PHOTOS")).toMatchObject(refusal("AlreadyAdopted"));
    expect(await adoption("photos2", "ADOPT_PHOTOS_AGAIN")).toMatchObject(refusal("AlreadyAdopted"));
  });

  it("of two calls at the same time one gets the binding", async () => {
    await createBucket();
    await r2("ADOPT_FILES").put("k", "content");
    const both = await Promise.all(["one-of-two", "other-of-two"].map((name) => adoption(name, "ADOPT_FILES")));
    expect(both.map(({ status }) => status).sort()).toEqual([201, 409]);
  });

  it("of two calls at the same time for two bindings of one R2 bucket not both succeed", async () => {
    await createBucket();
    await r2("ADOPT_PHOTOS").put("k", "content");
    await Promise.all([adoption("one", "ADOPT_PHOTOS"), adoption("other", "ADOPT_PHOTOS_AGAIN")]);
    expect((await listAdopted()).length).toBeLessThan(2);
  });

  it("refuses a name that is in use or invalid", async () => {
    const bucket = await createBucket();
    await r2("ADOPT_PHOTOS").put("k", "content");
    expect(await adoption(bucket, "ADOPT_PHOTOS")).toMatchObject(refusal("BucketAlreadyExists"));
    for (const name of ["", "A", "a..b", "192.168.1.1", "cdn-cgi", "x".repeat(64)]) {
      expect(await adoption(name, "ADOPT_PHOTOS")).toMatchObject(refusal("InvalidRequest", 400));
    }
    expect(await listAdopted()).toEqual([]);
  });

  it("refuses an empty R2 bucket while a region's store is empty too: they may be the same", async () => {
    const store = r2("STORE_EU_WEST_1");
    for (let keys = await keysIn(store); keys.length > 0; keys = await keysIn(store)) await store.delete(keys);
    expect(await adoption("photos", "ADOPT_PHOTOS")).toMatchObject(refusal("CannotCompare"));
    expect(await adoption("photos", "ADOPT_EU")).toMatchObject(refusal("CannotCompare"));
  });

  it("leaves the regions as they are: no bucket is created in an ADOPT_ binding", async () => {
    const body =
      "<CreateBucketConfiguration><LocationConstraint>adopt-photos</LocationConstraint></CreateBucketConfiguration>";
    await send({ method: "PUT", bucket: `new-${Date.now()}`, body });
    const { results } = await testEnv.DB.prepare("SELECT region FROM buckets WHERE region LIKE 'ADOPT%'").all();
    expect(results).toEqual([]);
    expect(await keysIn(r2("ADOPT_PHOTOS"))).toEqual([]);
  });
});

describe("releasing a bucket", () => {
  it("forgets it and its settings, deletes nothing, and lets the name be used again", async () => {
    const name = await adopt("ADOPT_PHOTOS");
    await putObject(name, "k", "content");
    await send({ method: "PUT", bucket: name, query: "policy", body: JSON.stringify({ Statement: [] }) });
    const before = await contents("ADOPT_PHOTOS");
    await release(name);
    expect(await contents("ADOPT_PHOTOS")).toEqual(before);
    await expectError(await send({ bucket: name, key: "k" }), 404, "NoSuchBucket", { details: { BucketName: name } });
    const { results } = await testEnv.DB.prepare(
      "SELECT d.kind FROM bucket_documents d WHERE d.bucket_id NOT IN (SELECT id FROM buckets)",
    ).all();
    expect(results).toEqual([]);
    expect((await send({ method: "PUT", bucket: name })).status).toBe(200);
    expect((await send({ bucket: name, key: "k" })).status).toBe(404);
    await runSweeps(testEnv, new Date(Date.now() + 8 * 24 * 60 * 60 * 1000));
    expect(await contents("ADOPT_PHOTOS")).toEqual(before);
    const left = await testEnv.DB.prepare("SELECT 1 FROM deleted_buckets WHERE name = ?1").bind(name).all();
    expect(left.results).toEqual([]);
  });

  it("is refused for a bucket of the deployment and for a name that is no bucket's", async () => {
    const bucket = await createBucket();
    for (const name of [bucket, "nothing"]) {
      expect(await admin("DELETE", `adoptions/${name}`)).toMatchObject(refusal("NoSuchBucket", 404));
    }
    expect((await send({ method: "HEAD", bucket })).status).toBe(200);
  });

  it("is the only way to end it: DeleteBucket answers NotImplemented", async () => {
    const name = await adopt("ADOPT_PHOTOS");
    const answer = await send({ method: "DELETE", bucket: name });
    expect([answer.status, await answer.text()]).toEqual([501, expect.stringContaining("release")]);
  });
});
