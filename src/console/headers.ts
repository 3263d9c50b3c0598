/** What browsers may do with the console's pages, which hold keys in memory. */
import type { ConsoleSettings } from "./settings.ts";

/**
 * Scripts and styles are files of the console's own origin, without exception. Objects are shown by presigned URLs of the S3
 * endpoint, whose origin is another one: images, audio and video as they are, and PDF in a frame.
 */
function contentSecurityPolicy(s3Endpoint: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "font-src 'self'",
    "worker-src 'self'",
    `img-src 'self' blob: ${s3Endpoint}`,
    `media-src blob: ${s3Endpoint}`,
    `frame-src ${s3Endpoint}`,
    `connect-src 'self' ${s3Endpoint}`,
    "frame-ancestors 'none'",
    "form-action 'none'",
    "base-uri 'none'",
  ].join("; ");
}

const PERMISSIONS_POLICY = [
  "camera",
  "microphone",
  "geolocation",
  "payment",
  "usb",
  "serial",
  "hid",
  "bluetooth",
  "midi",
  "display-capture",
  "publickey-credentials-get",
  "browsing-topics",
]
  .map((feature) => `${feature}=()`)
  .join(", ");

/** Of every answer on the console's host. */
export function securityHeaders({ origin, s3Endpoint }: ConsoleSettings): Record<string, string> {
  return {
    "content-security-policy": contentSecurityPolicy(s3Endpoint),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": PERMISSIONS_POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex",
    ...(origin.startsWith("https:") && { "strict-transport-security": "max-age=31536000" }),
  };
}
