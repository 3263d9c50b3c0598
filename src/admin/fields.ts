/** Fields of the JSON bodies of the admin API. */
import { S3Error } from "../errors.ts";

export function readField(body: unknown, name: string): unknown {
  return typeof body === "object" && body !== null ? Reflect.get(body, name) : undefined;
}

export function readText(body: unknown, name: string): string | undefined {
  const value = readField(body, name);
  return typeof value === "string" ? value : undefined;
}

/** @throws S3Error `InvalidRequest` */
export function requireWrappingKey(body: unknown): Uint8Array<ArrayBuffer> {
  const text = readText(body, "wrappingKey") ?? "";
  if (!/^[A-Za-z0-9+/]{43}=$/.test(text)) {
    throw new S3Error("InvalidRequest", { message: "wrappingKey must be 32 bytes in base64." });
  }
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
