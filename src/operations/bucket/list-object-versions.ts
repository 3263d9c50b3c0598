/**
 * ListObjectVersions (API_ListObjectVersions). Tools that empty a bucket call this operation first.
 *
 * Deviation: NextVersionIdMarker after a null version is an id of its own and not `null`, which would not say where to continue
 * once that version has been deleted. `null` is accepted as a marker.
 */
import { invalidArgument } from "../../errors.ts";
import { isVersionMarker } from "../../model/version.ts";
import { parseListObjectsParameters, parsePageSize } from "../../protocol/query-parameters.ts";
import type { Query } from "../../protocol/request-target.ts";
import { formatListVersionsResult } from "../../protocol/xml/listings.ts";
import { noBody, operation, requireBucket } from "../operation.ts";
import { ownerNamer } from "./owners.ts";

export const ListObjectVersions = operation({
  name: "ListObjectVersions",
  body: noBody,
  parse(request) {
    const { query } = request;
    // AWS refuses max-keys before the markers, and encoding-type after them.
    parsePageSize(query, "max-keys");
    const markers = parseMarkers(query);
    return { bucket: requireBucket(request), ...parseListObjectsParameters(query), ...markers };
  },
  requires: ({ bucket }) => [{ action: "s3:ListBucketVersions", on: "bucket", bucket }],
  async execute(input, { grant, stores }) {
    const bucket = grant.bucket(input.bucket);
    const { keyMarker: key, versionIdMarker: token } = input;
    const after = key === "" || token === "" ? { key } : { key, token };
    return { bucket, page: await stores.objects.listVersions(bucket, { ...input, after }) };
  },
  respond: ({ bucket, page }, input) => ({
    status: 200,
    body: formatListVersionsResult({ ...input, page, ownerOf: ownerNamer(bucket) }),
  }),
});

/** An absent marker is an empty text. */
function parseMarkers(query: Query): { readonly keyMarker: string; readonly versionIdMarker: string } {
  const name = "version-id-marker";
  const keyMarker = query.get("key-marker");
  const versionIdMarker = query.get(name);
  if (versionIdMarker === undefined) return { keyMarker: keyMarker ?? "", versionIdMarker: "" };
  if (keyMarker === undefined) {
    throw invalidArgument("A version-id marker cannot be specified without a key marker.", name, versionIdMarker);
  }
  if (versionIdMarker === "") throw invalidArgument("A version-id marker cannot be empty.", name, versionIdMarker);
  if (!isVersionMarker(versionIdMarker)) {
    throw invalidArgument("Invalid version id specified", name, versionIdMarker);
  }
  return { keyMarker, versionIdMarker };
}
