/** The client of a request, as the platform describes it. */
import type { Client } from "./protocol/s3-request.ts";

/** Cloudflare's edge sets this header and `cf` on every request. X-Forwarded-For can be set by the client. */
export function clientAtEdge({ headers, cf }: Request): Client {
  return clientOf(headers.get("cf-connecting-ip") ?? undefined, cf);
}

/** @param cf undefined where it does not come from the platform */
export function clientOf(address: string | undefined, cf: Request["cf"]): Client {
  const acceptEncoding: unknown = cf?.clientAcceptEncoding;
  const tlsVersion: unknown = cf?.tlsVersion;
  return {
    address,
    acceptEncoding: typeof acceptEncoding === "string" ? acceptEncoding : undefined,
    tlsVersion: typeof tlsVersion === "string" ? tlsVersion : undefined,
  };
}
