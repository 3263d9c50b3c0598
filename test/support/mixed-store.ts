/** A store after operations of every kind, which are all as they should be. */
import type { Env } from "../../src/env.ts";
import { digestOf } from "./acl.ts";
import { contentMd5 } from "./cors.ts";
import { customerKey, keyHeaders } from "./keyed-r2.ts";
import { createKmsKey, kmsHeaders } from "./kms.ts";
import { configureLifecycle, inDays, passOver } from "./lifecycle.ts";
import { checksumOf, completionDocument, MIB, noise, type Part } from "./multipart.ts";
import { inDays as dateInDays, holdOf, retentionOf } from "./object-lock.ts";
import { type SendOptions, send } from "./request.ts";
import { createBucket } from "./s3.ts";
import { setVersioning } from "./versions.ts";
import { runSweeps } from "./worker.ts";

const CUSTOMER_KEY = keyHeaders(customerKey(7));
const LARGE = noise(MIB + 1, 3);
const PARTS = [noise(1000, 2)];
/** Of the uploads that need more than one. */
const TWO_PARTS = [noise(5 * MIB, 1), noise(1000, 2)];
const LONG_KEY = `long/${"ä".repeat(480)}/${"z".repeat(50)}`;

export interface MixedStore {
  readonly plain: string;
  readonly versioned: string;
  readonly suspended: string;
  readonly locked: string;
}

interface Upload {
  readonly headers?: Record<string, string>;
  /** Headers of each part and of the completion. */
  readonly part?: Record<string, string>;
  readonly bodies?: readonly Uint8Array[];
}

/** Sends requests that must be accepted. */
class Client {
  readonly #env: Env;

  constructor(env: Env) {
    this.#env = env;
  }

  async send(options: SendOptions): Promise<Response> {
    const response = await send({ env: this.#env, ...options });
    if (response.status < 300) return response;
    throw new Error(`${options.method} ${options.key} ${options.query}: ${response.status} ${await response.text()}`);
  }

  async put(
    bucket: string,
    key: string,
    body: string | Uint8Array,
    headers: Record<string, string> = {},
  ): Promise<string> {
    const response = await this.send({ method: "PUT", bucket, key, body, headers });
    return response.headers.get("x-amz-version-id") ?? "";
  }

  async remove(bucket: string, key: string, options: SendOptions = {}): Promise<void> {
    await this.send({ ...options, method: "DELETE", bucket, key });
  }

  async copy(bucket: string, key: string, source: string, headers: Record<string, string> = {}): Promise<void> {
    await this.send({ method: "PUT", bucket, key, headers: { "x-amz-copy-source": source, ...headers } });
  }

  async document(bucket: string, key: string, query: string, body: string): Promise<void> {
    await this.send({ method: "PUT", bucket, key, query, body, headers: await digestOf(body) });
  }

  /** An upload with some of its parts sent. */
  async begin(bucket: string, key: string, { headers = {}, part = {}, bodies = PARTS }: Upload = {}) {
    const created = await this.send({ method: "POST", bucket, key, query: "uploads", headers });
    const uploadId = /<UploadId>([^<]+)</.exec(await created.text())?.[1] ?? "";
    const algorithm = headers["x-amz-checksum-algorithm"];
    const parts: Part[] = [];
    for (const [index, body] of bodies.entries()) {
      const checksum = algorithm === undefined ? "" : await checksumOf(algorithm, body);
      const digest = algorithm === undefined ? {} : { [`x-amz-checksum-${algorithm.toLowerCase()}`]: checksum };
      const query = `partNumber=${index + 1}&uploadId=${uploadId}`;
      const sent = { "x-amz-content-sha256": "UNSIGNED-PAYLOAD", ...part, ...digest };
      const answer = await this.send({ method: "PUT", bucket, key, query, body, headers: sent });
      const etag = (answer.headers.get("etag") ?? "").replaceAll('"', "");
      const checksums = algorithm === undefined ? {} : { [`Checksum${algorithm}`]: checksum };
      parts.push({ partNumber: index + 1, etag, checksums });
    }
    return { uploadId, parts };
  }

  async upload(bucket: string, key: string, upload: Upload = {}) {
    const { uploadId, parts } = await this.begin(bucket, key, upload);
    const query = `uploadId=${uploadId}`;
    await this.send({
      method: "POST",
      bucket,
      key,
      query,
      body: completionDocument(parts),
      headers: upload.part ?? {},
    });
  }
}

/** @param env with a store that encrypts by keys */
export async function mixStore(env: Env): Promise<MixedStore> {
  const client = new Client(env);
  const create = (headers: Record<string, string> = {}) => createBucket({ env, headers });
  const plain = await create();
  const versioned = await create();
  const suspended = await create();
  const locked = await create({ "x-amz-bucket-object-lock-enabled": "true" });
  await writePlain(client, plain);
  await writeUploads(client, plain, suspended);
  await writeEncrypted(client, plain);
  await client.put(suspended, "null", "before versioning");
  await client.put(suspended, "large", LARGE);
  for (const bucket of [versioned, suspended]) await setVersioning(bucket, "Enabled", { env });
  await writeVersions(client, versioned);
  await client.put(suspended, "null", "after");
  await client.put(suspended, "large", "after");
  await setVersioning(suspended, "Suspended", { env });
  for (const text of ["null again", "and again"]) await client.put(suspended, "null", text);
  await client.remove(suspended, "null");
  await client.remove(suspended, "large", { query: "versionId=null" });
  await writeLocked(client, locked);
  await expire(client, plain, env);
  const deleted = await create();
  await client.begin(deleted, "never completed");
  await client.send({ method: "DELETE", bucket: deleted });
  const gone = await create();
  await client.put(gone, "k", "removed by condition");
  await client.remove(gone, "k", { headers: { "if-match": "*" } });
  await client.send({ method: "DELETE", bucket: gone });
  await runSweeps(env, new Date());
  return { plain, versioned, suspended, locked };
}

async function writePlain(client: Client, bucket: string): Promise<void> {
  await client.put(bucket, "inline", "content", { "x-amz-meta-a": "ü", "x-amz-tagging": "a=b", expires: "soon" });
  await client.put(bucket, "empty", "");
  await client.put(bucket, "public", "content", { "x-amz-website-redirect-location": "/other" });
  await client.put(bucket, "class", "content", { "x-amz-storage-class": "STANDARD_IA" });
  await client.put(bucket, "large", LARGE);
  await client.put(bucket, "large-class", LARGE, { "x-amz-storage-class": "STANDARD_IA" });
  await client.put(bucket, "checked", "content", { "x-amz-checksum-sha256": await checksumOf("SHA256", "content") });
  await client.put(bucket, LONG_KEY, "content");
  await client.put(bucket, "a/../b//c !", "content");
  await client.document(
    bucket,
    "large",
    "tagging",
    "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>",
  );
  await client.document(bucket, "inline", "tagging", "<Tagging><TagSet/></Tagging>");
  await client.put(bucket, "overwritten", LARGE, { "x-amz-storage-class": "STANDARD_IA" });
  await client.put(bucket, "overwritten", "short");
  await client.put(bucket, "removed", "content");
  await client.remove(bucket, "removed", { headers: { "if-match": "*" } });
  await client.copy(bucket, "inline-copy", `/${bucket}/inline`);
  await client.copy(bucket, "class", `/${bucket}/class`, { "x-amz-storage-class": "STANDARD" });
  for (const name of ["one", "two"]) {
    await client.send({ method: "PUT", bucket, key: "inline", query: `annotation&annotationName=${name}`, body: name });
  }
  await client.copy(bucket, "annotated-copy", `/${bucket}/inline`);
  await client.send({ method: "DELETE", bucket, key: "inline", query: "annotation&annotationName=two" });
  await client.put(bucket, "to-rename", "content");
  await rename(client, bucket, "renamed", "to-rename");
}

const rename = (client: Client, bucket: string, key: string, source: string) =>
  client.send({ method: "PUT", bucket, key, query: "renameObject", headers: { "x-amz-rename-source": source } });

async function writeUploads(client: Client, bucket: string, other: string): Promise<void> {
  await client.upload(bucket, "upload");
  await client.upload(bucket, "upload-crc32", { headers: { "x-amz-checksum-algorithm": "CRC32" }, bodies: TWO_PARTS });
  const full = { "x-amz-checksum-algorithm": "CRC64NVME", "x-amz-checksum-type": "FULL_OBJECT" };
  await client.upload(bucket, "upload-crc64", { headers: full, bodies: TWO_PARTS });
  await client.upload(bucket, "upload-class", { headers: { "x-amz-storage-class": "STANDARD_IA" } });
  await client.copy(bucket, "upload-copy", `/${bucket}/upload`);
  await client.copy(other, "upload-copy", `/${bucket}/upload-crc32`);
  await client.copy(bucket, "source-deleted", `/${bucket}/upload-crc64`);
  await client.remove(bucket, "upload-crc64");
  await rename(client, bucket, "upload-renamed", "upload");
  const aborted = await client.begin(bucket, "aborted");
  await client.send({ method: "DELETE", bucket, key: "aborted", query: `uploadId=${aborted.uploadId}` });
  const open = await client.begin(bucket, "open");
  const again = `partNumber=1&uploadId=${open.uploadId}`;
  await client.send({ method: "PUT", bucket, key: "open", query: again, body: "another part" });
}

async function writeEncrypted(client: Client, bucket: string): Promise<void> {
  await client.put(bucket, "sse-c", "content", CUSTOMER_KEY);
  await client.upload(bucket, "sse-c-upload", { headers: CUSTOMER_KEY, part: CUSTOMER_KEY });
  const kmsKey = await createKmsKey();
  await client.put(bucket, "kms", "content", kmsHeaders(kmsKey));
  await client.put(bucket, "kms-default", LARGE, kmsHeaders());
  const context = Buffer.from(JSON.stringify({ a: "b" })).toString("base64");
  await client.put(bucket, "kms-context", "content", kmsHeaders(kmsKey, { context }));
  await client.upload(bucket, "kms-upload", {
    headers: { ...kmsHeaders(kmsKey), "x-amz-checksum-algorithm": "SHA256" },
    bodies: TWO_PARTS,
  });
  await client.copy(bucket, "kms-copy", `/${bucket}/kms-upload`, kmsHeaders(kmsKey));
  await client.copy(bucket, "kms-plain-copy", `/${bucket}/kms`, { "x-amz-server-side-encryption": "AES256" });
  await client.send({ method: "PUT", bucket, key: "kms", query: "annotation&annotationName=n", body: "encrypted" });
  await rename(client, bucket, "kms-renamed", "kms");
}

async function writeVersions(client: Client, bucket: string): Promise<void> {
  const ids: string[] = [];
  for (const text of ["one", "two", "three", "four"]) ids.push(await client.put(bucket, "k", text));
  await client.remove(bucket, "k");
  await client.put(bucket, "k", LARGE);
  await client.remove(bucket, "k", { query: `versionId=${ids[1]}` });
  await client.put(bucket, "restored", "one");
  const latest = await client.put(bucket, "restored", "two");
  await client.remove(bucket, "restored", { query: `versionId=${latest}` });
  const only = await client.put(bucket, "all deleted", "one");
  await client.remove(bucket, "all deleted", { query: `versionId=${only}` });
  await client.remove(bucket, "marker only");
  await client.upload(bucket, "upload");
  await client.upload(bucket, "upload");
  await client.copy(bucket, "copy", `/${bucket}/upload`);
  await client.put(bucket, "upload", "inline");
  const query = `tagging&versionId=${ids[0]}`;
  await client.document(
    bucket,
    "k",
    query,
    "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>",
  );
  for (const text of ["one", "two"]) await client.put(bucket, LONG_KEY, text);
}

async function writeLocked(client: Client, bucket: string): Promise<void> {
  const first = await client.put(bucket, "k", "one");
  await client.put(bucket, "k", "two", {
    "x-amz-object-lock-mode": "GOVERNANCE",
    "x-amz-object-lock-retain-until-date": dateInDays(1),
    ...contentMd5("two"),
  });
  await client.document(bucket, "k", `legal-hold&versionId=${first}`, holdOf("ON"));
  await client.document(bucket, "k", "retention", retentionOf("GOVERNANCE", dateInDays(2)));
  await client.remove(bucket, "k");
}

async function expire(client: Client, bucket: string, env: Env): Promise<void> {
  await client.put(bucket, "old/inline", "content");
  await client.upload(bucket, "old/upload");
  await client.put(bucket, "aging/large", LARGE);
  await configureLifecycle(
    bucket,
    "<ID>a</ID><Filter><Prefix>old/</Prefix></Filter><Expiration><Days>1</Days></Expiration>",
    "<ID>b</ID><Filter><Prefix>aging/</Prefix></Filter><Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>",
  );
  await passOver(bucket, inDays(40), { env });
}
