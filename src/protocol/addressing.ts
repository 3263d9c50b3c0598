/**
 * Which bucket and key a URL names: "Virtual hosting of general purpose buckets" (VirtualHosting) and
 * "Path-style requests". Keys are decoded only here.
 */
import { S3Error } from "../errors.ts";
import type { AddressingStyle, Resource } from "../model/bucket.ts";
import { decodePath, utf8Length } from "./percent-encoding.ts";
import type { RawUrl } from "./request-target.ts";

/** "Naming Amazon S3 objects" (object-keys): at most 1,024 bytes of UTF-8. */
export const MAX_KEY_BYTES = 1024;

export interface Address {
  readonly resource: Resource;
  readonly style: AddressingStyle;
}

/** First path segments of this Worker (`/-/health`) and of Cloudflare (`/cdn-cgi/`), which no bucket may use. */
const RESERVED_NAMES: ReadonlySet<string> = new Set(["-", "cdn-cgi"]);

/**
 * Reads the resource from path and host. Bucket names are not validated here, because the error for an invalid name
 * depends on the operation (`validateBucketName`).
 *
 * @param domains Hosts whose subdomains are buckets, lower-case, without port.
 * @throws S3Error `InvalidURI` for malformed escapes or bytes that are not UTF-8, `KeyTooLongError` over 1,024 bytes,
 *   `InvalidBucketName` for an empty name (`//key`) or one this deployment reserves.
 */
export function parseAddress(url: RawUrl, hostHeader: string | null, domains: readonly string[]): Address {
  const bucket = findBucketInHost(hostHeader ?? url.host, domains);
  const path = url.path.slice(1);
  if (bucket !== undefined) return { style: "virtual-host", resource: resourceOf(bucket, path) };
  if (path === "") return { style: "path", resource: { kind: "service" } };

  const slash = path.indexOf("/");
  const name = decodePath(slash === -1 ? path : path.slice(0, slash));
  return { style: "path", resource: resourceOf(name, slash === -1 ? "" : path.slice(slash + 1)) };
}

/** Whether the host names a bucket; a path may then begin with a name that is reserved in path style. */
export function namesBucketInHost(url: RawUrl, hostHeader: string | null, domains: readonly string[]): boolean {
  return findBucketInHost(hostHeader ?? url.host, domains) !== undefined;
}

/** Whether the request is to this host, on whatever port. @param domain in lower case, without a port */
export function isHost(url: RawUrl, hostHeader: string | null, domain: string): boolean {
  return nameOfHost((hostHeader ?? url.host).trim().toLowerCase()) === domain;
}

function resourceOf(bucket: string, encodedKey: string): Resource {
  if (bucket === "" || RESERVED_NAMES.has(bucket)) throw invalidBucketName(bucket);
  if (encodedKey === "") return { kind: "bucket", bucket };
  const key = decodePath(encodedKey);
  requireKeyLength(key);
  return { kind: "object", bucket, key };
}

/** A host that serves the website of a bucket. */
export interface WebsiteHost {
  readonly bucket: string;
  /** In lower case, with the port if the client sent one. */
  readonly host: string;
}

/**
 * The website that a host serves: `<bucket>.<domain>`, or a website domain itself, which serves the bucket of the same
 * name ("Configuring a static website using a custom domain"). No other host serves a website: otherwise anyone could
 * take over the S3 endpoint with a bucket of its name. Where domains of both kinds match, the longer one decides.
 */
export function findWebsiteHost(
  url: RawUrl,
  hostHeader: string | null,
  domains: { readonly website: readonly string[]; readonly s3: readonly string[] },
): WebsiteHost | undefined {
  const host = (hostHeader ?? url.host).trim().toLowerCase();
  const name = nameOfHost(host);
  const domain = longestDomain(name, domains.website);
  if (domain === "" || longestDomain(name, domains.s3).length >= domain.length) return undefined;
  const port = /:\d+$/.exec(host)?.[0] ?? "";
  return { bucket: name === domain ? domain : name.slice(0, -domain.length - 1), host: `${name}${port}` };
}

/** The longest of the domains that the name is, or is below; empty if there is none. */
function longestDomain(name: string, domains: readonly string[]): string {
  let longest = "";
  for (const domain of domains) if (domain.length > longest.length && isWithin(name, domain)) longest = domain;
  return longest;
}

function isWithin(name: string, domain: string): boolean {
  if (!name.endsWith(domain)) return false;
  return name.length === domain.length || name.charAt(name.length - domain.length - 1) === ".";
}

/** The host for URLs in answers, with its port: from the Host header, or from the URL if the header is invalid. */
export function hostOf(url: RawUrl, hostHeader: string | null): string {
  const host = (hostHeader ?? "").trim().toLowerCase();
  return /^([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?$/.test(host) ? host : url.host;
}

/** Without port and final dot. */
function nameOfHost(host: string): string {
  const name = host.includes(":") ? host.replace(/:\d*$/, "") : host;
  return name.endsWith(".") ? name.slice(0, -1) : name;
}

function findBucketInHost(hostHeader: string, domains: readonly string[]): string | undefined {
  const host = nameOfHost(hostHeader.trim().toLowerCase());
  // A domain itself is path style, even if it is a subdomain of another one.
  if (domains.includes(host)) return undefined;
  let bucket: string | undefined;
  for (const domain of domains) {
    if (!isWithin(host, domain)) continue;
    const candidate = host.slice(0, -domain.length - 1);
    // The longest domain leaves the shortest bucket name.
    if (candidate !== "" && (bucket === undefined || candidate.length < bucket.length)) bucket = candidate;
  }
  return bucket;
}

/** @throws S3Error `KeyTooLongError` for a key of more than 1,024 bytes of UTF-8. */
export function requireKeyLength(key: string): void {
  // A unit of UTF-16 becomes one to three bytes, so most keys are accepted, and long keys refused, without encoding them.
  if (3 * key.length <= MAX_KEY_BYTES) return;
  const bytes = key.length > MAX_KEY_BYTES ? key.length : utf8Length(key);
  if (bytes > MAX_KEY_BYTES) {
    throw new S3Error("KeyTooLongError", {
      details: { Size: String(utf8Length(key)), MaxSizeAllowed: String(MAX_KEY_BYTES) },
    });
  }
}

// "General purpose bucket naming rules" (bucketnamingrules).
const SHAPE = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const IPV4_SHAPE = /^\d+\.\d+\.\d+\.\d+$/;
const FORBIDDEN_PREFIXES = ["xn--", "sthree-", "amzn-s3-demo-"];
const FORBIDDEN_SUFFIXES = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];

/** Whether a bucket may have this name. */
export function isValidBucketName(name: string): boolean {
  return (
    SHAPE.test(name) &&
    !name.includes("..") &&
    !IPV4_SHAPE.test(name) &&
    !RESERVED_NAMES.has(name) &&
    !FORBIDDEN_PREFIXES.some((prefix) => name.startsWith(prefix)) &&
    !FORBIDDEN_SUFFIXES.some((suffix) => name.endsWith(suffix))
  );
}

/** @throws S3Error `InvalidBucketName` for a name that no bucket may have. */
export function validateBucketName(name: string): void {
  if (!isValidBucketName(name)) throw invalidBucketName(name);
}

function invalidBucketName(name: string): S3Error {
  return new S3Error("InvalidBucketName", { details: { BucketName: name } });
}
