/**
 * The Worker's bindings, read and checked once per isolate. Only `index.ts`, `services.ts` and what they call directly
 * see `Env`.
 */

import { type ConsoleSettings, readConsoleSettings } from "./console/settings.ts";
import type { MetricsDataset } from "./metrics/metrics.ts";
import { isAdopted } from "./model/adopted.ts";
import type { NewBucketSettings } from "./model/bucket.ts";
import type { ProbeMessage } from "./model/heartbeat.ts";
import { DAY_MS } from "./model/lifecycle.ts";
import type { RequestLogLevel } from "./request-log.ts";
import { SECRET_SHAPES, type SecretName } from "./secret-shapes.ts";
import { type AdoptedStores, adoptedStores } from "./storage/adopted/adopted-stores.ts";
import {
  type AccessLogMessage,
  type AuditMessage,
  type ChangesMessage,
  type DeadLetter,
  type DeliveryMessage,
  OwnQueue,
  type Queues,
  type ReplicationMessage,
  type ReplicationPageMessage,
} from "./storage/journal/messages.ts";
import { parseWaits, type WaitsBinding } from "./storage/platform/waits.ts";
import { defaultRegion, type RegionStores, regionStores } from "./storage/r2/entry-place.ts";
import type { MultipartUpload } from "./storage/uploads/blob-set.ts";

/**
 * Bindings and variables of `wrangler.toml` plus the secrets. `STORE_<NAME>` bindings add regions, `QUEUE_<NAME>` bindings
 * receivers of notifications, `ADOPT_<NAME>` bindings R2 buckets that can be adopted.
 */
export interface Env extends WaitsBinding {
  readonly STORE: R2Bucket;
  readonly DB: D1Database;
  readonly UPLOADS: DurableObjectNamespace<MultipartUpload>;
  readonly EVENTS: Queue<ChangesMessage | ProbeMessage>;
  readonly DELIVERIES: Queue<DeliveryMessage | ProbeMessage>;
  readonly RETRIES: Queue<DeliveryMessage | ProbeMessage>;
  readonly REPLICATION: Queue<ReplicationMessage | ReplicationPageMessage | ProbeMessage>;
  readonly ACCESS_LOGS: Queue<AccessLogMessage | AuditMessage | ProbeMessage>;
  readonly DEAD_LETTERS: Queue<DeadLetter | ProbeMessage>;
  /** Where request metrics are written; absent: nowhere. */
  readonly METRICS?: MetricsDataset;
  readonly ROOT_ACCESS_KEY_ID?: string;
  readonly ROOT_SECRET_ACCESS_KEY?: string;
  readonly SEAL_KEY?: string;
  /** In place of the other secrets: opens the set-up, which makes them. */
  readonly SETUP_CODE?: string;
  readonly REGION?: string;
  readonly S3_DOMAINS?: string;
  readonly WEBSITE_DOMAINS?: string;
  readonly CONSOLE_DOMAIN?: string;
  /** Set by the local servers: their own origin. */
  readonly LOCAL_ENDPOINT?: string;
  readonly CONFIG_TTL_SECONDS?: string;
  readonly D1_READS?: string;
  readonly EDGE_CACHE?: string;
  readonly EDGE_CACHE_SECONDS?: string;
  /** Set by the servers for development. */
  readonly ONE_ISOLATE?: string;
  readonly ENFORCE_REGION?: string;
  readonly SIGNATURE_V2?: string;
  readonly ABORT_INCOMPLETE_UPLOADS_DAYS?: string;
  readonly BLOB_GRACE_HOURS?: string;
  readonly LIFECYCLE_CALLS?: string;
  /** For development only. */
  readonly LIFECYCLE_DAY_SECONDS?: string;
  /** For development only. */
  readonly CUSTOMER_KEYS_OVER_HTTP?: string;
  readonly NEW_BUCKETS?: string;
  readonly PUBLIC_ORIGIN?: string;
  readonly ALLOW_PRIVATE_TARGETS?: string;
  readonly REQUEST_LOG?: string;
}

export interface Config {
  readonly rootAccessKeyId: string;
  readonly rootSecretAccessKey: string;
  /** 32 bytes; everything that is sealed or signed by the deployment derives from it. */
  readonly sealKey: Uint8Array<ArrayBuffer>;
  /** The region of the `STORE` binding. */
  readonly region: string;
  /** Domains under which `<bucket>.<domain>` names a bucket. */
  readonly s3Domains: readonly string[];
  /**
   * Domains under which `<bucket>.<domain>` is a bucket's website. Each is also the website of the bucket of its own
   * name.
   */
  readonly websiteDomains: readonly string[];
  /** Undefined: no console. */
  readonly console: ConsoleSettings | undefined;
  /** How long an isolate may use what it has read about keys and buckets. */
  readonly configTtlMs: number;
  /** Whether reads of objects may use keys and buckets as the nearest replica of D1 shows them. */
  readonly readsReplicas: boolean;
  /** How long public answers may be kept in the cache of a data center; 0: not at all. */
  readonly edgeCacheSeconds: number;
  /**
   * Whether one isolate serves the whole deployment, as in development. It then always knows the latest state of keys
   * and buckets.
   */
  readonly isOnlyIsolate: boolean;
  /** Whether the credential scope must name `region`. */
  readonly enforceRegion: boolean;
  /** Whether requests signed with Signature Version 2 are accepted. */
  readonly signatureV2: boolean;
  /** Unfinished uploads are aborted after this many days; 0: never, as in S3 without a lifecycle rule. */
  readonly abortIncompleteUploadsDays: number;
  /** How long a blob is kept after the last entry that names it is gone, for requests that are still reading it. */
  readonly blobGraceMs: number;
  /** Calls to the platform that one run of the lifecycle, or of inventories, may make. */
  readonly lifecycleCalls: number;
  /** Whether customers' encryption keys are accepted without TLS. */
  readonly acceptsKeysOverHttp: boolean;
  /** The length of a day of lifecycle rules and of inventories. */
  readonly lifecycleDayMs: number;
  /**
   * Origin that receivers of notifications can reach, e.g. `https://s3.example.com`; undefined: the origin of the
   * request that named them.
   */
  readonly publicOrigin: string | undefined;
  /** Whether URLs that users configure may point to loopback or private addresses. */
  readonly allowPrivateTargets: boolean;
  /** Which requests are logged: all, or those answered with a status from 400 or from 500. */
  readonly requestLog: RequestLogLevel;
  /** Settings that every new bucket is given. */
  readonly newBuckets: NewBucketSettings;
  /** R2 bindings by region. */
  readonly stores: RegionStores;
  /** R2 bindings of the deployer's own buckets, by name. */
  readonly adopted: AdoptedStores;
}

/** Why the Worker cannot serve yet, as a message to the person who deploys it. */
export class NotConfigured extends Error {
  override readonly name = "NotConfigured";
}

const REMEDY = "Run `npm run deploy` (or `npm run dev` for local use), which sets what is missing.";

/**
 * @throws NotConfigured with the name of the first setting that is missing or malformed, never with a secret's value
 */
export function readConfig(env: Env): Config {
  const region = defaultRegion(env);
  checkWaits(env);
  if (isAdopted({ region })) throw new NotConfigured("REGION must not begin with ADOPT_.");
  return {
    rootAccessKeyId: required(env, "ROOT_ACCESS_KEY_ID"),
    rootSecretAccessKey: required(env, "ROOT_SECRET_ACCESS_KEY"),
    sealKey: hexToBytes(required(env, "SEAL_KEY")),
    region,
    ...domainsOf(env),
    console: consoleOf(env),
    configTtlMs: wholeNumber("CONFIG_TTL_SECONDS", env.CONFIG_TTL_SECONDS ?? "5") * 1000,
    readsReplicas: d1Reads("D1_READS", env.D1_READS ?? "primary") === "nearest",
    edgeCacheSeconds: edgeCacheSeconds(env),
    isOnlyIsolate: boolean("ONE_ISOLATE", env.ONE_ISOLATE ?? "false"),
    enforceRegion: boolean("ENFORCE_REGION", env.ENFORCE_REGION ?? "false"),
    signatureV2: onOrOff("SIGNATURE_V2", env.SIGNATURE_V2 ?? "on"),
    abortIncompleteUploadsDays: wholeNumber("ABORT_INCOMPLETE_UPLOADS_DAYS", env.ABORT_INCOMPLETE_UPLOADS_DAYS ?? "0"),
    // Without a grace period, blobs would be deleted while a request reads them, or before the write that stored them
    // has named them.
    blobGraceMs: wholeNumber("BLOB_GRACE_HOURS", env.BLOB_GRACE_HOURS ?? "24", 1) * 60 * 60 * 1000,
    lifecycleCalls: wholeNumber("LIFECYCLE_CALLS", env.LIFECYCLE_CALLS ?? "900", 100),
    lifecycleDayMs: lifecycleDayMs(env),
    acceptsKeysOverHttp: acceptsKeysOverHttp(env),
    publicOrigin: origin("PUBLIC_ORIGIN", env.PUBLIC_ORIGIN ?? ""),
    allowPrivateTargets: boolean("ALLOW_PRIVATE_TARGETS", env.ALLOW_PRIVATE_TARGETS ?? "false"),
    requestLog: requestLogLevel("REQUEST_LOG", env.REQUEST_LOG ?? "errors"),
    newBuckets: newBuckets("NEW_BUCKETS", env.NEW_BUCKETS ?? "open"),
    stores: findStores(env),
    adopted: adoptedStores(env),
  };
}

function domainsOf(env: Env): Pick<Config, "s3Domains" | "websiteDomains"> {
  const read = (list: string) =>
    list
      .split(",")
      .map((domain) => domain.trim().toLowerCase())
      .filter((domain) => domain !== "");
  const s3Domains = read(env.S3_DOMAINS ?? "");
  const websiteDomains = read(env.WEBSITE_DOMAINS ?? "website.localhost");
  const both = websiteDomains.find((domain) => s3Domains.includes(domain));
  if (both !== undefined)
    throw new NotConfigured(`${both} is in both S3_DOMAINS and WEBSITE_DOMAINS; it can be in only one of them.`);
  return { s3Domains, websiteDomains };
}

function consoleOf(env: Env): ConsoleSettings | undefined {
  const { CONSOLE_DOMAIN: domain = "", LOCAL_ENDPOINT: localEndpoint = "", ONE_ISOLATE } = env;
  if (localEndpoint !== "" && ONE_ISOLATE !== "true")
    throw new NotConfigured("LOCAL_ENDPOINT is for development only.");
  const publicOrigin = origin("PUBLIC_ORIGIN", env.PUBLIC_ORIGIN ?? "");
  const outcome = readConsoleSettings({ domain, localEndpoint, publicOrigin, ...domainsOf(env) });
  if ("problem" in outcome) throw new NotConfigured(outcome.problem);
  return outcome.settings;
}

function required(env: Env, name: SecretName): string {
  const value = env[name];
  const { pattern, expected } = SECRET_SHAPES[name];
  if (!value) throw new NotConfigured(`The secret ${name} is not set. ${REMEDY}`);
  if (!pattern.test(value)) throw new NotConfigured(`The secret ${name} must be ${expected}.`);
  return value;
}

function wholeNumber(name: string, text: string, least = 0): number {
  if (!/^\d{1,4}$/.test(text) || Number(text) < least) {
    throw new NotConfigured(`${name} must be a whole number from ${least} to 9999.`);
  }
  return Number(text);
}

function boolean(name: string, text: string): boolean {
  if (text !== "true" && text !== "false") throw new NotConfigured(`${name} must be "true" or "false".`);
  return text === "true";
}

/** A shorter day would remove objects long before the time that their rules state. */
function lifecycleDayMs({ LIFECYCLE_DAY_SECONDS: text, ONE_ISOLATE }: Env): number {
  if (!text) return DAY_MS;
  if (ONE_ISOLATE !== "true") throw new NotConfigured("LIFECYCLE_DAY_SECONDS is for development only.");
  return wholeNumber("LIFECYCLE_DAY_SECONDS", text, 1) * 1000;
}

/** Tests set it; a deployment has no reason to. */
function checkWaits({ PLATFORM_WAITS_MS: text }: Env): void {
  if (text !== undefined && parseWaits(text) === undefined)
    throw new NotConfigured("PLATFORM_WAITS_MS must be three numbers of milliseconds.");
}

/** The keys would be readable on their way. */
function acceptsKeysOverHttp({ CUSTOMER_KEYS_OVER_HTTP: text, ONE_ISOLATE }: Env): boolean {
  const isAccepted = boolean("CUSTOMER_KEYS_OVER_HTTP", text ?? "false");
  if (isAccepted && ONE_ISOLATE !== "true") throw new NotConfigured("CUSTOMER_KEYS_OVER_HTTP is for development only.");
  return isAccepted;
}

function edgeCacheSeconds(env: Env): number {
  const seconds = wholeNumber("EDGE_CACHE_SECONDS", env.EDGE_CACHE_SECONDS ?? "60", 1);
  const kind = env.EDGE_CACHE ?? "off";
  if (kind !== "off" && kind !== "public") throw new NotConfigured('EDGE_CACHE must be "off" or "public".');
  return kind === "off" ? 0 : seconds;
}

function d1Reads(name: string, text: string): "primary" | "nearest" {
  if (text !== "primary" && text !== "nearest") throw new NotConfigured(`${name} must be "primary" or "nearest".`);
  return text;
}

function onOrOff(name: string, text: string): boolean {
  if (text !== "on" && text !== "off") throw new NotConfigured(`${name} must be "on" or "off".`);
  return text === "on";
}

function requestLogLevel(name: string, text: string): RequestLogLevel {
  if (text === "all" || text === "errors" || text === "failures") return text;
  throw new NotConfigured(`${name} must be "all", "errors" or "failures".`);
}

/** `aws`: the settings that AWS gives new buckets since 2023. */
function newBuckets(name: string, text: string): NewBucketSettings {
  if (text === "open") return {};
  if (text !== "aws") throw new NotConfigured(`${name} must be "open" or "aws".`);
  const publicAccessBlock = {
    blockPublicAcls: true,
    ignorePublicAcls: true,
    blockPublicPolicy: true,
    restrictPublicBuckets: true,
  };
  return { ownership: "BucketOwnerEnforced", publicAccessBlock };
}

function origin(name: string, text: string): string | undefined {
  if (text === "") return undefined;
  if (!/^https?:\/\/[a-z0-9.-]+(:\d{1,5})?$/.test(text)) {
    throw new NotConfigured(`${name} must be like https://s3.example.com, in lower case and without a path.`);
  }
  return text;
}

function hexToBytes(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function findStores(env: Env): RegionStores {
  requireStorage(env);
  return regionStores(env);
}

/** @throws NotConfigured */
export function requireStorage(env: Env): void {
  if (env.STORE === undefined || env.DB === undefined || env.UPLOADS === undefined) {
    throw new NotConfigured("wrangler.toml must bind STORE (R2), DB (D1) and UPLOADS (Durable Objects).");
  }
}

/** Whether requests may come without TLS, as they do to the servers for development. */
export function acceptsHttp({ ONE_ISOLATE }: Env): boolean {
  return ONE_ISOLATE === "true";
}

export function findQueues(env: Env): Queues {
  const bound = new Map<string, Queue>();
  for (const [name, binding] of Object.entries(env as unknown as Record<string, unknown>)) {
    const match = /^QUEUE_([A-Z0-9_]+)$/.exec(name);
    if (match?.[1] !== undefined) bound.set(match[1].toLowerCase().replaceAll("_", "-"), binding as Queue);
  }
  return {
    events: new OwnQueue(env.EVENTS),
    deliveries: new OwnQueue(env.DELIVERIES),
    retries: new OwnQueue(env.RETRIES),
    replication: new OwnQueue(env.REPLICATION),
    accessLogs: new OwnQueue(env.ACCESS_LOGS),
    deadLetters: new OwnQueue(env.DEAD_LETTERS),
    bound,
  };
}
