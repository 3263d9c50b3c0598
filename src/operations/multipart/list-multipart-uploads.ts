/**
 * ListMultipartUploads (API_ListMultipartUploads): uploads that are neither completed nor aborted, by key and then by
 * age.
 */
import { parseEncodingType, parsePageSize } from "../../protocol/query-parameters.ts";
import { formatListMultipartUploadsResult } from "../../protocol/xml/multipart-uploads.ts";
import { findNames, ownerNamer } from "../bucket/owners.ts";
import { noBody, operation, requireBucket } from "../operation.ts";

export const ListMultipartUploads = operation({
  name: "ListMultipartUploads",
  body: noBody,
  parse(request) {
    const { query } = request;
    const keyMarker = query.get("key-marker") ?? "";
    return {
      bucket: requireBucket(request),
      prefix: query.get("prefix") ?? "",
      delimiter: query.get("delimiter") ?? "",
      keyMarker,
      // "If key-marker is not specified, the upload-id-marker parameter is ignored."
      uploadIdMarker: keyMarker === "" ? "" : (query.get("upload-id-marker") ?? ""),
      maxUploads: parsePageSize(query, "max-uploads"),
      encodingType: parseEncodingType(query),
    };
  },
  requires: ({ bucket }) => [{ action: "s3:ListBucketMultipartUploads", on: "bucket", bucket }],
  async execute(input, { grant, stores }) {
    const bucket = grant.bucket(input.bucket);
    const page = await stores.uploads.listUploads(bucket, input);
    const ids = page.uploads.map((upload) => upload.ownerId);
    return { bucket, page, names: await findNames(ids, bucket, { grant, stores }) };
  },
  respond({ bucket, page, names }, input) {
    const nameOwner = ownerNamer(bucket, names);
    const uploads = page.uploads.map((upload) => {
      const owner = nameOwner(upload.ownerId);
      return { ...upload, initiator: owner, owner, initiated: upload.initiatedAt };
    });
    return {
      status: 200,
      body: formatListMultipartUploadsResult({
        ...input,
        ...page,
        uploads,
      }),
    };
  },
});
