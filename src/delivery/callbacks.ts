/**
 * Calls to the URLs of `NS:` topics: the handshake when a configuration names them, and their events. This is an
 * interface of the reference system: S3's record in an older shape, signed over selected headers.
 */
import { formatHex } from "../checksum/digests.ts";
import { type CallOutcome, callTarget } from "../outbound/fetch.ts";
import { type Target, type TargetPolicy, tryTarget } from "../outbound/target.ts";
import { formatHttpDate } from "../protocol/dates.ts";
import type { Signers } from "../signing/signer.ts";
import type { Event } from "../storage/journal/messages.ts";
import { type DeliveryOutcome, outcomeOfCall } from "./outcome.ts";

const TIMEOUT_MS = 5_000;
/** The version of the notification service whose messages these are. */
const VERSION = "2015-06-06";
/** The Base64 form of a challenge has 44 characters; some receivers add a line end. */
const MAX_ANSWER_BYTES = 256;

interface Dependencies {
  readonly signers: Pick<Signers, "open">;
  /** @param endpoint scheme and host by which this deployment was reached when the URL was configured */
  readonly targetPolicy: (endpoint: string) => TargetPolicy;
  /** Scheme and host for receivers; undefined: those by which the deployment was reached. */
  readonly publicOrigin: string | undefined;
}

export class Callbacks {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  /** @param id the same in every attempt, so that a receiver can recognize a repetition */
  async deliver(event: Event, url: string, id: string): Promise<DeliveryOutcome> {
    const target = tryTarget(url, this.#dependencies.targetPolicy(event.origin.endpoint));
    if (typeof target === "string") return { kind: "refused", reason: target, latencyMs: 0 };
    const { outcome, latencyMs } = await this.#call(target, {
      endpoint: event.origin.endpoint,
      type: "Notification",
      id,
      // The samples of the reference system show `text/xml`, but the body is JSON.
      contentType: "application/json;charset=utf-8",
      body: formatCallbackMessage(event),
    });
    return outcomeOfCall(outcome, latencyMs, (status) => status === 200);
  }

  /**
   * Sends a challenge that the receiver must return in Base64, so that only receivers that want events get them.
   * @returns what is wrong with the URL or the answer; undefined if it is verified
   */
  async verify(url: string, endpoint: string): Promise<string | undefined> {
    const target = tryTarget(url, this.#dependencies.targetPolicy(endpoint));
    if (typeof target === "string") return target;
    const challenge = formatHex(crypto.getRandomValues(new Uint8Array(16)));
    const { outcome } = await this.#call(target, {
      endpoint,
      type: "SubscriptionConfirmation",
      id: crypto.randomUUID(),
      contentType: "text/plain;charset=utf-8",
      body: challenge,
    });
    if (outcome.kind === "failed") return `The URL could not be verified: ${outcome.message.replace(/\.$/, "")}.`;
    if (outcome.status !== 200) return `The URL could not be verified: it answered ${outcome.status}.`;
    const answer = new TextDecoder().decode(outcome.body).trim();
    if (answer === btoa(challenge)) return undefined;
    return "The URL could not be verified: it did not answer with the Base64 form of the message.";
  }

  async #call(
    target: Target,
    message: {
      readonly endpoint: string;
      readonly type: "Notification" | "SubscriptionConfirmation";
      readonly id: string;
      readonly contentType: string;
      readonly body: string;
    },
  ): Promise<{ readonly outcome: CallOutcome; readonly latencyMs: number }> {
    const signer = await this.#dependencies.signers.open();
    const certificateUrl = (this.#dependencies.publicOrigin ?? message.endpoint) + signer.certificatePath;
    const headers = {
      "content-md5": await hexMd5InBase64(message.body),
      "content-type": message.contentType,
      date: new Date().toUTCString(),
      "x-jdcloud-message-type": message.type,
      "x-jdcloud-request-id": message.id,
      "x-jdcloud-signing-cert-url": btoa(certificateUrl),
      "x-jdcloud-version": VERSION,
    };
    const authorization = await signer.sign("SHA-1", callbackStringToSign("POST", headers, target.pathAndQuery));
    // Measured from here: the receiver must not count as slow because D1 was.
    const startedAt = Date.now();
    const outcome = await callTarget(target, {
      method: "POST",
      headers: { ...headers, authorization },
      body: message.body,
      timeoutMs: TIMEOUT_MS,
      maxResponseBytes: message.type === "Notification" ? 0 : MAX_ANSWER_BYTES,
    });
    return { outcome, latencyMs: Date.now() - startedAt };
  }
}

/** Encodes the 32 hexadecimal digits, not the 16 bytes, as the samples of the reference system do. */
async function hexMd5InBase64(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("MD5", new TextEncoder().encode(text));
  return btoa(formatHex(new Uint8Array(digest)));
}

/**
 * The body of a callback: S3's record in an older shape with the request's callback variables. The key is not encoded.
 */
export function formatCallbackMessage({ origin, change, configurationId }: Event): string {
  const { bucket, callbackVariables } = origin;
  const record = {
    eventVersion: "1.0",
    eventSource: "oss",
    awsRegion: bucket.location ?? bucket.region,
    eventTime: formatHttpDate(new Date(origin.time)),
    eventName: `s3:${change.event}`,
    userIdentity: { principalId: origin.principalId },
    requestParameters: { sourceIPAddress: origin.sourceIp },
    responseElements: { "x-amz-request-id": origin.requestId },
    s3: {
      s3SchemaVersion: "1.0",
      configurationId,
      bucket: { name: bucket.name, ownerIdentity: { principalId: bucket.ownerId } },
      object: { key: change.key, ...(change.etag !== undefined && { eTag: change.etag }) },
    },
    ...(Object.keys(callbackVariables).length > 0 && { callBackVar: { callBackVars: callbackVariables } }),
  };
  return JSON.stringify({ Records: [record] });
}

const SIGNED_HEADER_PREFIX = "x-jdcloud-";

/**
 * Method, MD5, content type and date on a line each, then each `x-jdcloud-*` header, then the path with its query.
 * @param headers names in lower case
 */
export function callbackStringToSign(
  method: string,
  headers: Readonly<Record<string, string>>,
  pathAndQuery: string,
): string {
  const own = Object.entries(headers)
    .filter(([name]) => name.startsWith(SIGNED_HEADER_PREFIX))
    .map(([name, value]) => `${name}:${value}`)
    .sort();
  return [
    method,
    headers["content-md5"] ?? "",
    (headers["content-type"] ?? "").toLowerCase(),
    headers.date ?? "",
    ...own,
    pathAndQuery,
  ].join("\n");
}
