/** The pure checks, where no test of the whole makes the damage: digests of bytes, limits, and cursors. */
import { describe, expect, it } from "vitest";
import { compare } from "../../../src/scrub/byte-check.ts";
import { firstPosition, formatCursor, type Position, parseCursor } from "../../../src/scrub/position.ts";
import { invalidFields, isKeyTooLong } from "../../../src/scrub/record-fields.ts";
import type { EntryRecord } from "../../../src/storage/r2/entry-record.ts";

const MD5 = "9a0364b9e99bb480dd25e1f0284c8555";
const bytesOf = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const READ = {
  outcome: "read",
  sizeBytes: 7,
  digests: new Map([
    ["MD5", bytesOf(MD5)],
    ["CRC32", bytesOf("00000000")],
  ] as const),
} as const;

describe("the bytes of an object", () => {
  const kindsOf = (read: Parameters<typeof compare>[0], expected: Partial<Parameters<typeof compare>[1]>) =>
    compare(read, { etag: undefined, checksum: undefined, sizeBytes: 7, ...expected }, "s").map(({ kind }) => kind);

  it.each([
    ["as they were", {}, []],
    ["with the MD5", { etag: MD5 }, []],
    ["with another MD5", { etag: MD5.replace("9", "8") }, ["etag-differs"]],
    ["with an ETag that is no MD5", { etag: "opaque-2" }, []],
    ["with the checksum", { checksum: ["CRC32", "AAAAAA==", "FULL_OBJECT"] }, []],
    ["with another checksum", { checksum: ["CRC32", "AAAAAQ==", "FULL_OBJECT"] }, ["checksum-differs"]],
    ["with a checksum of parts", { checksum: ["CRC32", "AAAAAQ==-1", "COMPOSITE"] }, []],
    ["of another number", { sizeBytes: 8 }, ["bytes-unreadable"]],
  ] as const)("%s", (_what, expected, kinds) => {
    expect(kindsOf(READ, expected)).toEqual(kinds);
  });

  it("are reported if R2 does not return them, and not if the object is gone", () => {
    expect(kindsOf({ outcome: "unreadable", reason: "another key" }, {})).toEqual(["bytes-unreadable"]);
    expect(kindsOf({ outcome: "missing" }, {})).toEqual([]);
  });
});

describe("a record", () => {
  const VALID: EntryRecord = {
    w: "w",
    o: "0".repeat(64),
    m: { a: "ü".repeat(1023) },
    c: ["SHA256", "LCa0a2j/xo/5m0U8HTBBNBNCLXBkg7+g+YpeiGJm564=", "FULL_OBJECT"],
    s: "STANDARD_IA",
    g: [["a", "b"]],
    a: ["F", "R*"],
    l: 1,
    f: { n: 7, e: MD5, b: "0".repeat(27), k: 1, p: [["1.a", 7]] },
    L: ["G", 1],
    H: 0,
    n: ["t", "p", [MD5, 1, "w"]],
  };

  it("passes with every field in its form, and with names of a later release", () => {
    expect(invalidFields(VALID)).toEqual([]);
    expect(invalidFields({ ...VALID, Z: "later" } as EntryRecord)).toEqual([]);
  });

  it.each([
    ["m", { m: { a: "ü".repeat(1024) } }],
    ["g", { g: [["", "b"]] }],
    ["s", { s: "GLACIER" }],
    ["f", { f: { n: -1, e: MD5, b: "0".repeat(27) } }],
    ["f", { f: { n: 7, e: MD5, b: "short" } }],
    ["e", { e: ["K", "sealed", "arn:aws:kms:us-east-1:1:key/1", 0] }],
    ["A", { A: "x" }],
    ["H", { H: 2 }],
    ["R", { R: 0.5 }],
    ["N", { N: "WpTMhEdTTvbhDbU5zg9yYbT0cSIfbr7E" }],
  ])("names the field %s with another form", (name, fields) => {
    expect(invalidFields({ ...VALID, ...fields } as EntryRecord)).toEqual([name]);
  });

  it("has a key of at most 1,024 bytes", () => {
    expect(["ä".repeat(512), "ä".repeat(513)].map(isKeyTooLong)).toEqual([false, true]);
  });
});

describe("a cursor", () => {
  const POSITIONS: readonly Position[] = [
    firstPosition({ bytes: true }),
    firstPosition({ bucket: "b", bytes: false }),
    {
      at: {
        stage: "entries",
        bucket: "b",
        bucketId: "i",
        after: "ä/\u{10FFFF}\u0000",
        unread: { revision: "r", blob: 3 },
      },
    },
    { only: "b", at: { stage: "records", bucket: "b", bucketId: "i", after: "" } },
    { at: { stage: "uploads", bucket: "b", bucketId: "i", key: "k", uploadId: "u" } },
    { at: { stage: "rows" } },
    { at: { stage: "contents", region: "r", place: "record", after: "" } },
    { at: { stage: "blobs", region: "r", after: "~b/x/" } },
  ];

  it.each(POSITIONS)("is a position in characters that a shell passes as they are: $at.stage", (position) => {
    const text = formatCursor(position);
    expect(text).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(parseCursor(text)).toEqual(position);
  });

  it.each([
    { at: { stage: "contents", region: "r", place: "elsewhere", after: "" } },
    { at: { stage: "entries", bucket: "b", bucketId: "i", after: "", unread: { revision: "r", blob: -1 } } },
    { at: { stage: "entries", bucket: "b", bucketId: "i", after: "", unread: 3 } },
    { only: 1, at: { stage: "rows" } },
    { reads: "all", at: { stage: "rows" } },
    null,
  ])("is refused with another value: %j", (value) => {
    expect(() => parseCursor(btoa(JSON.stringify(value)))).toThrow("The cursor is not one");
  });
});
