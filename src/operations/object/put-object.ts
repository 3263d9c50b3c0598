/** PutObject (API_PutObject). */
import { digestRequired } from "../../model/object-lock.ts";
import { parseAclHeaders } from "../../protocol/acl-headers.ts";
import { parseWriteCondition } from "../../protocol/conditions.ts";
import { parseLockHeaders, statesBodyDigest } from "../../protocol/object-lock-headers.ts";
import { parseReplicaState } from "../../protocol/replica-state.ts";
import { objectBody, operation, requireWrittenObject } from "../operation.ts";
import { encryptionOfWrite, parseWrittenEncryption, sealedWith } from "./encryption.ts";
import { expirationHeader } from "./lifecycle-headers.ts";
import {
  created,
  lockOfWrite,
  ownerAndAcl,
  parseAttributes,
  permissionsToWrite,
  permissionToCompare,
  permissionToReplicate,
  writtenHeaders,
} from "./write-input.ts";

export const PutObject = operation({
  name: "PutObject",
  body: objectBody({ md5ShownIn: "hex" }),
  parse(request) {
    const { headers, now } = request;
    return {
      ...requireWrittenObject(request),
      attributes: parseAttributes(headers),
      acl: parseAclHeaders(headers, "object"),
      lock: parseLockHeaders(headers, now),
      ...parseWrittenEncryption(headers),
      statesDigest: statesBodyDigest(headers),
      condition: parseWriteCondition(headers),
      replicaOf: parseReplicaState(headers, now, "write"),
      now,
    };
  },
  requires: ({ bucket, key, attributes, acl, lock, condition, replicaOf }) => [
    ...permissionToReplicate("s3:ReplicateObject", { bucket, key }, replicaOf),
    ...permissionsToWrite({ bucket, key }, { tags: attributes.tags, acl, lock }),
    ...permissionToCompare({ bucket, key }, condition),
  ],
  async execute(input, context, body) {
    const { grant, stores, journal } = context;
    const { key, acl, condition, replicaOf } = input;
    const bucket = grant.bucket(input.bucket);
    const locked = lockOfWrite(input.lock, bucket, input.now);
    if (locked.lock !== undefined && !input.statesDigest) throw digestRequired("Put Object");
    const sealing = await encryptionOfWrite({ bucket, key }, input, { keys: context });
    const { encryption, contentKey } = sealing;
    const owned = { ...input.attributes, ...ownerAndAcl(grant.caller, bucket, acl), ...locked, ...sealedWith(sealing) };
    const written = await journal.write(
      bucket,
      { key, event: "ObjectCreated:Put", ...(replicaOf && { replicaOf }) },
      {
        adds: { objects: 1, bytes: body.sizeBytes },
        commit: (ticket) => stores.objects.put({ bucket, key, attributes: owned, contentKey, ticket, condition }, body),
        describe: created,
      },
    );
    return { ...written, encryption, expiration: expirationHeader(bucket, { ...written, key, tags: owned.tags }) };
  },
  respond: (written, { customerKey }) => ({
    status: 200,
    headers: { ...writtenHeaders(written, customerKey?.read().md5), ...written.expiration },
  }),
});
