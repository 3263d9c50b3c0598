import { expect, it, vi } from "vitest";
import { MacKey } from "../../../src/model/mac-key.ts";
import { macKeyOf } from "../../support/mac-key.ts";

const TEXT = new TextEncoder().encode("text");

it("derives its key when it is first used, and once", async () => {
  const raw = new Uint8Array(32);
  const derive = vi.fn(() =>
    crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]),
  );
  const key = new MacKey(derive);
  expect(derive).not.toHaveBeenCalled();
  const mac = await key.sign(TEXT);
  expect(await key.verify(TEXT, mac)).toBe(true);
  expect(derive).toHaveBeenCalledTimes(1);
});

it("derives its key again after a failure", async () => {
  const derive = vi
    .fn()
    .mockRejectedValueOnce(new Error("once"))
    .mockImplementation(() =>
      crypto.subtle.importKey("raw", new Uint8Array(32), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]),
    );
  const key = new MacKey(derive);
  await expect(key.sign(TEXT)).rejects.toThrow("once");
  expect((await key.sign(TEXT)).byteLength).toBe(32);
});

it("verifies its own MACs, and compares truncated ones", async () => {
  const key = macKeyOf(1);
  const mac = await key.sign(TEXT);
  expect(await key.verify(TEXT, await macKeyOf(2).sign(TEXT))).toBe(false);
  expect(await key.verify(TEXT.subarray(1), mac)).toBe(false);
  expect(await key.matches(mac.subarray(0, 16), mac.slice(0, 16))).toBe(true);
  expect(await key.matches(mac.subarray(0, 16), mac.subarray(0, 15))).toBe(false);
  expect(await key.matches(mac.subarray(0, 16), mac.slice(1, 17))).toBe(false);
});
