/**
 * Replicas in a bucket behind a registered endpoint.
 *
 * A peer compares states itself: the request says which state it replicates. For any other endpoint the present state
 * is read first, and the write has the condition that it is unchanged (If-Match, If-None-Match), which S3, R2 and most
 * others support. An endpoint that refuses conditions receives no replicas. One that ignores them can lose a write that
 * arrives in between; check-remote.ts reports it.
 */
import { formatBase64, parseHex } from "../checksum/digests.ts";
import { checksumHeader } from "../model/checksum.ts";
import { inTime } from "../model/deadline.ts";
import type { MacKey } from "../model/mac-key.ts";
import { compareStates, type ObjectState, type StoredObject } from "../model/object.ts";
import type { ReplicationRule } from "../model/replication.ts";
import { formatETag, parseETag } from "../protocol/header-values.ts";
import type { OpenedObject } from "../storage/r2/opened-object.ts";
import type { Destination } from "./destination.ts";
import { CHECKSUM_REFUSALS, type RemoteClient, RemoteFailure, sendWithOptionalHeaders } from "./remote-client.ts";
import {
  aclHeaders,
  isReplicaFrom,
  parseObjectState,
  putHeaders,
  replicaStateHeaders,
  sourceMark,
} from "./remote-headers.ts";
import { uploadInParts } from "./remote-upload.ts";
import type { SourceReader } from "./source-reader.ts";
import { formatStamp, STAMP } from "./stamp.ts";

/** Below 100 MB, the limit of a request's body on every Cloudflare plan, in case the endpoint is behind it. */
const MAX_PUT_BYTES = 90 * 1024 * 1024;
/**
 * Larger objects are streamed, and a peer is asked with HEAD before they are sent. Smaller ones are read first: a stream
 * through the Worker costs more than their bytes.
 */
const MAX_BUFFERED_BYTES = 1024 * 1024;
/** To read so many bytes from R2. */
const MAX_READ_MS = 25_000;
/** Rounds of reading the present state and writing, if the key is written by others meanwhile. */
const MAX_ATTEMPTS = 3;

/** The code for a bucket without ACLs. Its owner chose that, and the object matters more than its ACL. */
const ACL_REFUSALS: ReadonlySet<string | undefined> = new Set(["AccessControlListNotSupported"]);

/** The object at a key of an endpoint that is not a peer. */
interface Present {
  readonly etag: string;
  readonly state: ObjectState;
  /** It is a replica from the bucket that is being replicated. */
  readonly isOurs: boolean;
}

interface Options {
  readonly bucket: string;
  /** Id of the bucket that is replicated there. */
  readonly sourceId: string;
  readonly stampKey: MacKey;
}

export class RemoteBucket implements Destination {
  readonly #client: RemoteClient;
  readonly #bucket: string;
  readonly #read: (opened: OpenedObject) => SourceReader;
  readonly #stampKey: MacKey;
  readonly #sourceId: string;

  constructor(
    client: RemoteClient,
    { bucket, sourceId, stampKey }: Options,
    read: (opened: OpenedObject) => SourceReader,
  ) {
    this.#client = client;
    this.#bucket = bucket;
    this.#sourceId = sourceId;
    this.#read = read;
    this.#stampKey = stampKey;
  }

  async replicate(opened: OpenedObject, rule: ReplicationRule): Promise<void> {
    requireReadable(opened);
    const source = this.#read(opened);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const condition = await this.#condition(opened.object);
      if (condition === "is-later") return;
      if (await this.#send(source, rule, condition)) return;
    }
    throw new RemoteFailure("The object was written at the destination during each round.");
  }

  async remove(key: string, removal: ObjectState): Promise<void> {
    if (this.#client.remote.kind === "peer") {
      const headers = replicaStateHeaders({ ...removal, source: this.#sourceId });
      await ignoreRefusal(this.#client.call(this.#bucket, { method: "DELETE", key, headers }));
      return;
    }
    const present = await this.#findPresent(key);
    if (present === undefined || !present.isOurs || compareStates(present.state, removal) >= 0) return;
    const headers = { "if-match": formatETag(present.etag) };
    await ignoreRefusal(this.#client.call(this.#bucket, { method: "DELETE", key, headers }));
  }

  /** Headers that keep the write from replacing a later state. */
  async #condition(object: StoredObject): Promise<Record<string, string> | "is-later"> {
    const { key, state } = object;
    if (this.#client.remote.kind === "peer") {
      const headers = replicaStateHeaders({ ...state, source: this.#sourceId });
      if (object.sizeBytes <= MAX_BUFFERED_BYTES) return headers;
      const refused = await this.#client.call(this.#bucket, { method: "HEAD", key, headers }).then(
        () => false,
        // Absent, or HEAD is not allowed: the write decides.
        (error: unknown) => isPreconditionFailed(error),
      );
      return refused ? "is-later" : headers;
    }
    const present = await this.#findPresent(key);
    if (present === undefined) return { "if-none-match": "*" };
    if (compareStates(present.state, state) >= 0) return "is-later";
    return { "if-match": formatETag(present.etag) };
  }

  /** @returns false if the state at the destination changed meanwhile */
  async #send(source: SourceReader, rule: ReplicationRule, condition: Record<string, string>): Promise<boolean> {
    const { object } = source;
    const place = { bucket: this.#bucket, key: object.key };
    const marks =
      this.#client.remote.kind === "s3"
        ? {
            [STAMP]: await formatStamp(object.state, place, this.#stampKey),
            ...sourceMark({ ...place, sourceId: this.#sourceId }),
          }
        : {};
    const attributes = putHeaders(object, rule.destination, marks);
    const send = (acl: Readonly<Record<string, string>>) => {
      const headers = { ...attributes, ...acl };
      return object.partCount === undefined && object.sizeBytes <= MAX_PUT_BYTES
        ? this.#put(source, { ...headers, ...condition })
        : uploadInParts({ client: this.#client, bucket: this.#bucket }, source, { headers, condition });
    };
    try {
      // AccessControlTranslation: no grants except the destination owner's.
      const acl = rule.destination.overridesOwner === true ? {} : aclHeaders(source.access);
      await sendWithOptionalHeaders(acl, ACL_REFUSALS, send);
      return true;
    } catch (error) {
      if (!isPreconditionFailed(error)) throw error;
      // A peer has a later state. Any other endpoint only has another state than the one that was read.
      return this.#client.remote.kind === "peer";
    }
  }

  async #put(source: SourceReader, headers: Record<string, string>): Promise<void> {
    const { object } = source;
    const { key, sizeBytes, checksum } = object;
    const md5 = parseHex(object.etag, 16);
    const added = checksum?.type === "FULL_OBJECT" ? { [checksumHeader(checksum.algorithm)]: checksum.value } : {};
    const put = async (checksumHeaders: Readonly<Record<string, string>>) => {
      const stream = await source.open({ first: 0, length: sizeBytes });
      await this.#client.call(this.#bucket, {
        method: "PUT",
        key,
        headers: { ...headers, ...(md5 && { "content-md5": formatBase64(md5) }), ...checksumHeaders },
        body: sizeBytes <= MAX_BUFFERED_BYTES ? await readAll(stream) : { stream, sizeBytes },
      });
    };
    await (md5 === undefined ? put(added) : sendWithOptionalHeaders(added, CHECKSUM_REFUSALS, put));
  }

  async #findPresent(key: string): Promise<Present | undefined> {
    try {
      const { headers } = await this.#client.call(this.#bucket, { method: "HEAD", key });
      const context = { stampKey: this.#stampKey, now: new Date() };
      const place = { bucket: this.#bucket, key };
      const state = await parseObjectState(headers, place, context);
      const isOurs = isReplicaFrom({ ...place, sourceId: this.#sourceId }, headers);
      return { etag: parseETag(headers.get("etag") ?? ""), state, isOurs };
    } catch (error) {
      // The answer to HEAD has no error code: if the bucket does not exist, the write fails.
      if (error instanceof RemoteFailure && error.status === 404) return undefined;
      throw error;
    }
  }
}

/** @throws RemoteFailure */
function requireReadable({ object, contentKey }: OpenedObject): void {
  if (object.encryption === undefined || contentKey !== undefined) return;
  const message = "The object is encrypted with a customer's key, so its bytes cannot be sent to another endpoint.";
  throw new RemoteFailure(message, { status: 400, code: undefined });
}

async function readAll(stream: ReadableStream<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Response(stream).arrayBuffer();
  return new Uint8Array(await inTime(bytes, { ms: MAX_READ_MS, what: "R2 get, the bytes to send" }));
}

function isPreconditionFailed(error: unknown): boolean {
  return error instanceof RemoteFailure && error.status === 412;
}

async function ignoreRefusal(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    const isAbsent = error instanceof RemoteFailure && error.code === "NoSuchKey";
    if (!isAbsent && !isPreconditionFailed(error)) throw error;
  }
}
