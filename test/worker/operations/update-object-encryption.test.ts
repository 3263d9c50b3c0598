/**
 * UpdateObjectEncryption, on an R2 that checks the key of each call and changes the bytes by it: the simulator ignores keys.
 * Messages are those of API_UpdateObjectEncryption.
 */
import { describe, expect, it } from "vitest";
import type { Env } from "../../../src/env.ts";
import { createAccount, rootAccount } from "../../support/accounts.ts";
import { digestOf } from "../../support/acl.ts";
import { expectError } from "../../support/errors.ts";
import { callsToFail, failingEnv } from "../../support/failing-env.ts";
import { createUser } from "../../support/iam.ts";
import { customerKey, keyedEnv, keyHeaders } from "../../support/keyed-r2.ts";
import { createKmsKey, encryptionOf, idOf, kmsHeaders, setKmsStatus } from "../../support/kms.ts";
import { configureLifecycle, inDays as inDaysFromNow, passOver } from "../../support/lifecycle.ts";
import { concat, MIB, md5, noise, putMultipart } from "../../support/multipart.ts";
import { createLockedBucket, holdOf, inDays, putLock, retentionOf } from "../../support/object-lock.ts";
import { describeRefusals } from "../../support/refusals.ts";
import { putObject, type SendOptions, send, urlOf } from "../../support/request.ts";
import { createBucket, ROOT, testEnv } from "../../support/s3.ts";
import { signV2 } from "../../support/signer-v2.ts";
import { createVersionedBucket, putMarker, putVersion, setVersioning } from "../../support/versions.ts";

const { env, calls } = keyedEnv();
const { accountId } = await rootAccount();
const [FIRST, SECOND] = [await createKmsKey(), await createKmsKey()];
const HEADER = "x-amz-server-side-encryption";

const call = (options: SendOptions) => send({ key: "k", env, ...options });

function documentOf(inner: string): string {
  return `<ObjectEncryption xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${inner}</ObjectEncryption>`;
}

const withKey = (arn: string, more = "") => documentOf(`<SSE-KMS>${more}<KMSKeyArn>${arn}</KMSKeyArn></SSE-KMS>`);

/** @param options.versionId of the version to be updated */
async function update(
  bucket: string,
  body: string,
  { versionId, headers, ...more }: Partial<SendOptions> & { readonly versionId?: string } = {},
): Promise<Response> {
  const query = versionId === undefined ? "encryption" : `encryption&versionId=${versionId}`;
  return call({ method: "PUT", bucket, query, body, headers: { ...(await digestOf(body)), ...headers }, ...more });
}

async function updated(...parameters: Parameters<typeof update>): Promise<void> {
  const response = await update(...parameters);
  expect([response.status, await response.text()]).toEqual([200, ""]);
}

const shownAs = (arn: string) => ({ "": "aws:kms", "-aws-kms-key-id": arn });

/** Everything about an object that must not change: its bytes and all headers, except those of its encryption. */
async function stateOf(bucket: string, options: Partial<SendOptions> = {}) {
  const response = await call({ bucket, headers: { "x-amz-checksum-mode": "ENABLED" }, ...options });
  const headers = [...response.headers].filter(
    ([name]) => !name.startsWith(HEADER) && !/request-id|id-2|date/.test(name),
  );
  return { status: response.status, headers, md5: md5(await response.bytes()), encryption: encryptionOf(response) };
}

async function expectUpdated(bucket: string, change: () => Promise<void>, options: Partial<SendOptions> = {}) {
  const { encryption: _, ...before } = await stateOf(bucket, options);
  await change();
  const { encryption, ...after } = await stateOf(bucket, options);
  expect(after).toEqual(before);
  return encryption;
}

function isBlob({ r2Key }: { readonly r2Key: string }): boolean {
  return r2Key.startsWith("~b/");
}

describeRefusals("UpdateObjectEncryption", {
  method: "PUT",
  key: "k",
  query: "encryption",
  body: documentOf("<SSE-KMS/>"),
  success: 400,
});

describe("an object that only R2 encrypts", () => {
  const METADATA = { "content-type": "text/plain", "x-amz-meta-a": "b", "x-amz-tagging": "c=d" };

  it.each([
    ["empty", 0],
    ["small", 7],
    ["larger than 1 MiB", MIB + 3],
  ])("UpdateObjectEncryption encrypts one that is %s, and changes nothing else", async (_what, sizeBytes) => {
    const bucket = await createBucket();
    await putObject(bucket, "k", noise(sizeBytes, 3), { env, headers: METADATA });
    calls.length = 0;
    expect(await expectUpdated(bucket, () => updated(bucket, withKey(FIRST)))).toEqual(shownAs(FIRST));
    const blobs = calls.filter(isBlob);
    expect(new Set(blobs.map(({ key }) => key)).size).toBe(1);
    expect(blobs.every(({ key }) => key !== undefined)).toBe(true);
    await setKmsStatus(FIRST, "Disabled");
    expect((await call({ bucket })).status).toBe(400);
    await setKmsStatus(FIRST, "Enabled");
  });

  it("UpdateObjectEncryption of one in parts keeps its parts, and copies that share its bytes stay as they are", async () => {
    const bucket = await createBucket();
    const bodies = [noise(5 * MIB, 1), noise(9, 2)];
    await putMultipart({ bucket, key: "k" }, bodies);
    await call({ method: "PUT", bucket, key: "copy", headers: { "x-amz-copy-source": `${bucket}/k` } });
    const part = { query: "partNumber=2" };
    const before = await stateOf(bucket, part);
    expect(await expectUpdated(bucket, () => updated(bucket, withKey(FIRST)))).toEqual(shownAs(FIRST));
    expect(await stateOf(bucket, part)).toEqual({ ...before, encryption: shownAs(FIRST) });
    expect(await stateOf(bucket, { key: "copy" })).toMatchObject({
      md5: md5(concat(bodies)),
      encryption: { "": "AES256" },
    });
  });

  it("UpdateObjectEncryption changes the version that is named, or the current one", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "null version");
    await setVersioning(bucket, "Enabled");
    const first = await putVersion(bucket, "k", "first");
    const second = await putVersion(bucket, "k", "second");
    const encryptions = async () => {
      const versions = await Promise.all(
        ["null", first, second].map((id) => call({ bucket, query: `versionId=${id}` })),
      );
      expect(await Promise.all(versions.map((version) => version.text()))).toEqual(["null version", "first", "second"]);
      return versions.map((version) => encryptionOf(version)["-aws-kms-key-id"]);
    };
    await updated(bucket, withKey(FIRST), { versionId: first });
    expect(await encryptions()).toEqual([undefined, FIRST, undefined]);
    await updated(bucket, withKey(SECOND));
    expect(await encryptions()).toEqual([undefined, FIRST, SECOND]);
    await updated(bucket, withKey(SECOND), { versionId: "null" });
    expect(await encryptions()).toEqual([SECOND, FIRST, SECOND]);
    const listed = await (await call({ bucket, key: "", query: "versions" })).text();
    expect(listed.match(/<Version>/g)).toHaveLength(3);
  });
});

describe("an object under SSE-KMS", () => {
  it("UpdateObjectEncryption seals its data key again, without moving a byte, and keeps its context", async () => {
    const bucket = await createBucket();
    const context = Buffer.from(JSON.stringify({ department: "10103.0" })).toString("base64");
    await putObject(bucket, "k", noise(MIB + 1), { env, headers: kmsHeaders(FIRST, { context }) });
    await call({ method: "PUT", bucket, query: "annotation&annotationName=n", body: "note" });
    calls.length = 0;
    const flag = "<BucketKeyEnabled>true</BucketKeyEnabled>";
    await updated(bucket, withKey(SECOND, flag));
    expect(calls.filter(isBlob)).toEqual([]);
    await setKmsStatus(FIRST, "Disabled");
    const { encryption, md5: digest } = await stateOf(bucket);
    expect([encryption, digest]).toEqual([{ ...shownAs(SECOND), "-bucket-key-enabled": "true" }, md5(noise(MIB + 1))]);
    const note = await call({ bucket, query: "annotation&annotationName=n" });
    expect(await note.text()).toBe("note");
    // Without the flag there is no bucket key.
    expect(await expectUpdated(bucket, () => updated(bucket, withKey(SECOND)))).toEqual(shownAs(SECOND));
    await setKmsStatus(FIRST, "Enabled");
  });

  it("UpdateObjectEncryption needs both keys: KMS.DisabledException", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "content", { env, headers: kmsHeaders(FIRST) });
    for (const disabled of [FIRST, SECOND]) {
      await setKmsStatus(disabled, "Disabled");
      const message = `${disabled} is disabled.`;
      await expectError(await update(bucket, withKey(SECOND)), 400, "KMS.DisabledException", { message });
      await setKmsStatus(disabled, "Enabled");
    }
    expect(await stateOf(bucket)).toMatchObject({ md5: md5("content"), encryption: shownAs(FIRST) });
  });
});

describe("annotations", () => {
  const annotation = (method: string, bucket: string, name: string, more: Partial<SendOptions> = {}) =>
    call({ method, bucket, query: `annotation&annotationName=${name}`, ...more });
  const textOf = async (bucket: string, name: string) => {
    const response = await annotation("GET", bucket, name);
    return response.status === 200 ? response.text() : response.status;
  };

  it("UpdateObjectEncryption encrypts those of the version, also of one that is not the current one", async () => {
    const bucket = await createVersionedBucket();
    const first = await putVersion(bucket, "k", "first");
    for (const name of ["a", "b"]) await annotation("PUT", bucket, name, { body: name });
    await putVersion(bucket, "k", "second");
    calls.length = 0;
    await updated(bucket, withKey(FIRST), { versionId: first });
    const put = calls.filter((each) => isBlob(each) && each.method === "put");
    expect(put).toHaveLength(3);
    expect(put.every(({ key }) => key !== undefined)).toBe(true);
    for (const name of ["a", "b"]) {
      const query = `annotation&annotationName=${name}&versionId=${first}`;
      expect(await (await call({ bucket, query })).text()).toBe(name);
    }
  });

  it.each(["before", "after"] as const)(
    "UpdateObjectEncryption loses none that is put, and keeps none that is deleted, just %s its entry is put",
    async (when) => {
      const bucket = await createBucket();
      await putObject(bucket, "k", "content", { env });
      for (const name of ["changed", "deleted", "kept"]) await annotation("PUT", bucket, name, { body: "old" });
      const meanwhile = async () => {
        await annotation("PUT", bucket, "changed", { body: "new" });
        await annotation("PUT", bucket, "added", { body: "new" });
        await annotation("DELETE", bucket, "deleted");
      };
      await updated(bucket, withKey(FIRST), {
        env: interruptedEnv({ method: "put", of: "entry", when, change: meanwhile }),
      });
      const texts = await Promise.all(["changed", "added", "deleted", "kept"].map((name) => textOf(bucket, name)));
      expect(texts).toEqual(["new", "new", 404, "old"]);
    },
  );

  it("PutObjectAnnotation and DeleteObjectAnnotation change them also if they are encrypted meanwhile", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "content", { env });
    for (const name of ["changed", "deleted"]) await annotation("PUT", bucket, name, { body: "old" });
    const during = (method: "put" | "delete", change: () => Promise<void>) =>
      interruptedEnv({ method, of: "blob", when: "before", change });
    const encrypt = () => updated(bucket, withKey(FIRST));
    const putting = await annotation("PUT", bucket, "changed", { body: "new", env: during("put", encrypt) });
    expect(putting.status).toBe(200);
    expect(await textOf(bucket, "changed")).toBe("new");

    const other = await createBucket();
    await putObject(other, "k", "content", { env });
    await annotation("PUT", other, "deleted", { body: "old" });
    const encryptOther = () => updated(other, withKey(FIRST));
    const deleting = await annotation("DELETE", other, "deleted", { env: during("delete", encryptOther) });
    expect(deleting.status).toBe(204);
    expect(await textOf(other, "deleted")).toBe(404);
  });
});

interface Interruption {
  readonly method: "put" | "delete";
  readonly of: "blob" | "entry";
  readonly when: "before" | "after";
  readonly change: () => Promise<void>;
}

/** Makes a change once, at the first such call. */
function interruptedEnv({ method, of, when, change }: Interruption): Env {
  let isDone = false;
  const STORE = new Proxy(env.STORE, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return async (...parameters: unknown[]) => {
        const r2Key = String(parameters[0]);
        const isMeant = !isDone && name === method && isBlob({ r2Key }) === (of === "blob");
        if (isMeant) isDone = true;
        if (isMeant && when === "before") await change();
        const result: unknown = await Reflect.apply(value, target, parameters);
        if (isMeant && when === "after") await change();
        return result;
      };
    },
  });
  return { ...env, STORE };
}

describe("what happens to the object meanwhile", () => {
  const meanwhile = (change: () => Promise<void>) => ({
    env: interruptedEnv({ method: "put", of: "entry", when: "before", change }),
  });

  it.each([
    ["a plain object", {}],
    ["an object under another key", kmsHeaders(FIRST)],
  ])("UpdateObjectEncryption applies to the write that has come first: of %s", async (_what, headers) => {
    const bucket = await createBucket();
    await putObject(bucket, "k", noise(MIB + 1), { env, headers });
    const change = async () => void (await putObject(bucket, "k", "newer", { env }));
    await updated(bucket, withKey(SECOND), meanwhile(change));
    expect(await stateOf(bucket)).toMatchObject({ md5: md5("newer"), encryption: shownAs(SECOND) });
  });

  it("UpdateObjectEncryption keeps new tags, and moves the bytes only once", async () => {
    const bucket = await createVersionedBucket();
    await putObject(bucket, "k", noise(MIB + 1), { env });
    const body = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    const change = async () =>
      void (await call({ method: "PUT", bucket, query: "tagging", body, headers: await digestOf(body) }));
    calls.length = 0;
    await updated(bucket, withKey(FIRST), meanwhile(change));
    const encrypted = calls.filter((each) => isBlob(each) && each.method === "put" && each.key !== undefined);
    expect(encrypted).toHaveLength(1);
    expect(await (await call({ bucket, query: "tagging" })).text()).toContain("<Value>b</Value>");
    expect(await stateOf(bucket)).toMatchObject({ md5: md5(noise(MIB + 1)), encryption: shownAs(FIRST) });
  });

  describe("its transition by a lifecycle rule", () => {
    const RULE = "<Filter/><Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>";

    /** The store, and the class that each blob was put with. */
    function classedStore(store: R2Bucket) {
      const classes: (string | undefined)[] = [];
      const STORE = new Proxy(store, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name);
          if (typeof value !== "function") return value;
          return (...parameters: unknown[]) => {
            const [r2Key, , options] = parameters as [string, unknown, R2PutOptions | undefined];
            if (name === "put" && isBlob({ r2Key })) classes.push(options?.storageClass);
            return Reflect.apply(value, target, parameters);
          };
        },
      });
      return { classes, STORE };
    }

    it("UpdateObjectEncryption puts the bytes into the class that the object has by then", async () => {
      const bucket = await createVersionedBucket();
      await putObject(bucket, "k", noise(MIB + 1), { env });
      await configureLifecycle(bucket, RULE);
      const change = async () => void (await passOver(bucket, inDaysFromNow(31), { env }));
      const { classes, STORE } = classedStore(meanwhile(change).env.STORE);
      await updated(bucket, withKey(FIRST), { env: { ...env, STORE } });
      const { headers, encryption } = await stateOf(bucket);
      expect(headers).toContainEqual(["x-amz-storage-class", "STANDARD_IA"]);
      expect([classes, encryption]).toEqual([[undefined, "InfrequentAccess"], shownAs(FIRST)]);
    });

    it("leaves the object to the next pass if it has new blobs, which have not been moved", async () => {
      const bucket = await createVersionedBucket();
      await putObject(bucket, "k", noise(MIB + 1), { env });
      await configureLifecycle(bucket, RULE);
      const change = () => updated(bucket, withKey(FIRST));
      const interrupted = interruptedEnv({ method: "put", of: "entry", when: "before", change });
      expect(await passOver(bucket, inDaysFromNow(31), { env: interrupted })).toMatchObject({
        transitioned: 0,
        changed: 1,
      });
      expect((await stateOf(bucket)).headers).not.toContainEqual(["x-amz-storage-class", "STANDARD_IA"]);
      expect(await passOver(bucket, inDaysFromNow(31), { env })).toMatchObject({ transitioned: 1 });
      expect(await stateOf(bucket)).toMatchObject({ md5: md5(noise(MIB + 1)), encryption: shownAs(FIRST) });
    });
  });

  it("UpdateObjectEncryption of an object that is deleted: NoSuchKey, and of a version: NoSuchVersion", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "content", { env });
    const remove = async () => void (await call({ method: "DELETE", bucket }));
    const absent = { details: { Key: "k" } };
    await expectError(await update(bucket, withKey(FIRST), meanwhile(remove)), 404, "NoSuchKey", absent);
    expect((await call({ bucket })).status).toBe(404);

    await setVersioning(bucket, "Enabled");
    const versionId = await putVersion(bucket, "k", "first");
    await putVersion(bucket, "k", "second");
    const query = `versionId=${versionId}`;
    const removeVersion = async () => void (await call({ method: "DELETE", bucket, query }));
    const answer = await update(bucket, withKey(FIRST), { versionId, ...meanwhile(removeVersion) });
    await expectError(answer, 404, "NoSuchVersion", { details: { Key: "k", VersionId: versionId } });
    expect((await call({ bucket, query })).status).toBe(404);
  });

  it("UpdateObjectEncryption of an object that is locked: AccessDenied", async () => {
    const bucket = await createLockedBucket();
    const versionId = await putVersion(bucket, "k", "content");
    const lock = { bucket, key: "k", versionId, body: holdOf("ON") };
    const change = async () => void (await putLock("legal-hold", lock));
    await expectError(await update(bucket, withKey(FIRST), meanwhile(change)), 403, "AccessDenied", {
      message: LOCKED,
    });
    expect(await stateOf(bucket)).toMatchObject({ md5: md5("content"), encryption: { "": "AES256" } });
  });
});

const LOCKED = /^The encryption type for the specified object can’t be updated because that object is protected/;

describe("UpdateObjectEncryption is refused", () => {
  const NO_TYPE =
    "Requests that modify an object encryption configuration require a valid new encryption type. Valid values are SSEKMS. Modify the request to specify SSE-KMS for the updated encryption type, and then try again.";
  const OTHER_TYPE =
    "The UpdateObjectEncryption operation doesn't support updating the encryption type to DSSE-KMS or SSE-C. Modify the request to specify SSE-KMS for the updated encryption type, and then try again.";
  const NO_ARN =
    "Requests that modify an object's encryption type to SSE-KMS require an AWS KMS key Amazon Resource Name (ARN). Modify the request to specify a KMS key ARN, and then try again.";
  const BAD_ARN =
    "Requests that modify an object's encryption type to SSE-KMS require a valid AWS KMS key Amazon Resource Name (ARN). Confirm that you have a correctly formatted KMS key ARN in your request, and then try again.";
  const BAD_FLAG =
    "The BucketKeyEnabled value isn't valid. Valid values are true or false. Modify the request to specify a valid value, and then try again.";
  const made = (async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "content", { env });
    return bucket;
  })();

  it.each([
    ["no encryption", documentOf(""), NO_TYPE],
    ["SSE-S3", documentOf("<SSE-S3/>"), NO_TYPE],
    ["SSE-C", documentOf("<SSE-C/>"), OTHER_TYPE],
    ["DSSE-KMS", documentOf("<DSSE-KMS/>"), OTHER_TYPE],
    ["no key", documentOf("<SSE-KMS/>"), NO_ARN],
    ["the id of a key", withKey(idOf(FIRST)), BAD_ARN],
    ["an alias", withKey(`arn:aws:kms:us-east-1:${accountId}:alias/aws/s3`), BAD_ARN],
    ["a flag that is none", withKey(FIRST, "<BucketKeyEnabled>TRUE</BucketKeyEnabled>"), BAD_FLAG],
  ])("with %s: InvalidRequest", async (_what, body, message) => {
    await expectError(await update(await made, body), 400, "InvalidRequest", { message });
  });

  it.each([
    ["no XML", "x"],
    ["another root", "<ServerSideEncryption/>"],
    ["two encryptions", documentOf("<SSE-KMS/><SSE-S3/>")],
    ["unknown elements", documentOf("<SSE-KMS><Key/></SSE-KMS>")],
  ])("for a document with %s: MalformedXML", async (_what, body) => {
    await expectError(await update(await made, body), 400, "MalformedXML");
  });

  it("with a key of another account than the bucket's: AccessDenied", async () => {
    const other = await createAccount();
    const message =
      "The AWS KMS key in the request must be owned by the same account as the bucket. Modify the request to specify a KMS key from the same account, and then try again.";
    const foreign = await createKmsKey(other.accountId);
    await expectError(await update(await made, withKey(foreign)), 403, "AccessDenied", { message });
  });

  it("with a key that does not exist: KMS.NotFoundException", async () => {
    const absent = `arn:aws:kms:us-east-1:${accountId}:key/134f2428-cec1-4b25-a1ae-9048164dba47`;
    const message = `Key '${absent}' does not exist`;
    await expectError(await update(await made, withKey(absent)), 400, "KMS.NotFoundException", { message });
  });

  it("for an object with a customer's key: InvalidRequest", async () => {
    const bucket = await createBucket();
    const key = customerKey(3);
    await putObject(bucket, "k", "content", { env, headers: keyHeaders(key) });
    const message =
      "The UpdateObjectEncryption operation doesn't support source objects with the encryption type DSSE-KMS or SSE-C. Only source objects encrypted with SSE-S3 or SSE-KMS are supported.";
    await expectError(await update(bucket, withKey(FIRST)), 400, "InvalidRequest", { message });
    expect(await (await call({ bucket, headers: keyHeaders(key) })).text()).toBe("content");
  });

  it("for more than 5 GiB without a data key: InvalidRequest. With one, any size is sealed again", async () => {
    const bucket = await createVersionedBucket();
    const row = testEnv.DB.prepare("SELECT id FROM buckets WHERE name = ?1").bind(bucket);
    const { id } = (await row.first<{ id: string }>()) ?? { id: "" };
    const outcomes: unknown[] = [];
    for (const headers of [{}, kmsHeaders(FIRST)]) {
      await putObject(bucket, "k", noise(MIB + 1), { env, headers });
      const found = await testEnv.STORE.get(`${id}/k`);
      const record = JSON.parse(found?.customMetadata?.["s3"] ?? "{}");
      const customMetadata = { s3: JSON.stringify({ ...record, f: { ...record.f, n: 5 * 1024 ** 3 + 1 } }) };
      await testEnv.STORE.put(`${id}/k`, (await found?.bytes()) ?? null, { customMetadata });
      const answer = await update(bucket, withKey(SECOND));
      outcomes.push([answer.status, /<Message>(.*)<\/Message>/.exec(await answer.text())?.[1]]);
    }
    const message = "The encryption of an object that has no key of its own can be updated up to a size of 5368709120.";
    expect(outcomes).toEqual([
      [400, message],
      [200, undefined],
    ]);
    expect(encryptionOf(await call({ method: "HEAD", bucket }))).toEqual(shownAs(SECOND));
  });

  it("without Signature Version 4: InvalidRequest", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "content", { env });
    const body = withKey(FIRST);
    // Version 2 cannot sign the parameter.
    const digest = Buffer.from(md5(body), "hex").toString("base64");
    const url = `${urlOf({ bucket, key: "k" })}?encryption`;
    const headers = signV2(ROOT, { method: "PUT", url, headers: { "content-md5": digest } });
    await expectError(await update(bucket, body, { as: null, headers }), 400, "InvalidRequest", {
      message: "Signature Version 2 does not sign the query parameter encryption. Please use AWS4-HMAC-SHA256.",
    });
    const Statement = {
      Effect: "Allow",
      Principal: "*",
      Action: "s3:UpdateObjectEncryption",
      Resource: `arn:aws:s3:::${bucket}/*`,
    };
    const policy = JSON.stringify({ Version: "2012-10-17", Statement });
    const put = await send({ method: "PUT", bucket, query: "policy", body: policy, headers: await digestOf(policy) });
    expect(put.status).toBe(204);
    await expectError(await update(bucket, body, { as: null }), 400, "InvalidRequest", {
      message:
        "Requests that modify an object encryption configuration require AWS Signature Version 4. Modify the request to use AWS Signature Version 4, and then try again.",
    });
    // Every account may change it by this policy, with a key of the bucket's account only, which it may not use.
    const other = await createAccount();
    const answer = await update(bucket, body, { as: other });
    expect([answer.status, await answer.text()]).toEqual([403, expect.stringContaining("no resource-based policy")]);
    expect(await stateOf(bucket)).toMatchObject({ md5: md5("content"), encryption: { "": "AES256" } });
  });

  it.each([
    ["governance", "retention", retentionOf("GOVERNANCE", inDays(1))],
    ["compliance", "retention", retentionOf("COMPLIANCE", inDays(1))],
    ["a legal hold", "legal-hold", holdOf("ON")],
  ] as const)("for a version under %s: AccessDenied", async (_what, kind, body) => {
    const bucket = await createLockedBucket();
    const versionId = await putVersion(bucket, "k", "content");
    await putLock(kind, { bucket, key: "k", versionId, body });
    const headers = { "x-amz-bypass-governance-retention": "true" };
    const answer = await update(bucket, withKey(FIRST), { versionId, headers });
    await expectError(answer, 403, "AccessDenied", { message: LOCKED });
    expect(await stateOf(bucket)).toMatchObject({ md5: md5("content"), encryption: { "": "AES256" } });
  });

  it("for what does not exist: NoSuchKey, NoSuchVersion; for a delete marker MethodNotAllowed", async () => {
    const bucket = await createVersionedBucket();
    const versionId = await putVersion(bucket, "other", "content");
    const body = withKey(FIRST);
    await expectError(await update(bucket, body), 404, "NoSuchKey", { details: { Key: "k" } });
    await expectError(await update(bucket, body, { versionId }), 404, "NoSuchVersion", {
      details: { Key: "k", VersionId: versionId },
    });
    const marker = await putMarker(bucket, "k");
    for (const named of [undefined, marker]) {
      const answer = await update(bucket, body, named === undefined ? {} : { versionId: named });
      expect([answer.status, await answer.text()]).toEqual([405, expect.stringContaining("MethodNotAllowed")]);
    }
  });
});

describe("the permissions that UpdateObjectEncryption needs", () => {
  const NEEDED = ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:ReEncrypt*"];
  const allow = (Action: string | string[], Resource = "*") => ({ Effect: "Allow", Action, Resource });

  it("are s3:UpdateObjectEncryption and those for the keys, each of them", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "content", { env });
    const s3 = allow("s3:UpdateObjectEncryption", `arn:aws:s3:::${bucket}/k`);
    for (const missing of NEEDED) {
      const { key } = await createUser([s3, allow(NEEDED.filter((each) => each !== missing))]);
      const answer = await update(bucket, withKey(FIRST), { as: key });
      expect([missing, answer.status, await answer.text()]).toEqual([
        missing,
        403,
        expect.stringMatching(new RegExp(`is not authorized to perform: ${missing.replace("*", "To")} on`)),
      ]);
    }
    const onlyKeys = await createUser([allow(["s3:PutObject", ...NEEDED])]);
    await expectError(await update(bucket, withKey(FIRST), { as: onlyKeys.key }), 403, "AccessDenied");
    const first = await createUser([s3, allow(NEEDED, FIRST)]);
    await updated(bucket, withKey(FIRST), { as: first.key });
    // Of the key that is given up, too.
    const second = await createUser([s3, allow(NEEDED, SECOND)]);
    const refused = await update(bucket, withKey(SECOND), { as: second.key });
    expect([refused.status, await refused.text()]).toEqual([
      403,
      expect.stringContaining("kms:ReEncryptFrom on resource"),
    ]);
    const both = await createUser([s3, allow(NEEDED, FIRST), allow(NEEDED, SECOND)]);
    await updated(bucket, withKey(SECOND), { as: both.key });
    expect(encryptionOf(await call({ method: "HEAD", bucket }))).toEqual(shownAs(SECOND));
  });
});

describe("UpdateObjectEncryption with a failing call", () => {
  it.each([
    ["before", "once"],
    ["after", "once"],
    ["before", "permanently"],
    ["after", "permanently"],
  ] as const)(
    "leaves the whole object under its old or its new encryption, any call failing %s it is made, %s",
    async (when, lasting) => {
      const attempt = async (at: number) => {
        const bucket = at % 2 === 0 ? await createBucket() : await createVersionedBucket();
        await putObject(bucket, "k", "content", { env });
        await call({ method: "PUT", bucket, query: "annotation&annotationName=n", body: "note" });
        const failing = failingEnv(env, at === 0 ? undefined : { at, when, lasting });
        const response = await update(bucket, withKey(FIRST), { env: failing.env }).catch(() => undefined);
        await response?.body?.cancel();
        const { md5: digest, encryption } = await stateOf(bucket);
        expect([{ "": "AES256" }, shownAs(FIRST)]).toContainEqual(encryption);
        if (response?.status === 200) expect(encryption).toEqual(shownAs(FIRST));
        const note = () => call({ bucket, query: "annotation&annotationName=n" });
        expect([digest, await (await note()).text()]).toEqual([md5("content"), "note"]);
        await updated(bucket, withKey(SECOND));
        expect(await stateOf(bucket)).toMatchObject({ md5: md5("content"), encryption: shownAs(SECOND) });
        expect(await (await note()).text()).toBe("note");
        return failing.calls();
      };
      const all = await attempt(0);
      await Promise.all(callsToFail(all, { when, lasting }).map(attempt));
    },
  );
});
