import { MacKey } from "../../src/model/mac-key.ts";

/** The key of 32 times this byte. */
export function macKeyOf(byte: number): MacKey {
  const raw = new Uint8Array(32).fill(byte);
  return new MacKey(() =>
    crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]),
  );
}
