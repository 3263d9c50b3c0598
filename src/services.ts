/** Everything a request needs, opened from the bindings once per isolate. */
import { waitUntil } from "cloudflare:workers";
import { AccessLogs } from "./access-log/access-logs.ts";
import { AuditTrail } from "./audit/audit-trail.ts";
import { Callbacks } from "./delivery/callbacks.ts";
import { Destinations } from "./delivery/destinations.ts";
import { type Config, type Env, findQueues, readConfig } from "./env.ts";
import { Metrics } from "./metrics/metrics.ts";
import type { AccountCaller } from "./model/caller.ts";
import type { MacKey } from "./model/mac-key.ts";
import type { Deployment } from "./operations/operation.ts";
import type { TargetPolicy } from "./outbound/target.ts";
import { parseRawUrl } from "./protocol/request-target.ts";
import { Signers } from "./signing/signer.ts";
import { TopicDeliveries } from "./sns/topic-deliveries.ts";
import type { Adoption } from "./storage/adopted/adoption.ts";
import { type AdoptedSweeping, openAdopted } from "./storage/adopted/open-adopted.ts";
import { routedObjects, routedUploads } from "./storage/adopted/routed-stores.ts";
import { CustomerKeys } from "./storage/customer-keys.ts";
import { KeyUsage, UserKeys } from "./storage/d1/access-keys.ts";
import { Accounts } from "./storage/d1/accounts.ts";
import { AuditSwitch } from "./storage/d1/audit-switch.ts";
import { BucketDeletion } from "./storage/d1/bucket-deletion.ts";
import { BucketDocuments, Buckets } from "./storage/d1/buckets.ts";
import { CertificateKeys } from "./storage/d1/certificate-keys.ts";
import { ConfigExports } from "./storage/d1/config-exports.ts";
import { ConfigRestores } from "./storage/d1/config-restores.ts";
import { DeadLetters } from "./storage/d1/dead-letters.ts";
import { Directory, limitBucketTtlMs } from "./storage/d1/directory.ts";
import { DueMarkers } from "./storage/d1/due-markers.ts";
import { Heartbeats } from "./storage/d1/heartbeats.ts";
import { Inventories } from "./storage/d1/inventories.ts";
import { KmsKeys } from "./storage/d1/kms-keys.ts";
import { LifecyclePasses } from "./storage/d1/lifecycle-passes.ts";
import { OpenUploads } from "./storage/d1/open-uploads.ts";
import { DisplayNames, Principals } from "./storage/d1/principals.ts";
import { RebuiltBuckets } from "./storage/d1/rebuilt-buckets.ts";
import { Receivers } from "./storage/d1/receivers.ts";
import { Remotes } from "./storage/d1/remotes.ts";
import { ReplicaClock } from "./storage/d1/replica-reads.ts";
import { ReplicationJobs } from "./storage/d1/replication-jobs.ts";
import { ReplicationTasks } from "./storage/d1/replication-tasks.ts";
import { ScrubRows } from "./storage/d1/scrub-rows.ts";
import { Subscriptions } from "./storage/d1/subscriptions.ts";
import { DeletedBuckets, SweepCursors } from "./storage/d1/sweep-state.ts";
import { Topics } from "./storage/d1/topics.ts";
import { Usage } from "./storage/d1/usage.ts";
import { Users } from "./storage/d1/users.ts";
import { Intents } from "./storage/journal/intents.ts";
import { Journal } from "./storage/journal/journal.ts";
import type { Queues } from "./storage/journal/messages.ts";
import { patientBindings } from "./storage/platform/patient-bindings.ts";
import { openQuotas } from "./storage/quota-guard.ts";
import { Annotations } from "./storage/r2/annotations.ts";
import { BucketMarkers } from "./storage/r2/bucket-markers.ts";
import { InventoryObjects } from "./storage/r2/inventory-objects.ts";
import { LifecycleObjects } from "./storage/r2/lifecycle-objects.ts";
import { Objects } from "./storage/r2/objects.ts";
import { Reencryption } from "./storage/r2/reencryption.ts";
import { UsageObjects } from "./storage/r2/usage-objects.ts";
import { ScrubSource } from "./storage/scrub/scrub-reads.ts";
import { nameSealKey, openMacKey, openSealer } from "./storage/sealing.ts";
import { SessionTokens } from "./storage/session-tokens.ts";
import type { Stores } from "./storage/stores.ts";
import { BlobSets } from "./storage/uploads/blob-sets.ts";
import { uploadIds } from "./storage/uploads/upload-id.ts";
import { Uploads } from "./storage/uploads/uploads.ts";
import { withStoredSecrets } from "./stored-secrets.ts";

export interface Services {
  readonly config: Config;
  readonly directory: Directory;
  readonly stores: Stores;
  /** What operations may know of this deployment. */
  readonly deployment: Deployment;
  readonly journal: Journal;
  /** Logs the requests to buckets with access logs. */
  readonly accessLogs: AccessLogs;
  /** Shows who changed what, and what was denied. */
  readonly audit: AuditTrail;
  readonly auditSwitch: AuditSwitch;
  readonly metrics: Metrics;
  readonly intents: Intents;
  readonly queues: Queues;
  readonly accounts: Accounts;
  readonly users: Users;
  readonly userKeys: UserKeys;
  readonly topics: Topics;
  readonly subscriptions: Subscriptions;
  readonly topicDeliveries: TopicDeliveries;
  readonly callbacks: Callbacks;
  readonly receivers: Receivers;
  readonly deadLetters: DeadLetters;
  readonly heartbeats: Heartbeats;
  readonly remotes: Remotes;
  readonly kmsKeys: KmsKeys;
  readonly configExports: ConfigExports;
  readonly configRestores: ConfigRestores;
  readonly bucketMarkers: BucketMarkers;
  readonly adoption: Adoption;
  readonly rebuiltBuckets: RebuiltBuckets;
  readonly replicationTasks: ReplicationTasks;
  readonly replicationJobs: ReplicationJobs;
  /** What buckets hold, as it was last counted. */
  readonly usage: Usage;
  /** Records the last use of a key after the answer. For authenticated callers only. */
  noteKeyUse(caller: AccountCaller, use: { readonly service: "s3" | "iam" | "sts" | "sns"; readonly now: Date }): void;
  /** Signs messages to receivers of notifications. */
  readonly signers: Signers;
  /**
   * Which addresses that users configure may be called.
   * @param origin the origin of the request that configured the address, e.g. `https://s3.example.com`
   */
  targetPolicy(origin?: string): TargetPolicy;
  /** What only sweeps read and change. */
  readonly sweeping: {
    readonly adopted: AdoptedSweeping;
    readonly openUploads: OpenUploads;
    readonly blobSets: BlobSets;
    readonly cursors: SweepCursors;
    readonly deletedBuckets: DeletedBuckets;
    readonly dueMarkers: DueMarkers;
    readonly replicaClock: ReplicaClock;
    readonly usageObjects: UsageObjects;
  };
  /** What only the lifecycle reads and changes. */
  readonly lifecycle: {
    readonly passes: LifecyclePasses;
    readonly objects: LifecycleObjects;
    readonly openUploads: OpenUploads;
  };
  /** What only inventories read and change. */
  readonly inventory: {
    readonly reports: Inventories;
    readonly objects: InventoryObjects;
  };
  /** What a scrub reads. */
  readonly scrub: ScrubSource;
  /** Signs continuation tokens. */
  readonly tokenKey: MacKey;
  /** Signs the state that replicas behind endpoints carry in their metadata. */
  readonly stampKey: MacKey;
}

/** Each surface receives only the services it uses. */
export type S3Services = Pick<Services, "config" | "directory" | "stores" | "deployment" | "journal" | "noteKeyUse">;

export type QueryServices = Pick<
  Services,
  | "config"
  | "directory"
  | "noteKeyUse"
  | "queues"
  | "subscriptions"
  | "tokenKey"
  | "topicDeliveries"
  | "topics"
  | "userKeys"
  | "users"
> & { readonly stores: Pick<Stores, "principals"> };

export type AdminServices = Pick<
  Services,
  | "accounts"
  | "auditSwitch"
  | "adoption"
  | "bucketMarkers"
  | "configExports"
  | "configRestores"
  | "deadLetters"
  | "deployment"
  | "directory"
  | "heartbeats"
  | "kmsKeys"
  | "queues"
  | "rebuiltBuckets"
  | "receivers"
  | "remotes"
  | "replicationJobs"
  | "replicationTasks"
  | "scrub"
  | "signers"
  | "targetPolicy"
  | "usage"
> & {
  readonly stores: Pick<Stores, "principals" | "quotas">;
  /** Without secrets. */
  readonly config: Pick<
    Config,
    "acceptsKeysOverHttp" | "configTtlMs" | "edgeCacheSeconds" | "region" | "s3Domains" | "stores" | "websiteDomains"
  >;
};

export type LifecycleServices = Pick<
  Services,
  "accessLogs" | "config" | "directory" | "journal" | "lifecycle" | "stores"
>;

export type InventoryServices = Pick<
  Services,
  "config" | "directory" | "inventory" | "journal" | "replicationTasks" | "stores"
>;

/** Consumers of queues and scheduled work. */
export type EventServices = Pick<
  Services,
  | "accounts"
  | "callbacks"
  | "config"
  | "deadLetters"
  | "directory"
  | "heartbeats"
  | "intents"
  | "journal"
  | "queues"
  | "receivers"
  | "remotes"
  | "replicationJobs"
  | "replicationTasks"
  | "stampKey"
  | "stores"
  | "subscriptions"
  | "targetPolicy"
  | "topicDeliveries"
  | "topics"
>;

let opened: { readonly env: Env; readonly services: Services } | undefined;

/** As `openServices`, for a deployment that may have its secrets in D1. @throws NotConfigured */
export async function openDeployment(bindings: Env): Promise<Services> {
  if (opened !== undefined && isSameDeployment(opened.env, bindings)) return opened.services;
  return openServices(await withStoredSecrets(bindings));
}

/** @throws NotConfigured */
export function openServices(bindings: Env): Services {
  if (opened !== undefined && isSameDeployment(opened.env, bindings)) return opened.services;
  const env = patientBindings(bindings);
  const config = readConfig(env);
  const sealer = openSealer(config.sealKey, "access-key-secrets");
  const sessionTokens = new SessionTokens(
    openSealer(config.sealKey, "session-tokens"),
    openMacKey(config.sealKey, "session-secrets"),
  );
  const auditSwitch = new AuditSwitch(env.DB, config.configTtlMs);
  const directory = new Directory({
    db: env.DB,
    sealer,
    sessionTokens,
    root: { accessKeyId: config.rootAccessKeyId, secretAccessKey: config.rootSecretAccessKey },
    ttlMs: config.configTtlMs,
    waitUntil,
    mayReadReplicas: config.readsReplicas,
    audit: auditSwitch,
  });
  const queues = findQueues(env);
  const intents = new Intents(env.DB);
  const keyUsage = new KeyUsage(env.DB, config.rootAccessKeyId);
  const blobSets = new BlobSets(env.UPLOADS);
  const ids = uploadIds(openMacKey(config.sealKey, "upload-ids"));
  const sealers = {
    accessKeys: sealer,
    remotes: openSealer(config.sealKey, "remote-secrets"),
    kmsKeys: openSealer(config.sealKey, "kms-keys"),
    signingKeys: openSealer(config.sealKey, "signing-keys"),
    sealKeyName: () => nameSealKey(config.sealKey),
  };
  const remotes = new Remotes(env.DB, sealers.remotes);
  const kmsKeys = new KmsKeys(env.DB, sealers.kmsKeys, {
    region: config.region,
    ttlMs: config.configTtlMs,
  });
  const replicationTasks = new ReplicationTasks(env.DB);
  const signers = new Signers(new CertificateKeys(env.DB, sealers.signingKeys, sealers.sealKeyName));
  const targetPolicy = (origin?: string): TargetPolicy => {
    const origins = [config.publicOrigin, config.console?.origin, origin].filter((each) => each !== undefined);
    return {
      allowPrivate: config.allowPrivateTargets,
      ownHosts: [...config.s3Domains, ...config.websiteDomains, ...origins.map((each) => parseRawUrl(each).host)],
    };
  };
  const tokenKey = openMacKey(config.sealKey, "continuation-tokens");
  const topics = new Topics(env.DB, config.configTtlMs);
  const subscriptions = new Subscriptions(env.DB, topics);
  const { publicOrigin } = config;
  const accounts = new Accounts(env.DB, sealer, directory);
  const callbacks = new Callbacks({ signers, targetPolicy, publicOrigin });
  const { isOnlyIsolate } = config;
  const bucketTtlMs = limitBucketTtlMs(config.configTtlMs);
  // For how long other isolates may act on a bucket's row.
  const othersTtlMs = isOnlyIsolate ? 0 : bucketTtlMs;
  const bucketDeletion = new BucketDeletion({ db: env.DB, directory, bucketTtlMs, isOnlyIsolate });
  const bucketMarkers = new BucketMarkers(config.stores);
  const openUploads = new OpenUploads(env.DB);
  const objects = new Objects(config.stores, blobSets);
  const recordKey = openMacKey(config.sealKey, "adopted-metadata");
  const adopted = openAdopted({ db: env.DB, config, recordKey, ids, directory, bucketDeletion, othersTtlMs });
  const allObjects = routedObjects(objects, adopted.objects);
  const quotas = openQuotas(env.DB, directory, waitUntil);
  const annotations = new Annotations(config.stores, objects);
  const inventories = new Inventories(env.DB, config.lifecycleDayMs);
  const services: Services = {
    config,
    directory,
    stores: {
      buckets: new Buckets(env.DB, directory, othersTtlMs),
      bucketDeletion,
      bucketMarkers,
      objects: allObjects,
      annotations,
      reencryption: new Reencryption(config.stores, objects, annotations),
      uploads: routedUploads(
        new Uploads({ stores: config.stores, blobSets, openUploads, ids, bucketDeletion }),
        adopted.uploads,
      ),
      customerKeys: new CustomerKeys(openMacKey(config.sealKey, "customer-keys")),
      quotas,
      documents: new BucketDocuments(env.DB, directory, othersTtlMs),
      displayNames: new DisplayNames(env.DB),
      principals: new Principals(env.DB),
      remotes,
      kmsKeys,
      replicationTasks,
      inventories,
    },
    deployment: {
      region: config.region,
      regions: [...config.stores.keys()],
      isAnyRegion: !config.enforceRegion,
      acceptsKeysOverHttp: config.acceptsKeysOverHttp,
      newBuckets: config.newBuckets,
      tokenKey,
      destinations: new Destinations({ accounts, topics, queues, callbacks }),
    },
    journal: new Journal({ intents, events: queues.events, deletion: bucketDeletion, quotas }),
    accessLogs: new AccessLogs({ queue: queues.accessLogs, waitUntil }),
    audit: new AuditTrail({ queue: queues.accessLogs, waitUntil, setting: auditSwitch }),
    auditSwitch,
    metrics: new Metrics(env.METRICS),
    intents,
    queues,
    accounts,
    users: new Users(env.DB, directory),
    userKeys: new UserKeys(env.DB, sealer, directory),
    topics,
    subscriptions,
    topicDeliveries: new TopicDeliveries({ signers, targetPolicy, publicOrigin, topics, subscriptions, tokenKey }),
    callbacks,
    receivers: new Receivers(env.DB),
    deadLetters: new DeadLetters(env.DB),
    heartbeats: new Heartbeats(env.DB),
    remotes,
    kmsKeys,
    configExports: new ConfigExports(env.DB, sealers),
    bucketMarkers,
    adoption: adopted.adoption,
    rebuiltBuckets: new RebuiltBuckets(env.DB, directory),
    configRestores: new ConfigRestores(env.DB, sealers, directory),
    replicationTasks,
    replicationJobs: new ReplicationJobs(env.DB),
    usage: new Usage(env.DB),
    noteKeyUse(caller, use) {
      const write = keyUsage.note(caller, { ...use, region: config.region });
      if (write !== undefined) waitUntil(write);
    },
    signers,
    targetPolicy,
    sweeping: {
      adopted: adopted.sweeping,
      openUploads,
      blobSets,
      cursors: new SweepCursors(env.DB),
      deletedBuckets: new DeletedBuckets(env.DB),
      dueMarkers: new DueMarkers(env.DB),
      replicaClock: new ReplicaClock(env.DB),
      usageObjects: new UsageObjects(config.stores, config.adopted),
    },
    lifecycle: {
      passes: new LifecyclePasses(env.DB),
      objects: new LifecycleObjects(config.stores, objects, kmsKeys),
      openUploads,
    },
    inventory: { reports: inventories, objects: new InventoryObjects(config.stores, allObjects) },
    scrub: new ScrubSource({ regions: config.stores, blobSets, kmsKeys, rows: new ScrubRows(env.DB) }),
    tokenKey,
    stampKey: openMacKey(config.sealKey, "replica-stamps"),
  };
  opened = { env: bindings, services };
  return services;
}

/** An isolate serves one deployment, but can receive a new `env` object with each request. */
function isSameDeployment(left: Env, right: Env): boolean {
  if (left === right) return true;
  const isSame = (name: "DB" | "STORE" | "EVENTS" | "ACCESS_LOGS") => left[name] === right[name];
  return isSame("DB") && isSame("STORE") && isSame("EVENTS") && isSame("ACCESS_LOGS");
}
