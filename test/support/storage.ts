/** The object store without the protocol, for tests of what is stored in R2. */
import { env } from "cloudflare:workers";
import type { GrantedBucket } from "../../src/access/authorize.ts";
import type { Acl } from "../../src/model/acl.ts";
import type { Checksum } from "../../src/model/checksum.ts";
import type { ObjectAttributes, StorageClass, Tag, WriteCondition } from "../../src/model/object.ts";
import type { ObjectBody } from "../../src/model/object-body.ts";
import { newBucketId, newWriteId } from "../../src/model/random-ids.ts";
import type { Versioning } from "../../src/model/version.ts";
import { issueTicket } from "../../src/storage/journal/ticket.ts";
import type { QuotaChecks } from "../../src/storage/quota-guard.ts";
import { Objects } from "../../src/storage/r2/objects.ts";
import type { OpenedObject } from "../../src/storage/r2/opened-object.ts";
import { BlobSets } from "../../src/storage/uploads/blob-sets.ts";

export const OWNER = `${"0".repeat(63)}1`;

/** Of buckets without a quota. */
export const noQuotas: QuotaChecks = { around: (_bucket, _adds, { write }) => write(), requireRoom() {} };

/** Writes without events. */
export const newTicket = () => issueTicket({ writeId: newWriteId() });

const store = new Objects(new Map([["us-east-1", env.STORE]]), new BlobSets(env.UPLOADS));

/** The store, with a ticket for every write. */
export const objects = {
  head: store.head.bind(store),
  headPart: store.headPart.bind(store),
  open: store.open.bind(store),
  list: store.list.bind(store),
  isEmpty: store.isEmpty.bind(store),
  put: (bucket: GrantedBucket, key: string, body: ObjectBody, about: ObjectAttributes, condition?: WriteCondition) =>
    store.put({ bucket, key, attributes: about, ticket: newTicket(), condition }, body),
  copy: (source: OpenedObject, to: { bucket: GrantedBucket; key: string }, about: ObjectAttributes) =>
    store.copy(source, { ...to, attributes: about, ticket: newTicket() }),
  setTags: (bucket: GrantedBucket, key: string, tags: readonly Tag[]) =>
    store.setTags({ bucket, key, ticket: newTicket() }, tags),
  setAcl: (bucket: GrantedBucket, key: string, acl: Acl) =>
    store.setAcl({ bucket, key, ticket: newTicket() }, () => acl),
  remove: (bucket: GrantedBucket, key: string) => store.remove({ bucket, key, ticket: newTicket() }),
  delete: (bucket: GrantedBucket, keys: readonly string[]) => store.delete({ bucket, keys, ticket: newTicket() }),
  deleteIf: (bucket: GrantedBucket, key: string, etag: string) =>
    store.remove({ bucket, key, ticket: newTicket() }, { kind: "if-match", etag }),
};

/** A bucket that exists only here; its entries are really in R2. @param options.id of a bucket whose settings have changed */
export function testBucket(options: { versioning?: Versioning; id?: string } = {}): GrantedBucket {
  const { versioning, id = newBucketId() } = options;
  const name = "test-bucket";
  const bucket = {
    name,
    id,
    accountId: "000000000001",
    ownerId: OWNER,
    ownerDisplayName: "test",
    region: "us-east-1",
    createdAt: new Date(0),
    readAt: new Date(8.64e15),
    isBeingDeleted: false,
    documents: { ...(versioning && { versioning }) },
  };
  // In the Worker only the authorizer creates these; here storage is tested without it.
  return bucket as unknown as GrantedBucket;
}

export function attributes(options: { storageClass?: StorageClass; ownerId?: string } = {}): ObjectAttributes {
  return {
    content: { contentType: "text/plain" },
    userMetadata: {},
    storageClass: options.storageClass ?? "STANDARD",
    ownerId: options.ownerId ?? OWNER,
    tags: [],
  };
}

/** A valid body; with `trailing`, its checksum is known only at the end. */
export function bodyOf(bytes: Uint8Array | string, trailing?: Checksum): ObjectBody {
  const content = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  return {
    sizeBytes: content.byteLength,
    content: new Blob([content]).stream(),
    delegated: undefined,
    checksum:
      trailing === undefined
        ? { when: "never" }
        : { when: "after", algorithm: trailing.algorithm, value: () => trailing },
    failure: () => undefined,
  };
}

export async function textOf(bucket: GrantedBucket, key: string): Promise<string | undefined> {
  const opened = await objects.open(bucket, { key }, undefined);
  return opened === undefined ? undefined : new Response(await opened.body()).text();
}

/** Puts many small objects into a bucket of the Worker, without requests. Returns the keys, in order. */
export async function fillBucket(
  name: string,
  count: number,
  about: ObjectAttributes = attributes(),
): Promise<string[]> {
  const row = await env.DB.prepare("SELECT id FROM buckets WHERE name = ?1").bind(name).first<{ id: string }>();
  const bucket = testBucket({ id: row?.id ?? "" });
  const keys = Array.from({ length: count }, (_, index) => `key-${String(index).padStart(4, "0")}`);
  for (let start = 0; start < count; start += 100) {
    await Promise.all(keys.slice(start, start + 100).map((key) => objects.put(bucket, key, bodyOf("x"), about)));
  }
  return keys;
}
