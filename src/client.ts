/** The client of a request, as the platform describes it. */
import type { Client } from "./protocol/s3-request.ts";

/** Cloudflare's edge sets this header and `cf` on every request. X-Forwarded-For can be set by the client. */
export function clientAtEdge({ headers, cf }: Request): Client {
  return clientOf(headers.get("cf-connecting-ip") ?? undefined, cf);
}

/** @param cf undefined where it does not come from the platform */
export function clientOf(address: string | undefined, cf: Request["cf"]): Client {
  const acceptEncoding: unknown = cf?.clientAcceptEncoding;
  return {
    address,
    acceptEncoding: text(acceptEncoding),
    tlsVersion: text(cf?.tlsVersion),
    tlsCipher: text(cf?.tlsCipher),
    httpProtocol: text(cf?.httpProtocol),
  };
}

/** Undefined for anything else, and for the empty text: the platform has it for what does not apply. */
function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
