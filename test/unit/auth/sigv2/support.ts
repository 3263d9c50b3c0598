/** A client of Signature Version 2 for tests: the signed text is given separately from what is sent. */
import { createHmac } from "node:crypto";
import { authenticate } from "../../../../src/auth/authenticate.ts";
import { parseAddress } from "../../../../src/protocol/addressing.ts";
import type { S3Request } from "../../../../src/protocol/s3-request.ts";
import { ACCESS_KEY_ID, keyring, received, SECRET, type Sent } from "../support.ts";

export const DOMAIN = "s3.amazonaws.com";
export const NOW_V2 = new Date("2007-03-27T19:40:00Z");
export const DATE = "Tue, 27 Mar 2007 19:36:42 +0000";
export const SOON = String(NOW_V2.getTime() / 1000 + 600);
export const ON = { regions: "any", service: "s3", signatureV2: true } as const;

export function signatureV2(text: string, secret = SECRET): string {
  return createHmac("sha1", secret).update(text).digest("base64");
}

/** Addressed as in the pipeline. */
export function request(sent: Sent): S3Request {
  const plain = received({ now: NOW_V2, ...sent });
  return { ...plain, ...parseAddress(plain.url, plain.headers.get("host"), [DOMAIN]) };
}

export interface SignedV2 extends Sent {
  /** The string to sign, line by line. */
  readonly lines: readonly string[];
}

/** A request whose header signs these lines. */
export function byHeader({ lines, headers = {}, ...sent }: SignedV2): S3Request {
  const authorization = `AWS ${ACCESS_KEY_ID}:${signatureV2(lines.join("\n"))}`;
  return request({ ...sent, headers: { authorization, ...headers } });
}

/** A request whose query signs these lines. */
export function byQuery({ lines, url = "", ...sent }: SignedV2, expires = SOON): S3Request {
  const own = new URLSearchParams({ AWSAccessKeyId: ACCESS_KEY_ID, Expires: expires });
  own.set("Signature", signatureV2(lines.join("\n")));
  return request({ ...sent, url: `${url}${url.includes("?") ? "&" : "?"}${own}` });
}

export function verify(signed: S3Request, keys = keyring()) {
  return authenticate(signed, keys, ON);
}
