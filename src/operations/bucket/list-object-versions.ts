/**
 * ListObjectVersions (API_ListObjectVersions). Buckets are never versioned, so each object has one version, `null`.
 * Tools that empty a bucket call this operation first.
 */
import { invalidArgument } from "../../errors.ts";
import { NULL_VERSION, parseListObjectsParameters } from "../../protocol/query-parameters.ts";
import { formatListVersionsResult } from "../../protocol/xml/listings.ts";
import { noBody, operation, requireBucket } from "../operation.ts";
import { ownerNamer } from "./owners.ts";

export const ListObjectVersions = operation({
  name: "ListObjectVersions",
  body: noBody,
  parse(request) {
    const { query } = request;
    const keyMarker = query.get("key-marker") ?? "";
    const versionIdMarker = query.get("version-id-marker") ?? "";
    if (versionIdMarker !== "" && keyMarker === "") {
      const message = "A version-id marker cannot be specified without a key marker.";
      throw invalidArgument(message, "version-id-marker", versionIdMarker);
    }
    if (versionIdMarker !== "" && versionIdMarker !== NULL_VERSION) {
      throw invalidArgument("Invalid version id specified", "version-id-marker", versionIdMarker);
    }
    return { bucket: requireBucket(request), ...parseListObjectsParameters(query), keyMarker, versionIdMarker };
  },
  requires: ({ bucket }) => [{ action: "s3:ListBucketVersions", on: "bucket", bucket }],
  async execute(input, { grant, stores }) {
    const bucket = grant.bucket(input.bucket);
    return { bucket, page: await stores.objects.list(bucket, { ...input, after: input.keyMarker }) };
  },
  respond: ({ bucket, page }, input) => ({
    status: 200,
    body: formatListVersionsResult({ ...input, page, ownerOf: ownerNamer(bucket) }),
  }),
});
