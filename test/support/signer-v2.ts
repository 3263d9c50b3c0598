/**
 * Signature Version 2, implemented only from AWS's description ("Signing and authenticating REST requests", RESTAuthentication):
 * in a header, in a URL as botocore does, and of a form's policy. No code of src.
 */
import { createHmac } from "node:crypto";
import { encode } from "./request.ts";
import type { Key } from "./s3.ts";

export interface KeyV2 extends Key {
  readonly sessionToken?: string;
}

export interface UnsignedV2 {
  readonly method: string;
  /** Encoded, in path style. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** "Subresources that must be included", those that botocore also signs, and the overrides. */
const SIGNED =
  /^(accelerate|acl|analytics|cors|defaultObjectAcl|delete|inventory|lifecycle|location|logging|metrics|notification|object-lock|partNumber|policy|replication|requestPayment|response-(cache-control|content-disposition|content-encoding|content-language|content-type|expires)|restore|select|select-type|storageClass|tagging|torrent|uploadId|uploads|versionId|versioning|versions|website)$/;

/** Whether Version 2 signs every parameter that chooses the operation of a query. */
export function canSignV2(query: string): boolean {
  const names = query.split("&").map((part) => part.split("=", 1)[0] ?? "");
  return names.every((name) => SIGNED.test(name) || name === "" || name === "list-type");
}

export function hmacSha1(secret: string, text: string): string {
  return createHmac("sha1", secret).update(text).digest("base64");
}

/** @param dateLine the value in place of the date */
export function stringToSignV2({ method, url, headers = {} }: UnsignedV2, dateLine: string): string {
  const [, path = "/", query = ""] = /^https?:\/\/[^/?]+([^?]*)(?:\?(.*))?$/.exec(url) ?? [];
  const sent = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  const find = (name: string) => sent.find(([other]) => other === name)?.[1] ?? "";
  const amz = sent
    .filter(([name]) => name.startsWith("x-amz-"))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}:${value}\n`);
  const parameters = query
    .split("&")
    .filter((part) => SIGNED.test(part.split("=", 1)[0] ?? ""))
    .map(decodeURIComponent)
    .sort((a, b) => ((a.split("=", 1)[0] ?? "") < (b.split("=", 1)[0] ?? "") ? -1 : 1));
  const resource = `${path || "/"}${parameters.length === 0 ? "" : `?${parameters.join("&")}`}`;
  return `${method}\n${find("content-md5")}\n${find("content-type")}\n${dateLine}\n${amz.join("")}${resource}`;
}

/** The headers of a request signed by header. */
export function signV2(key: KeyV2, request: UnsignedV2, now = new Date()): Record<string, string> {
  const date = now.toUTCString();
  const token = key.sessionToken === undefined ? {} : { "x-amz-security-token": key.sessionToken };
  const headers = { ...request.headers, ...token };
  const signature = hmacSha1(key.secretAccessKey, stringToSignV2({ ...request, headers }, date));
  return { ...headers, date, authorization: `AWS ${key.accessKeyId}:${signature}` };
}

/** A URL that carries headers and token in its query, as botocore's do. */
export function presignV2(key: KeyV2, request: UnsignedV2, expires = Math.floor(Date.now() / 1000) + 900): string {
  const token = key.sessionToken === undefined ? {} : { "x-amz-security-token": key.sessionToken };
  const hoisted = Object.entries({ ...request.headers, ...token }).filter(([name]) =>
    /^(x-amz-.*|content-type|content-md5)$/i.test(name),
  );
  const headers = Object.fromEntries(hoisted);
  const signature = hmacSha1(key.secretAccessKey, stringToSignV2({ ...request, headers }, String(expires)));
  const own = [...hoisted, ["AWSAccessKeyId", key.accessKeyId], ["Signature", signature], ["Expires", String(expires)]];
  const query = own.map(([name = "", value = ""]) => `${encode(name)}=${encode(value)}`).join("&");
  return `${request.url}${request.url.includes("?") ? "&" : "?"}${query}`;
}

/** The fields that sign a form ("Browser-based uploads using POST", HTTPPOSTForms). */
export function signPolicyV2(key: KeyV2, document: object): Record<string, string> {
  const policy = Buffer.from(JSON.stringify(document)).toString("base64");
  return { AWSAccessKeyId: key.accessKeyId, policy, signature: hmacSha1(key.secretAccessKey, policy) };
}
