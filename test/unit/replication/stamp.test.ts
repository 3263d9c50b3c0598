import { describe, expect, it } from "vitest";
import {
  formatStamp,
  isStamped,
  STAMP as NAME,
  readStamp,
  type StampedObject,
} from "../../../src/replication/stamp.ts";
import { macKeyOf } from "../../support/mac-key.ts";

const NOW = new Date(1_800_000_000_000);
const [KEY, OTHER_KEY] = [macKeyOf(1), macKeyOf(2)];
const VERSION = {
  lastModified: 1_700_000_000_123,
  revision: 1_700_000_000_456,
  etag: "9a0364b9e99bb480dd25e1f0284c8555",
};
const PLACE = { bucket: "bucket", key: "a/b" };
const FOUND = { ...PLACE, etag: VERSION.etag };
const STAMP = await formatStamp(VERSION, PLACE, KEY);
const OF_ANOTHER = await formatStamp(VERSION, PLACE, OTHER_KEY);
const ELSEWHERE = await formatStamp(VERSION, { ...PLACE, key: "a/c" }, KEY);
const read = (text: string | undefined, found: StampedObject = FOUND) =>
  readStamp(text, found, { stampKey: KEY, now: NOW });
const isStampedBy = (text: string) =>
  isStamped("bucket", { key: "a/b", etag: VERSION.etag, userMetadata: { [NAME]: text } } as never);

describe("readStamp", () => {
  it("returns the state of a stamp at its own location", async () => {
    expect(await read(STAMP)).toEqual(VERSION);
    expect(await read(STAMP, { ...FOUND, etag: "cut-into-3" })).toEqual(VERSION);
    expect(await read(STAMP, { ...FOUND, etag: "0".repeat(32), isOpaque: true })).toEqual(VERSION);
    const parted = { ...VERSION, etag: `${VERSION.etag}-2` };
    // The endpoint's ETag is the MD5 of the whole object.
    expect(await read(await formatStamp(parted, PLACE, KEY), { ...FOUND, etag: "0".repeat(32) })).toEqual(parted);
  });

  it.each<[why: string, text: string | undefined, found?: StampedObject]>([
    ["a stamp in another bucket", STAMP, { ...FOUND, bucket: "other" }],
    ["a stamp at another key", STAMP, { ...FOUND, key: "a/c" }],
    ["a stamp of an encrypted object in another bucket", STAMP, { ...FOUND, bucket: "other", isOpaque: true }],
    ["a stamp with other bytes", STAMP, { ...FOUND, etag: "0".repeat(32) }],
    ["a text that is not a stamp", "x"],
    ["a stamp of another form", `1.2.${VERSION.etag}`],
    ["an absent stamp", undefined],
    ["a stamp of another deployment", OF_ANOTHER],
    ["a stamp with a later time", STAMP.replace(/^1700000000123/, "1700000000124")],
    ["a stamp without its signature", STAMP.replace(/\.[0-9a-f]{32}$/, "")],
    ["a stamp with the signature of another location", STAMP.slice(0, -32) + ELSEWHERE.slice(-32)],
  ])("refuses %s", async (_why, text, found) => {
    expect(await read(text, found)).toBeUndefined();
  });

  it("refuses a stamp that is further in the future than clocks may differ", async () => {
    const at = async (lastModified: number, revision: number) =>
      read(await formatStamp({ ...VERSION, lastModified, revision }, PLACE, KEY));
    const now = NOW.getTime();
    expect(await at(now + 2000, now + 2000)).toMatchObject({ lastModified: now + 2000 });
    expect(await at(now + 2001, now)).toBeUndefined();
    expect(await at(now, now + 2001)).toBeUndefined();
  });

  it("refuses a stamp of another deployment, which still marks the object as a replica", async () => {
    expect(isStampedBy(OF_ANOTHER)).toBe(true);
    expect(isStampedBy(ELSEWHERE)).toBe(false);
    expect(isStampedBy("x")).toBe(false);
  });
});
