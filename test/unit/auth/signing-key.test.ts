import { describe, expect, test } from "vitest";
import { type Authentication, authenticate } from "../../../src/auth/authenticate.ts";
import { deriveSigningKey, SigningKeyCache, sign, verifySignature } from "../../../src/auth/sigv4/signing-key.ts";
import { keyring, received } from "./support.ts";

const SCOPE = { accessKeyId: "A", day: "20120215", region: "us-east-1", service: "iam", terminal: "aws4_request" };

describe("deriveSigningKey", () => {
  test("signs like the derived key of AWS's example", async () => {
    // kSigning f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d, AWS General Reference.
    const key = await deriveSigningKey("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", SCOPE);
    const bytes = Uint8Array.from(
      "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d".match(/../g) ?? [],
      (byte) => Number.parseInt(byte, 16),
    );
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const expected = await crypto.subtle.importKey("raw", bytes, algorithm, false, ["sign", "verify"]);
    expect(await sign(key, "text")).toBe(await sign(expected, "text"));
    expect(await verifySignature(key, "text", await sign(expected, "text"))).toBe(true);
    expect(await verifySignature(key, "other", await sign(expected, "text"))).toBe(false);
    expect(key.extractable).toBe(false);
  });
});

describe("SigningKeyCache", () => {
  test("finds keys by secret and scope, and drops the least recently used", async () => {
    const cache = new SigningKeyCache(2);
    const key = await deriveSigningKey("secret", SCOPE);
    cache.remember("secret", SCOPE, key);
    expect(cache.find("secret", SCOPE)).toBe(key);
    for (const other of [
      { ...SCOPE, day: "20120216" },
      { ...SCOPE, region: "x" },
      { ...SCOPE, accessKeyId: "B" },
    ]) {
      expect(cache.find("secret", other)).toBeUndefined();
    }
    expect(cache.find("another", SCOPE)).toBeUndefined();

    cache.remember("second", SCOPE, key);
    cache.remember("secret", SCOPE, key);
    cache.remember("third", SCOPE, key);
    expect(cache.size).toBe(2);
    expect(cache.find("second", SCOPE)).toBeUndefined();
    expect(cache.find("secret", SCOPE)).toBe(key);
  });
});

test("an Authentication cannot be created outside authenticate.ts", async () => {
  const request = received({});
  const real = await authenticate(request, keyring(), { regions: "any", service: "s3" });
  // @ts-expect-error the brand is missing, and its symbol is not exported
  const forged: Authentication = { caller: real.caller, payload: real.payload, query: real.query, style: real.style };
  expect(Object.getOwnPropertySymbols(forged)).not.toEqual(Object.getOwnPropertySymbols(real));
});
