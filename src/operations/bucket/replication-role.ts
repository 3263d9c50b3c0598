/**
 * What a rule would do its author must be allowed, for all keys the rule can take: what AWS's role needs ("Setting up
 * permissions for replication"), and what the author would need to do the same by hand. A Deny of any part of it counts,
 * or somebody who is kept from `secret/` could have it copied by a rule for everything.
 */
import type { Permission } from "../../access/actions.ts";
import type { Grant } from "../../access/authorize.ts";
import { S3Error } from "../../errors.ts";
import type { Bucket } from "../../model/bucket.ts";
import { formatDestinationArn } from "../../model/replication.ts";
import type { WrittenRule } from "../../protocol/xml/replication-configuration.ts";

/** Asks for each prefix once, however many rules have it. */
export class ReplicationRole {
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
  async require(rule: WrittenRule, target: Bucket | undefined): Promise<void> {
    const { prefix, replicatesDeletes, destination } = rule;
    const carriesAcl = destination.overridesOwner !== true;
    const reads: readonly Permission[] = [
      { action: "s3:GetObjectVersionForReplication" },
      { action: "s3:GetObject" },
      { action: "s3:GetObjectTagging" },
      ...(carriesAcl ? [{ action: "s3:GetObjectAcl" } as const] : []),
    ];
    const writes: readonly Permission[] = [
      { action: "s3:ReplicateObject" },
      { action: "s3:PutObject" },
      { action: "s3:PutObjectTagging", object: "new" },
      ...(carriesAcl ? [{ action: "s3:PutObjectAcl", object: "new" } as const] : []),
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

  async #require(bucket: Bucket, prefix: string, permissions: readonly Permission[]): Promise<void> {
    for (const permission of permissions) {
      const name = `${bucket.name}/${permission.action}/${prefix}`;
      const answer =
        this.#asked.get(name) ??
        this.#grant.wouldAllow(bucket, { ...permission, key: prefix, extent: "everything-below" });
      this.#asked.set(name, answer);
      if (!(await answer)) throw new S3Error("AccessDenied");
    }
  }
}
