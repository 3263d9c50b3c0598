import { describe, expect, it } from "vitest";
import * as ids from "../../../src/model/random-ids.ts";

const SHAPES = [
  ["newBucketId", ids.newBucketId, /^[a-z0-9]{12}$/],
  ["newAccountId", ids.newAccountId, /^[0-9]{12}$/],
  ["newCanonicalId", ids.newCanonicalId, /^[0-9a-f]{64}$/],
  ["newAccessKeyId", ids.newAccessKeyId, /^AKIA[A-Z2-7]{16}$/],
  ["newSecretAccessKey", ids.newSecretAccessKey, /^[A-Za-z0-9+/]{40}$/],
  ["newRequestId", ids.newRequestId, /^[0-9A-F]{16}$/],
] as const;

describe("random ids", () => {
  it.each(SHAPES)("%s has its shape and never repeats", (_name, make, shape) => {
    const made = Array.from({ length: 2000 }, () => make());
    for (const id of made) expect(id).toMatch(shape);
    expect(new Set(made).size).toBe(made.length);
  });

  it("uses every character of an alphabet about equally", () => {
    const counts = new Map<string, number>();
    const total = 40 * 4000;
    for (let round = 0; round < 4000; round++) {
      for (const character of ids.newSecretAccessKey()) counts.set(character, (counts.get(character) ?? 0) + 1);
    }
    expect(counts.size).toBe(64);
    // Six standard deviations: a fair generator fails once in some millions of runs.
    const expected = total / 64;
    for (const count of counts.values()) expect(Math.abs(count - expected)).toBeLessThan(6 * Math.sqrt(expected));
  });

  it("does not favour digits whose number does not divide 256", () => {
    const counts = new Map<string, number>();
    for (let round = 0; round < 5000; round++) {
      for (const digit of ids.newAccountId()) counts.set(digit, (counts.get(digit) ?? 0) + 1);
    }
    const expected = (5000 * 12) / 10;
    for (const count of counts.values()) expect(Math.abs(count - expected)).toBeLessThan(6 * Math.sqrt(expected));
  });
});
