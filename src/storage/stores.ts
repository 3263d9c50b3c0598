/** What operations see of storage. Opened once per isolate by `services.ts`. */
import type { CustomerKeys } from "./customer-keys.ts";
import type { BucketDeletion } from "./d1/bucket-deletion.ts";
import type { BucketDocuments, Buckets } from "./d1/buckets.ts";
import type { Inventories } from "./d1/inventories.ts";
import type { KmsKeys } from "./d1/kms-keys.ts";
import type { DisplayNames, Principals } from "./d1/principals.ts";
import type { Remotes } from "./d1/remotes.ts";
import type { ReplicationTasks } from "./d1/replication-tasks.ts";
import type { QuotaGuard } from "./quota-guard.ts";
import type { Annotations } from "./r2/annotations.ts";
import type { BucketMarkers } from "./r2/bucket-markers.ts";
import type { ObjectStore } from "./r2/objects.ts";
import type { Reencryption } from "./r2/reencryption.ts";
import type { UploadStore } from "./uploads/uploads.ts";

export interface Stores {
  readonly annotations: Annotations;
  readonly buckets: Buckets;
  readonly bucketDeletion: BucketDeletion;
  readonly bucketMarkers: BucketMarkers;
  readonly objects: ObjectStore;
  readonly reencryption: Reencryption;
  readonly uploads: UploadStore;
  readonly quotas: QuotaGuard;
  readonly customerKeys: CustomerKeys;
  readonly documents: BucketDocuments;
  readonly displayNames: DisplayNames;
  readonly principals: Principals;
  readonly kmsKeys: Pick<KmsKeys, "require" | "generate" | "seal" | "unseal">;
  readonly remotes: Pick<Remotes, "isOpenTo">;
  readonly inventories: Pick<Inventories, "put" | "get" | "list" | "delete">;
  readonly replicationTasks: Pick<ReplicationTasks, "statusOf">;
}
