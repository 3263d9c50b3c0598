/** ListParts (API_ListParts): the uploaded parts, by part number. */
import { parseEncodingType, parseIntegerParameter, parsePageSize } from "../../protocol/query-parameters.ts";
import { formatListPartsResult } from "../../protocol/xml/multipart-uploads.ts";
import { ownerNamer } from "../bucket/owners.ts";
import { presentedForWrite } from "../object/customer-key.ts";
import { requireListingKey } from "../object/encryption.ts";
import { abortionHeaders } from "../object/lifecycle-headers.ts";
import { noBody, operation } from "../operation.ts";
import { parseUploadAddress } from "./part-address.ts";

const MAX_MARKER = 0x7fffffff;

export const ListParts = operation({
  name: "ListParts",
  body: noBody,
  parse(request) {
    const { query } = request;
    return {
      ...parseUploadAddress(request),
      customerKey: presentedForWrite(request.headers),
      maxParts: parsePageSize(query, "max-parts"),
      partNumberMarker: parseIntegerParameter(query, "part-number-marker", { min: 0, max: MAX_MARKER, fallback: 0 }),
      // S3 does not document this parameter here, so an empty value is ignored.
      encodingType: query.get("encoding-type") === "" ? undefined : parseEncodingType(query),
    };
  },
  requires: ({ bucket, key }) => [{ action: "s3:ListMultipartUploadParts", on: "object", bucket, key }],
  async execute({ bucket: name, key, uploadId, maxParts, partNumberMarker, customerKey }, context) {
    const { grant, stores } = context;
    const bucket = grant.bucket(name);
    const upload = { bucket, key, uploadId };
    await requireListingKey(upload, customerKey, context);
    return { bucket, ...(await stores.uploads.listParts(upload, { after: partNumberMarker, limit: maxParts })) };
  },
  respond({ bucket, upload, parts, isTruncated }, input) {
    const owner = ownerNamer(bucket)(upload.ownerId);
    return {
      status: 200,
      headers: abortionHeaders(bucket, upload),
      body: formatListPartsResult({
        ...input,
        initiator: owner,
        owner,
        storageClass: upload.storageClass,
        nextPartNumberMarker: parts.at(-1)?.partNumber ?? 0,
        isTruncated,
        checksum: upload.checksum,
        parts,
      }),
    };
  },
});
