import { describe, expect, it } from "vitest";
import { newVersionToken } from "../../../../src/model/version.ts";
import { findMade } from "../../../../src/storage/journal/find-made.ts";
import type { MatchedChange } from "../../../../src/storage/journal/messages.ts";
import { recordKey } from "../../../../src/storage/versions/record-key.ts";

const BUCKET = { name: "b", id: "abcdefghijkl", region: "us-east-1", accountId: "000000000001", ownerId: "0a" };
const CREATED_AT = new Date("2032-02-03T04:05:06Z");
const VERSION = { isNull: false, isMarker: false };

/** A record that another write has left, made so many minutes after the intent. */
function recordAt(minutes: number): R2Object {
  const now = new Date(CREATED_AT.getTime() + minutes * 60_000);
  const token = newVersionToken(VERSION, { now, replaced: undefined });
  const s3 = JSON.stringify({ w: "another", V: token });
  return { key: recordKey(BUCKET.id, "k", token), customMetadata: { s3 }, uploaded: now, etag: "e", size: 1 } as never;
}

/** Looks for one change, with nothing at the entry and with endless pages of one record each. */
async function look(change: Partial<MatchedChange>, record: R2Object) {
  const asked: R2ListOptions[] = [];
  const store = {
    head: async () => null,
    list: async (options: R2ListOptions) => {
      asked.push(options);
      return { objects: [record], truncated: true, cursor: `${asked.length}` };
    },
  } as unknown as R2Bucket;
  const changes = [{ key: "k", event: "ObjectCreated:Put", writeId: "w", notify: [0], replicate: [], ...change }];
  const origin = {
    bucket: BUCKET,
    time: 0,
    principalId: "",
    sourceIp: "",
    requestId: "",
    endpoint: "",
    callbackVariables: {},
  };
  const message = { kind: "changes", id: "i", origin, isVersioned: true, notifications: [], replications: [], changes };
  const intent = { message, createdAt: CREATED_AT, isMade: false } as never;
  const found = await findMade(intent, new Map([["us-east-1", store]]));
  return { found: found.made, asked };
}

describe("findMade", () => {
  it("looks through the records of a key until they are older than the intent of a new version", async () => {
    const { found, asked } = await look({}, recordAt(-2));
    expect([found, asked.length]).toEqual([[], 1]);
    expect((await look({}, recordAt(0))).asked.length).toBe(10);
  });

  it("looks at every record, up to ten pages, for a change of the null version, and then reports it without proof", async () => {
    for (const event of ["ObjectRemoved:Delete", "ObjectTagging:Put"] as const) {
      const { found, asked } = await look({ event, versionId: "null" }, recordAt(-2));
      expect(asked.map(({ cursor }) => cursor)).toEqual([undefined, "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
      expect(found).toMatchObject([{ event, versionId: "null", at: CREATED_AT.getTime() }]);
    }
  });

  it("looks at one record for a change of a version that is named", async () => {
    const { found, asked } = await look({ event: "ObjectTagging:Put", versionId: "v".repeat(32) }, recordAt(0));
    expect([found, asked]).toEqual([[], []]);
  });
});
