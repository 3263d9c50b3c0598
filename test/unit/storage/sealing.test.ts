import { describe, expect, it } from "vitest";
import type { MacKey } from "../../../src/model/mac-key.ts";
import { openMacKey, openSealer } from "../../../src/storage/sealing.ts";

const KEY = new Uint8Array(32).fill(1);
const OTHER = new Uint8Array(32).fill(2);
const PURPOSE = "access-key-secrets";

/** Changes one character of a base64 text to another. */
function altered(text: string, index: number): string {
  return text.slice(0, index) + (text[index] === "A" ? "B" : "A") + text.slice(index + 1);
}

describe("sealing", () => {
  it("unseals what was sealed, and the sealed text does not show it", async () => {
    const sealer = openSealer(KEY, PURPOSE);
    for (const secret of ["", "secret", "ünï\u{1f600}", "x".repeat(1000)]) {
      const sealed = await sealer.seal(secret, "AKIA1");
      expect(await sealer.unseal(sealed, "AKIA1")).toBe(secret);
      if (secret !== "") expect(atob(sealed)).not.toContain(secret);
    }
  });

  it("never seals a text in the same way twice", async () => {
    const sealer = openSealer(KEY, PURPOSE);
    const sealed = await Promise.all(Array.from({ length: 50 }, () => sealer.seal("secret", "AKIA1")));
    expect(new Set(sealed).size).toBe(50);
  });

  it("rejects another name, another seal key, another purpose and any alteration", async () => {
    const sealer = openSealer(KEY, PURPOSE);
    const sealed = await sealer.seal("secret", "AKIA1");
    await expect(sealer.unseal(sealed, "AKIA2")).rejects.toThrow();
    await expect(openSealer(OTHER, PURPOSE).unseal(sealed, "AKIA1")).rejects.toThrow();
    await expect(openSealer(KEY, "session-tokens").unseal(sealed, "AKIA1")).rejects.toThrow();
    for (const index of [0, 5, 20, sealed.length - 5]) {
      await expect(sealer.unseal(altered(sealed, index), "AKIA1")).rejects.toThrow();
    }
    await expect(sealer.unseal(sealed.slice(0, 8), "AKIA1")).rejects.toThrow();
  });
});

describe("openMacKey", () => {
  const sign = async (key: MacKey) => Buffer.from(await key.sign(new Uint8Array(3))).toString("hex");

  it("is the same only for the same deployment and purpose", async () => {
    const first = await sign(openMacKey(KEY, "a"));
    expect(await sign(openMacKey(KEY, "a"))).toBe(first);
    expect(await sign(openMacKey(KEY, "b"))).not.toBe(first);
    expect(await sign(openMacKey(OTHER, "a"))).not.toBe(first);
  });
});
