/** A bucket's notification configuration, and which of its rules apply to a change of an object. */
import type { ObjectEvent } from "./event.ts";

export interface NotificationConfiguration {
  /** In document order. */
  readonly rules: readonly NotificationRule[];
}

export interface NotificationRule {
  readonly id: string;
  readonly destination: NotificationDestination;
  /** As configured: `s3:ObjectCreated:Put`, `s3:ObjectRemoved:*`. */
  readonly events: readonly string[];
  /** Empty: any key. */
  readonly prefix: string;
  /** Empty: any key. */
  readonly suffix: string;
  /** Prefix and suffix as they were put, if there were any: rules with ARNs have theirs in URL encoding. */
  readonly filter?: { readonly prefix?: string; readonly suffix?: string };
}

export type NotificationDestination =
  /** The reference system's `NS:` topic: each URL is called. */
  | { readonly kind: "callback"; readonly urls: readonly string[] }
  /** An SNS topic of this deployment. */
  | { readonly kind: "topic"; readonly arn: string }
  /** A Cloudflare Queue bound to the Worker. */
  | { readonly kind: "queue"; readonly arn: string };

/**
 * Every ARN rule that matches, since those cannot overlap within one destination type; of the `NS:` rules only the first
 * ("the first matching one wins", reference system).
 */
export function matchNotifications(
  { rules }: NotificationConfiguration,
  event: ObjectEvent,
  key: string,
): readonly NotificationRule[] {
  const fitting = rules.filter((rule) => matches(rule, event, key));
  const firstCallback = fitting.find((rule) => rule.destination.kind === "callback");
  return fitting.filter((rule) => rule.destination.kind !== "callback" || rule === firstCallback);
}

function matches({ events, prefix, suffix }: NotificationRule, event: ObjectEvent, key: string): boolean {
  return key.startsWith(prefix) && key.endsWith(suffix) && events.some((name) => covers(name, event));
}

/** Whether a configured name, which may end in `*`, covers an event. */
export function covers(configured: string, event: ObjectEvent): boolean {
  const name = `s3:${event}`;
  return configured.endsWith("*") ? name.startsWith(configured.slice(0, -1)) : configured === name;
}

/** The key that signs requests to receivers of notifications, and its certificate. */
export interface CertificateKey {
  /** SHA-256 of the certificate's DER, hexadecimal, lower case. */
  readonly fingerprint: string;
  /** X.509, PEM. */
  readonly certificate: string;
  /** RSA, PKCS #8, base64. */
  readonly privateKey: string;
}
