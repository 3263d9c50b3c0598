/**
 * GetBucketReplication, PutBucketReplication, DeleteBucketReplication (API_GetBucketReplication and so on).
 *
 * On AWS a role carries the objects over, and whoever configures it must be allowed to pass that role. Here there is
 * none, so the caller stands in for it: it must be allowed what the role would be ("Setting up permissions for
 * replication"), or a user could have objects read and overwritten that it may not touch.
 *
 * Deviation: AWS demands versioning on both buckets. Here there is none, and none is needed: what a destination holds is
 * replaced only by what was written later.
 *
 * Deviation: a destination in the same region is allowed, as on AWS; the reference system wants another one.
 */
import type { PermissionOnObjectsBelow } from "../../access/actions.ts";
import type { Grant, GrantedBucket } from "../../access/authorize.ts";
import { invalidArgument, S3Error } from "../../errors.ts";
import type { Bucket } from "../../model/bucket.ts";
import { newRuleId } from "../../model/random-ids.ts";
import {
  formatDestinationArn,
  type ReplicationConfiguration,
  type ReplicationDestination,
} from "../../model/replication.ts";
import {
  formatReplicationConfiguration,
  MAX_REPLICATION_BYTES,
  type ParsedReplication,
  type ParsedRule,
  parseReplicationConfiguration,
} from "../../protocol/xml/replication-configuration.ts";
import type { Stores } from "../../storage/stores.ts";
import type { OperationContext } from "../operation.ts";
import { configuration } from "./configuration.ts";

/** What one bucket may have every isolate remember of it, as JSON: some 300 rules with prefixes of ordinary length. */
const MAX_STORED_LENGTH = 64 * 1024;

export const {
  get: GetBucketReplication,
  put: PutBucketReplication,
  delete: DeleteBucketReplication,
} = configuration({
  name: "BucketReplication",
  kind: "replication",
  action: "ReplicationConfiguration",
  body: { maxBytes: MAX_REPLICATION_BYTES, digest: "required" },
  parse: parseAndAuthorize,
  format: formatReplicationConfiguration,
  absent: "ReplicationConfigurationNotFoundError",
});

async function parseAndAuthorize(
  body: Uint8Array,
  bucket: GrantedBucket,
  { grant, stores }: OperationContext,
): Promise<ReplicationConfiguration> {
  const written = parseReplicationConfiguration(body);
  const configuration = withIds(written);
  if (JSON.stringify(configuration).length > MAX_STORED_LENGTH) {
    throw invalidRequest(`A replication configuration is kept up to ${MAX_STORED_LENGTH} characters of its values.`);
  }
  // A thousand rules may name one destination, which is looked up once.
  const found = new Map<string, Promise<Bucket | undefined>>();
  const role = new ReplicationRole(grant, bucket);
  for (const rule of written.rules) {
    const { remote = "", bucket: target, account = "" } = rule.destination;
    const name = `${remote}/${target}/${account}`;
    const destination = found.get(name) ?? requireDestination(rule.destination, bucket, { grant, stores });
    found.set(name, destination);
    await role.require(rule, await destination);
  }
  return configuration;
}

function withIds({ role, rules }: ParsedReplication): ReplicationConfiguration {
  return {
    ...(role !== undefined && { role }),
    rules: rules.map((rule) => ({ ...rule, id: rule.id ?? newRuleId() })),
  };
}

/**
 * The bucket a rule names, if it is one of this deployment.
 * @throws S3Error `InvalidRequest` if it does not exist, is the source, or stands behind a remote that is not open to
 *   this account; `AccessDenied` if it is another account's; `InvalidArgument` for a wrong Account
 */
async function requireDestination(
  destination: ReplicationDestination,
  source: Bucket,
  { grant, stores }: { readonly grant: Grant; readonly stores: Stores },
): Promise<Bucket | undefined> {
  const { remote, bucket: name, account } = destination;
  if (remote !== undefined) {
    // A remote that is there for others looks like none.
    if (await stores.remotes.isOpenTo(remote, source.accountId, name)) return undefined;
    throw invalidRequest("Destination bucket must exist.");
  }
  if (name === source.name) throw invalidRequest("Destination bucket cannot be the same as the source bucket.");
  const target = await stores.buckets.find(grant, name);
  if (target === undefined) throw invalidRequest("Destination bucket must exist.");
  if (target.accountId !== source.accountId) throw new S3Error("AccessDenied");
  if (account !== undefined && account !== target.accountId) {
    throw invalidArgument("Account is not the owner of the destination bucket", "Account", account);
  }
  return target;
}

function invalidRequest(message: string): S3Error {
  return new S3Error("InvalidRequest", { message });
}

/** Asked of all objects that a rule takes, now and later. */
type OfEachObject = Pick<PermissionOnObjectsBelow, "action" | "isNew">;

/**
 * What a rule would do its author must be allowed, for all keys the rule can take: what AWS's role needs ("Setting up
 * permissions for replication"), and what the author would need to do the same by hand. A Deny of any part of it counts,
 * or somebody who is kept from `secret/` could have it copied by a rule for everything. Each prefix is asked for once,
 * however many rules have it.
 */
class ReplicationRole {
  readonly #grant: Grant;
  readonly #source: Bucket;
  readonly #asked = new Map<string, Promise<boolean>>();

  constructor(grant: Grant, source: Bucket) {
    this.#grant = grant;
    this.#source = source;
  }

  /**
   * At a remote its key may do what its owner there lets it, and here a user what its own policies say of the remote.
   * @param target undefined if it is not of this deployment
   * @throws S3Error `AccessDenied`
   */
  async require(rule: ParsedRule, target: Bucket | undefined): Promise<void> {
    const { prefix, replicatesDeletes, destination } = rule;
    const carriesAcl = destination.overridesOwner !== true;
    const reads: readonly OfEachObject[] = [
      { action: "s3:GetObjectVersionForReplication" },
      { action: "s3:GetObject" },
      { action: "s3:GetObjectTagging" },
      ...(carriesAcl ? [{ action: "s3:GetObjectAcl" } as const] : []),
    ];
    const writes: readonly OfEachObject[] = [
      { action: "s3:ReplicateObject" },
      { action: "s3:PutObject" },
      { action: "s3:PutObjectTagging", isNew: true },
      ...(carriesAcl ? [{ action: "s3:PutObjectAcl", isNew: true } as const] : []),
      ...(replicatesDeletes ? ([{ action: "s3:ReplicateDelete" }, { action: "s3:DeleteObject" }] as const) : []),
    ];
    await this.#require(this.#source, prefix, reads);
    if (target !== undefined) return this.#require(target, prefix, writes);
    const arn = `${formatDestinationArn(destination)}/${prefix}`;
    const actions = replicatesDeletes
      ? (["s3:ReplicateObject", "s3:ReplicateDelete"] as const)
      : (["s3:ReplicateObject"] as const);
    if (!actions.every((action) => this.#grant.wouldAllowBelow(action, arn))) throw new S3Error("AccessDenied");
  }

  async #require(bucket: Bucket, prefix: string, permissions: readonly OfEachObject[]): Promise<void> {
    for (const permission of permissions) {
      const name = `${bucket.name}/${permission.action}/${prefix}`;
      const answer =
        this.#asked.get(name) ??
        this.#grant.wouldAllow(bucket, {
          ...permission,
          on: "objects-below",
          bucket: bucket.name,
          prefix,
          extent: "everything-below",
        });
      this.#asked.set(name, answer);
      if (!(await answer)) throw new S3Error("AccessDenied");
    }
  }
}
