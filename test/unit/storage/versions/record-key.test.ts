import { describe, expect, it } from "vitest";
import { compareBytes } from "../../../../src/model/byte-order.ts";
import { newVersionToken } from "../../../../src/model/version.ts";
import { entryKey } from "../../../../src/storage/r2/entry-place.ts";
import {
  DIRECT_BYTES,
  encodeKey,
  parseRecordKey,
  recordHead,
  recordKey,
  recordsOfEntry,
  recordsOfKey,
} from "../../../../src/storage/versions/record-key.ts";

const BUCKET = "abcdefghijkl";
const token = newVersionToken(
  { isNull: false, isMarker: false },
  { now: new Date("2026-11-28T00:00:00Z"), replaced: undefined },
);
const size = (text: string) => new TextEncoder().encode(text).byteLength;

const ALPHABET = ["\0", "\u0001", "\t", "\r", " ", "!", '"', "/", "0", "A", "a", "~", "\u007f", "é", "\uffee", "😀"];

/** Keys of 1 to 1,024 bytes; deterministic. */
function* keys(count: number): Generator<string> {
  let state = 12345;
  const next = (limit: number) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * limit);
  };
  const shared = ALPHABET.join("").repeat(30);
  while (count-- > 0) {
    let key = next(3) === 0 ? shared.slice(0, next(600)) : "";
    for (let length = next(4) === 0 ? next(700) : 1 + next(6); length > 0; length--) {
      key += ALPHABET[next(ALPHABET.length)] ?? "";
    }
    key = key.toWellFormed().replaceAll("\ufffd", "");
    if (key !== "" && size(key) <= 1024) yield key;
  }
}

describe("recordKey", () => {
  it("fits into R2 and contains no control character, for the longest keys too", () => {
    for (const key of [...keys(2_000), "\0".repeat(1024), " ".repeat(1024), "😀".repeat(256), "é".repeat(512)]) {
      const r2Key = recordKey(BUCKET, key, token);
      expect(size(r2Key)).toBeLessThanOrEqual(1024);
      expect(r2Key).not.toMatch(/[\0-!](?![A-Za-h!])/);
    }
  });

  it("is different for different keys, and says its key or head and its token", () => {
    const seen = new Map<string, string>();
    for (const key of keys(5_000)) {
      const r2Key = recordKey(BUCKET, key, token);
      expect(seen.get(r2Key) ?? key).toBe(key);
      seen.set(r2Key, key);
      const parsed = parseRecordKey(r2Key);
      expect(parsed.token).toBe(token);
      const head = recordHead(key);
      expect(parsed.name).toEqual(head === undefined ? { key } : { head });
    }
  });

  it("sorts as the keys do, except among keys with the same head", () => {
    const all = [...keys(3_000)];
    for (const [index, left] of all.entries()) {
      const right = all[(index * 7 + 1) % all.length] ?? "";
      const order = Math.sign(compareBytes(left, right));
      if (order === 0 || (recordHead(left) !== undefined && recordHead(left) === recordHead(right))) continue;
      const [one, other] = [recordKey(BUCKET, left, token), recordKey(BUCKET, right, token)];
      expect([left, right, Math.sign(compareBytes(one, other))]).toEqual([left, right, order]);
    }
  });

  it("begins with what all records of its key begin with, and with the encoded form of each prefix of the key", () => {
    for (const key of keys(1_000)) {
      expect(recordKey(BUCKET, key, token).startsWith(recordsOfKey(BUCKET, key))).toBe(true);
      if (recordHead(key) !== undefined) continue;
      const prefix = Array.from(key).slice(0, 2).join("");
      expect(encodeKey(key).startsWith(encodeKey(prefix))).toBe(true);
    }
  });

  it("does not begin with what the records of another key begin with", () => {
    expect(recordsOfKey(BUCKET, "a!").startsWith(recordsOfKey(BUCKET, "a"))).toBe(false);
    expect(recordsOfKey(BUCKET, "a!!").startsWith(recordsOfKey(BUCKET, "a"))).toBe(false);
    expect(recordsOfKey(BUCKET, "a\0").startsWith(recordsOfKey(BUCKET, "a"))).toBe(false);
  });

  it("keeps encoded keys of up to 920 bytes as they are", () => {
    expect(recordHead("x".repeat(DIRECT_BYTES))).toBeUndefined();
    expect(recordHead(" ".repeat(DIRECT_BYTES / 2))).toBeUndefined();
    expect(recordHead(" ".repeat(DIRECT_BYTES / 2 + 1))).toBe("!g".repeat(460));
    expect(recordHead("x".repeat(DIRECT_BYTES + 1))).toBe("x".repeat(DIRECT_BYTES));
  });
});

describe("recordsOfEntry", () => {
  it("needs only the entry of a key, for the longest keys too", () => {
    const lengths = [...Array(200).keys()].map((length) => length + 825);
    const long = lengths.flatMap((length) => ["x".repeat(length), " ".repeat(length)]);
    for (const key of [...keys(3_000), ...long, "\0".repeat(1024), "😀".repeat(256), "é".repeat(512)]) {
      expect(recordsOfEntry(entryKey(BUCKET, key))).toBe(recordsOfKey(BUCKET, key));
    }
  });
});
