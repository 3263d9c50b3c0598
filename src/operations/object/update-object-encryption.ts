/**
 * UpdateObjectEncryption (API_UpdateObjectEncryption): SSE-KMS for an object that only R2 encrypts, or another key or bucket key
 * for one that has it. ETag, Last-Modified and all metadata stay; there is no event, and nothing is replicated.
 */
import type { VersionTarget } from "../../access/actions.ts";
import type { GrantedBucket } from "../../access/authorize.ts";
import { invalidRequest, noSuchKey, S3Error } from "../../errors.ts";
import type { DataKeyEncryption } from "../../model/encryption.ts";
import { keyNameOfArn } from "../../model/kms-key.ts";
import type { StoredObject } from "../../model/object.ts";
import { isProtected } from "../../model/object-lock.ts";
import { MAX_OBJECT_ENCRYPTION_BYTES, parseObjectEncryption } from "../../protocol/xml/object-encryption.ts";
import type { NewEncryption } from "../../storage/r2/reencryption.ts";
import { documentBody, type OperationContext, operation, requireVersion } from "../operation.ts";
import { refusingMarkers } from "./delete-markers.ts";
import { type NewKey, reencryptWithKms } from "./kms-encryption.ts";
import { MAX_COPY_BYTES } from "./source-object.ts";

export const UpdateObjectEncryption = operation({
  name: "UpdateObjectEncryption",
  body: documentBody({ maxBytes: MAX_OBJECT_ENCRYPTION_BYTES, digest: "required" }),
  parse: requireVersion,
  requires: (target) => [{ action: "s3:UpdateObjectEncryption", on: "object", ...target }],
  async execute(target, context, body) {
    const { grant, stores, journal } = context;
    const { key, versionId } = target;
    const asked = parseObjectEncryption(body);
    const bucket = grant.bucket(target.bucket);
    requireOwnKey(asked, bucket);
    const decide = decider({ target, bucket, asked }, context);
    const found = await refusingMarkers(() =>
      journal.write(
        bucket,
        { key, versionId, event: "ObjectEncryption" },
        {
          adds: undefined,
          commit: (ticket) => stores.reencryption.update({ bucket, key, versionId, ticket }, decide),
          describe: () => undefined,
        },
      ),
    );
    if (found === undefined) throw noSuchKey(key);
  },
  respond: () => ({ status: 200 }),
});

interface Update {
  readonly target: VersionTarget;
  readonly bucket: GrantedBucket;
  readonly asked: NewKey;
}

/** Decides about the very state that is replaced. One data key for all states without one: bytes are encrypted with it once. */
function decider({ target, bucket, asked }: Update, keys: OperationContext) {
  const named = { bucket, key: target.key };
  let first: Promise<NewEncryption> | undefined;
  return async (object: StoredObject): Promise<NewEncryption> => {
    const present = requireUpdatable(object);
    if (present !== undefined) return reencryptWithKms(named, present, { ...asked, keys });
    first ??= reencryptWithKms(named, undefined, { ...asked, keys });
    const { encryption, ...key } = await first;
    // R2's clock may be ahead of this one.
    const since = Math.max(Date.now(), object.state.revision);
    return { encryption: { ...encryption, since }, ...key };
  };
}

/** Its data key, sealed; undefined if it has none. @throws S3Error `InvalidRequest`, `AccessDenied` */
function requireUpdatable({ encryption, lock, sizeBytes }: StoredObject): DataKeyEncryption | undefined {
  if (encryption?.kind === "customer-key") {
    throw invalidRequest(
      "The UpdateObjectEncryption operation doesn't support source objects with the encryption type DSSE-KMS or SSE-C. Only source objects encrypted with SSE-S3 or SSE-KMS are supported.",
    );
  }
  if (lock !== undefined && isProtected(lock, new Date(), false)) {
    throw new S3Error("AccessDenied", {
      message:
        "The encryption type for the specified object can’t be updated because that object is protected by S3 Object Lock. If the object has a governance-mode retention period or a legal hold, you must first remove the Object Lock status on the object before you issue your UpdateObjectEncryption request. You can't use the UpdateObjectEncryption operation with objects that have an Object Lock compliance mode retention period applied to them.",
    });
  }
  // Deviation: R2 encrypts the bytes themselves with the data key, so those of an object that has none are read and written.
  if (encryption === undefined && sizeBytes > MAX_COPY_BYTES) {
    throw invalidRequest(
      `The encryption of an object that has no key of its own can be updated up to a size of ${MAX_COPY_BYTES}.`,
    );
  }
  return encryption;
}

/** @throws S3Error `AccessDenied` */
function requireOwnKey({ keyArn }: NewKey, { accountId }: GrantedBucket): void {
  if (keyNameOfArn(keyArn).accountId === accountId) return;
  throw new S3Error("AccessDenied", {
    message:
      "The AWS KMS key in the request must be owned by the same account as the bucket. Modify the request to specify a KMS key from the same account, and then try again.",
  });
}
