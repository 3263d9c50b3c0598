/** POST Object (RESTObjectPOST): PutObject from a browser's form. `identify.ts` turns the form into a request. */
import { S3Error } from "../../errors.ts";
import { parseAclHeaders } from "../../protocol/acl-headers.ts";
import { formatETag } from "../../protocol/header-values.ts";
import { parseFormMetadata } from "../../protocol/metadata.ts";
import { parseLockHeaders } from "../../protocol/object-lock-headers.ts";
import {
  formatRedirect,
  type PostForm,
  parseSuccessAction,
  type SuccessAction,
} from "../../protocol/post-form/post-form.ts";
import type { S3Request } from "../../protocol/s3-request.ts";
import { formatPostResponse } from "../../protocol/xml/object-results.ts";
import { parseTaggingField } from "../../protocol/xml/tagging.ts";
import type { S3Response } from "../../response.ts";
import { formFile, operation, requireObject } from "../operation.ts";
import { encryptionOfWrite, parseWrittenEncryption, sealedWith } from "./encryption.ts";
import { expirationHeader } from "./lifecycle-headers.ts";
import {
  created,
  formatObjectUrl,
  lockOfWrite,
  ownerAndAcl,
  parseAttributes,
  permissionsToWrite,
  writtenHeaders,
} from "./write-input.ts";

export const PostObject = operation({
  name: "PostObject",
  body: formFile,
  parse(request) {
    const { fields } = requireForm(request);
    const { headers, now } = request;
    const tagging = fields.get("tagging");
    return {
      ...requireObject(request),
      attributes: {
        ...parseAttributes(headers),
        userMetadata: parseFormMetadata(fields),
        ...(tagging !== undefined && { tags: parseTaggingField(tagging) }),
      },
      acl: parseAclHeaders(headers, "object"),
      lock: parseLockHeaders(headers, now),
      ...parseWrittenEncryption(headers),
      now,
      action: parseSuccessAction(fields),
      // S3 encodes the key's slashes too (seen on AWS).
      location: formatObjectUrl(request),
    };
  },
  requires: ({ bucket, key, attributes, acl, lock }) =>
    permissionsToWrite({ bucket, key }, { tags: attributes.tags, acl, lock }),
  async execute(input, context, file) {
    const { key, attributes, acl, lock, now } = input;
    const { grant, stores, journal } = context;
    const bucket = grant.bucket(input.bucket);
    const locked = lockOfWrite(lock, bucket, now);
    const sealing = await encryptionOfWrite({ bucket, key }, input, { keys: context });
    const { encryption, contentKey } = sealing;
    const owned = { ...attributes, ...ownerAndAcl(grant.caller, bucket, acl), ...locked, ...sealedWith(sealing) };
    const written = await journal.write(
      bucket,
      { key, event: "ObjectCreated:Post" },
      {
        adds: { objects: 1, bytes: file.minBytes },
        commit: (ticket) => stores.objects.putUnmeasured({ bucket, key, attributes: owned, contentKey, ticket }, file),
        describe: created,
      },
    );
    return { ...written, encryption, expiration: expirationHeader(bucket, { ...written, key, tags: owned.tags }) };
  },
  respond(written, { bucket, key, action, location, customerKey }) {
    const answer = formatAnswer(action, { bucket, key, etag: formatETag(written.etag), location });
    const headers = { ...writtenHeaders(written, customerKey?.read().md5), ...written.expiration, ...answer.headers };
    return { ...answer, headers, detail: { objectSizeBytes: written.sizeBytes } };
  },
});

interface Stored {
  readonly bucket: string;
  readonly key: string;
  /** With quotes. */
  readonly etag: string;
  readonly location: string;
}

function formatAnswer(action: SuccessAction, stored: Stored): S3Response {
  if (action.kind === "redirect") return { status: 303, headers: { location: formatRedirect(action.url, stored) } };
  const { status } = action;
  const headers = { location: stored.location };
  return status === 201 ? { status, headers, body: formatPostResponse(stored) } : { status, headers };
}

function requireForm({ form }: S3Request): PostForm {
  if (form === undefined) throw new S3Error("MalformedPOSTRequest");
  return form;
}
