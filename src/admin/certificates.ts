import type { Services } from "../services.ts";
import { failure } from "./router.ts";

/** `GET /-/certificates/<fingerprint>.pem`, for anyone: a certificate never changes, so it may be kept for ever. */
export async function getCertificate(services: Services, name: string): Promise<Response> {
  const pem = await services.signers.findPem(name);
  if (pem === undefined) return failure(404, "NotFound", "There is no such certificate.");
  return new Response(pem, {
    headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "public, max-age=31536000, immutable" },
  });
}
