/**
 * GetBucketReplication, PutBucketReplication, DeleteBucketReplication (API_GetBucketReplication and so on).
 *
 * On AWS a role replicates the objects, and the caller that configures replication must be allowed to pass that role.
 * There are no roles here, so the caller needs the permissions of the role ("Setting up permissions for replication").
 * Without that rule, a user could have objects read and overwritten that the user cannot access.
 *
 * Deviation: AWS requires versioning on both buckets. It is not required here, because an object at the destination is
 * replaced only by a later write.
 *
 * Deviation: a destination in the same region is allowed, as on AWS; the reference system requires another region.
 */
import type { PermissionOnObjectsBelow } from "../../access/actions.ts";
import type { Grant, GrantedBucket } from "../../access/authorize.ts";
import { invalidArgument, invalidRequest, S3Error } from "../../errors.ts";
import { isAdopted, notInAdopted } from "../../model/adopted.ts";
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

/**
 * Limit of a stored configuration as JSON, because every isolate caches it: about 300 rules with prefixes of ordinary
 * length.
 */
export const MAX_STORED_LENGTH = 64 * 1024;

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
    throw invalidRequest(`A replication configuration can have at most ${MAX_STORED_LENGTH} characters of values.`);
  }
  // Each destination is looked up once, because a thousand rules can name the same one.
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
 * The bucket that a rule names, if it belongs to this deployment.
 * @throws S3Error `InvalidRequest` if it does not exist, is the source, or is behind a remote that this account cannot
 *   use; `AccessDenied` if it belongs to another account; `InvalidArgument` for a wrong Account
 */
async function requireDestination(
  destination: ReplicationDestination,
  source: Bucket,
  { grant, stores }: { readonly grant: Grant; readonly stores: Stores },
): Promise<Bucket | undefined> {
  const { remote, bucket: name, account } = destination;
  if (remote !== undefined) {
    // A remote that only other accounts can use looks like one that does not exist.
    if (await stores.remotes.isOpenTo(remote, source.accountId, name)) return undefined;
    throw invalidRequest("Destination bucket must exist.");
  }
  if (name === source.name) throw invalidRequest("Destination bucket cannot be the same as the source bucket.");
  const target = await stores.buckets.find(grant, name);
  if (target === undefined) throw invalidRequest("Destination bucket must exist.");
  if (target.accountId !== source.accountId) throw new S3Error("AccessDenied");
  if (isAdopted(target)) throw notInAdopted("Replication is");
  if (account !== undefined && account !== target.accountId) {
    throw invalidArgument("Account is not the owner of the destination bucket", "Account", account);
  }
  return target;
}

/** Permissions on all objects that a rule covers, now and later. */
type OfEachObject = Pick<PermissionOnObjectsBelow, "action" | "isNew">;

/**
 * The author of a rule needs permission for everything the rule does, for all keys it covers: what AWS's role needs
 * ("Setting up permissions for replication"), and what the author would need to do the same directly. A Deny for any
 * part of the prefix counts, or a user without access to `secret/` could have it copied by a rule for everything. Each
 * prefix is checked once, even if several rules have it.
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
   * At a remote, its owner there controls what its key can do, and here the caller's own policies control access to the
   * remote.
   * @param target undefined if it does not belong to this deployment
   * @throws S3Error `AccessDenied`
   */
  async require(rule: ParsedRule, target: Bucket | undefined): Promise<void> {
    const { prefix, replicatesDeletes, destination } = rule;
    const carriesAcl = destination.overridesOwner !== true;
    const carriesLocks = this.#source.documents.objectLock !== undefined;
    const reads: readonly OfEachObject[] = [
      { action: "s3:GetObjectVersionForReplication" },
      { action: "s3:GetObject" },
      { action: "s3:GetObjectTagging" },
      ...(carriesAcl ? [{ action: "s3:GetObjectAcl" } as const] : []),
      ...(carriesLocks ? ([{ action: "s3:GetObjectRetention" }, { action: "s3:GetObjectLegalHold" }] as const) : []),
    ];
    const writes: readonly OfEachObject[] = [
      { action: "s3:ReplicateObject" },
      { action: "s3:PutObject" },
      { action: "s3:PutObjectTagging", isNew: true },
      ...(carriesAcl ? [{ action: "s3:PutObjectAcl", isNew: true } as const] : []),
      ...(carriesLocks ? ([{ action: "s3:PutObjectRetention" }, { action: "s3:PutObjectLegalHold" }] as const) : []),
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
