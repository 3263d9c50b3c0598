/**
 * The inventory configurations of a bucket (API_PutBucketInventoryConfiguration and the pages of the other three names).
 * `src/inventory` writes the reports.
 */
import type { Permission } from "../../access/actions.ts";
import { S3Error } from "../../errors.ts";
import { formatContinuationToken, parseContinuationToken } from "../../protocol/continuation-token.ts";
import {
  formatInventoryConfiguration,
  formatInventoryConfigurations,
  MAX_INVENTORY_BYTES,
  parseInventoryConfiguration,
} from "../../protocol/xml/inventory-configuration.ts";
import { documentBody, noBody, operation, requireBucket } from "../operation.ts";

/** "This action supports list pagination and does not return more than 100 configurations at a time." */
const PAGE = 100;

export const GetBucketInventoryConfiguration = operation({
  name: "GetBucketInventoryConfiguration",
  body: noBody,
  parse: (request) => ({ bucket: requireBucket(request), id: request.query.get("id") ?? "" }),
  requires: ({ bucket }) => [{ action: "s3:GetInventoryConfiguration", on: "bucket", bucket }],
  async execute({ bucket, id }, { grant, stores }) {
    const configuration = await stores.inventories.get(grant.bucket(bucket), id);
    if (configuration === undefined) throw new S3Error("NoSuchConfiguration");
    return configuration;
  },
  respond: (configuration) => ({ status: 200, body: formatInventoryConfiguration(configuration) }),
});

export const ListBucketInventoryConfigurations = operation({
  name: "ListBucketInventoryConfigurations",
  body: noBody,
  parse: (request) => ({
    bucket: requireBucket(request),
    token: request.query.get("continuation-token") || undefined,
  }),
  requires: ({ bucket }) => [{ action: "s3:GetInventoryConfiguration", on: "bucket", bucket }],
  async execute({ bucket: name, token }, { grant, stores, deployment: { tokenKey } }) {
    const bucket = grant.bucket(name);
    const scope = `inventory/${bucket.id}`;
    const after = token === undefined ? "" : await parseContinuationToken(tokenKey, scope, token);
    const found = await stores.inventories.list(bucket, { after, limit: PAGE + 1 });
    const configurations = found.slice(0, PAGE);
    const last = found.length > PAGE ? configurations.at(-1) : undefined;
    return { configurations, next: last && (await formatContinuationToken(tokenKey, scope, last.id)) };
  },
  respond: (page, { token }) => ({ status: 200, body: formatInventoryConfigurations({ ...page, token }) }),
});

export const PutBucketInventoryConfiguration = operation({
  name: "PutBucketInventoryConfiguration",
  body: documentBody({ maxBytes: MAX_INVENTORY_BYTES, digest: "optional" }),
  parse: (request) => ({
    bucket: requireBucket(request),
    id: request.query.get("id") ?? "",
    now: request.now,
  }),
  requires: ({ bucket }) => [permissionToPut(bucket, "later")],
  async execute({ bucket, id, now }, { grant, stores }, body) {
    const configuration = parseInventoryConfiguration(body, id);
    if (!(await grant.allows(permissionToPut(bucket, configuration.fields)))) throw new S3Error("AccessDenied");
    await stores.inventories.put(grant.bucket(bucket), configuration, now);
  },
  respond: () => ({ status: 204 }),
});

/** Policies may restrict the fields ("Control S3 Inventory report configuration creation"). */
function permissionToPut(bucket: string, inventoryFields: readonly string[] | "later"): Permission {
  return { action: "s3:PutInventoryConfiguration", on: "bucket", bucket, inventoryFields };
}

export const DeleteBucketInventoryConfiguration = operation({
  name: "DeleteBucketInventoryConfiguration",
  body: noBody,
  parse: (request) => ({ bucket: requireBucket(request), id: request.query.get("id") ?? "" }),
  requires: ({ bucket }) => [{ action: "s3:PutInventoryConfiguration", on: "bucket", bucket }],
  async execute({ bucket, id }, { grant, stores }) {
    if (!(await stores.inventories.delete(grant.bucket(bucket), id))) throw new S3Error("NoSuchConfiguration");
  },
  respond: () => ({ status: 204 }),
});
