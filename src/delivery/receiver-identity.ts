import { formatHex } from "../checksum/digest-text.ts";
import type { Receiver } from "../storage/journal/messages.ts";

/** A receiver in statistics and logs. */
export interface ReceiverIdentity {
  /** Of its row; tells receivers with the same name apart. */
  readonly id: string;
  readonly kind: Receiver["kind"];
  /** An ARN, or a URL without its query, where tokens stand. */
  readonly name: string;
}

export async function identify(receiver: Receiver): Promise<ReceiverIdentity> {
  const { kind } = receiver;
  const whole = fullName(receiver);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`${kind} ${whole}`));
  return { id: formatHex(new Uint8Array(digest)), kind, name: kind === "callback" ? withoutQuery(whole) : whole };
}

/** The same receiver for people, where no row is asked for. */
export function describeReceiver(receiver: Receiver): string {
  return receiver.kind === "callback" ? withoutQuery(receiver.url) : fullName(receiver);
}

function fullName(receiver: Receiver): string {
  switch (receiver.kind) {
    case "callback":
      return receiver.url;
    case "subscription":
      return receiver.subscriptionArn;
    case "queue":
      return receiver.arn;
  }
}

function withoutQuery(url: string): string {
  return url.replace(/\?.*$/s, "");
}
