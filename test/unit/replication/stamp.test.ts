import { describe, expect, it } from "vitest";
import { formatStamp, readStamp } from "../../../src/replication/stamp.ts";

const VERSION = {
  lastModified: 1_700_000_000_123,
  revision: 1_700_000_000_456,
  etag: "9a0364b9e99bb480dd25e1f0284c8555",
};
const STAMP = formatStamp(VERSION, "bucket", "a/b");
const FOUND = { bucket: "bucket", key: "a/b", etag: VERSION.etag };

describe("a stamp", () => {
  it("tells of the state it was made of, where it was put", () => {
    expect(readStamp(STAMP, FOUND)).toEqual(VERSION);
    expect(readStamp(STAMP, { ...FOUND, etag: "cut-into-3" })).toEqual(VERSION);
    expect(readStamp(STAMP, { ...FOUND, etag: "0".repeat(32), isOpaque: true })).toEqual(VERSION);
    const parted = { ...VERSION, etag: `${VERSION.etag}-2` };
    // As an endpoint has it that gives the MD5 of the whole.
    expect(readStamp(formatStamp(parted, "bucket", "a/b"), { ...FOUND, etag: "0".repeat(32) })).toEqual(parted);
  });

  it.each([
    ["in another bucket", STAMP, { ...FOUND, bucket: "other" }],
    ["at another key", STAMP, { ...FOUND, key: "a/c" }],
    ["in another bucket, encrypted", STAMP, { ...FOUND, bucket: "other", isOpaque: true }],
    ["over other bytes", STAMP, { ...FOUND, etag: "0".repeat(32) }],
    ["that is none", "x", FOUND],
    ["of another form", `1.2.${VERSION.etag}`, FOUND],
    ["that is not there", undefined, FOUND],
  ])("%s is void", (_why, text, found) => {
    expect(readStamp(text, found)).toBeUndefined();
  });
});
