import { describe, expect, it } from "vitest";
import type { Acl } from "../../../src/model/acl.ts";
import { ACL_PERMISSIONS } from "../../../src/model/acl.ts";
import { issueTicket } from "../../../src/storage/journal/ticket.ts";
import { entryOptions } from "../../../src/storage/r2/entry-options.ts";
import { entryPlace } from "../../../src/storage/r2/entry-place.ts";
import {
  decodeAcl,
  decodeEncryption,
  decodeLock,
  type EntryRecord,
  encodeAcl,
  encodeRecord,
} from "../../../src/storage/r2/entry-record.ts";
import { failure } from "../protocol/failure.ts";

const OWNER = "a".repeat(64);
const OTHER = "b".repeat(64);

describe("encodeAcl", () => {
  it("is short and does not contain the owner's id", () => {
    const acl: Acl = [
      { grantee: { kind: "canonical-user", id: OWNER }, permission: "FULL_CONTROL" },
      { grantee: { kind: "all-users" }, permission: "READ" },
      { grantee: { kind: "authenticated-users" }, permission: "WRITE" },
      { grantee: { kind: "log-delivery" }, permission: "READ_ACP" },
      { grantee: { kind: "canonical-user", id: OTHER }, permission: "WRITE_ACP" },
    ];
    expect(encodeAcl(acl, OWNER)).toEqual(["F", "R*", "W+", "r^", `w${OTHER}`]);
    expect(decodeAcl(encodeAcl(acl, OWNER), OWNER)).toEqual(acl);
  });

  it.each(ACL_PERMISSIONS)("round-trips %s for every kind of grantee", (permission) => {
    const acl: Acl = [
      { grantee: { kind: "canonical-user", id: OWNER }, permission },
      { grantee: { kind: "canonical-user", id: OTHER }, permission },
      { grantee: { kind: "all-users" }, permission },
      { grantee: { kind: "authenticated-users" }, permission },
      { grantee: { kind: "log-delivery" }, permission },
    ];
    expect(decodeAcl(encodeAcl(acl, OWNER), OWNER)).toEqual(acl);
  });

  it("round-trips an empty list, which differs from an absent one", () => {
    expect(decodeAcl(encodeAcl([], OWNER), OWNER)).toEqual([]);
  });

  it("ignores a permission that it does not know", () => {
    expect(decodeAcl(["X*", "R*"], OWNER)).toEqual([{ grantee: { kind: "all-users" }, permission: "READ" }]);
  });
});

describe("decodeLock", () => {
  it.each<[Pick<EntryRecord, "L" | "H">, unknown]>([
    [{}, undefined],
    [{ L: ["G", 1] }, { retention: { mode: "GOVERNANCE", until: 1 } }],
    [
      { L: ["C", 2], H: 0 },
      { retention: { mode: "COMPLIANCE", until: 2 }, hasLegalHold: false },
    ],
    [{ H: 1 }, { hasLegalHold: true }],
  ])("%j is %j", (record, expected) => {
    expect(decodeLock({ w: "", ...record })).toEqual(expected);
  });
});

describe("encodeRecord", () => {
  const grants = (count: number) =>
    encodeAcl(
      Array.from({ length: count }, (_, index) => ({
        grantee: { kind: "canonical-user", id: index.toString(16).padStart(64, "0") },
        permission: "READ",
      })),
      OWNER,
    );
  const record: EntryRecord = { w: "w".repeat(20), o: OTHER, a: grants(100) };
  const sizeOf = (encoded: Record<string, string>) => JSON.stringify(encoded).length;

  it("has room for a hundred grants in addition to some metadata", () => {
    expect(sizeOf(encodeRecord({ ...record, m: { a: "x".repeat(500) } }))).toBeLessThan(8_192);
  });

  it("leaves out a manifest's list of blobs, which is a copy, before it refuses the record", () => {
    const facts = { n: 1, e: "e", b: "b", k: 60 };
    const p = Array.from({ length: 60 }, (_, index) => [`${index}.abcdefgh`, 5_242_880] as const);
    const encoded = encodeRecord({ ...record, f: { ...facts, p } });
    expect(JSON.parse(encoded.s3 ?? "")).toEqual({ ...record, f: facts });
    expect(JSON.parse(encodeRecord({ w: "", f: { ...facts, p } }).s3 ?? "").f.p).toHaveLength(60);
  });

  it("rejects an ACL that does not fit with InvalidRequest", () => {
    const error = failure(() => encodeRecord({ ...record, m: { a: "x".repeat(2_000) } }));
    expect([error.code, error.message]).toEqual([
      "InvalidRequest",
      "The access control list is too long to be stored with the object's other metadata.",
    ]);
  });
});

describe("entryOptions", () => {
  it("refuses a version that would not fit into its record with MetadataTooLarge", () => {
    const token = "0".repeat(32);
    const key = "a ".repeat(470);
    const place = entryPlace({} as R2Bucket, { key, bucketId: "b", bucketOwnerId: OWNER, versioning: "Enabled" });
    const accepts = (length: number, version: Partial<EntryRecord> | undefined) => {
      const attributes = {
        content: { contentType: "text/plain" },
        userMetadata: { m: "x".repeat(length) },
        storageClass: "STANDARD",
        ownerId: OWNER,
        tags: [],
      } as const;
      const facts = { ticket: issueTicket({ writeId: "w".repeat(20) }), checksum: undefined };
      try {
        return entryOptions(place, attributes, { ...facts, ...(version && { version }) }).customMetadata?.["s3"];
      } catch (error) {
        expect(error).toMatchObject({ code: "MetadataTooLarge" });
        return undefined;
      }
    };
    const lengths = Array.from({ length: 2000 }, (_, index) => 6200 + index);
    const longest = lengths.findLast((length) => accepts(length, { V: token }) !== undefined) ?? 0;
    expect(longest).toBeGreaterThan(6500);
    // As its record, after its tags or its lock have been changed while it was restored.
    const later = { V: token, P: token, N: token, S: 1e12, R: 99_999, U: 1, l: 1e12, k: key } as const;
    const json = JSON.stringify({
      ...JSON.parse(accepts(longest, { V: token }) ?? ""),
      ...later,
      ...{ L: ["C", 1e15], H: 0 },
    });
    expect(json.length + 2).toBeLessThanOrEqual(8192);
    expect(accepts(longest + 1, undefined)).toBeDefined();
  });
});

describe("the encryption of an entry", () => {
  const sealed = { kind: "data-key", sealed: "s", keyArn: "arn:aws:kms:us-east-1:1:key/k" } as const;

  it.each([
    { kind: "customer-key", proof: "p" } as const,
    sealed,
    { ...sealed, usesBucketKey: true },
    { ...sealed, context: "e30=" },
    { ...sealed, usesBucketKey: true, context: "e30=" },
  ])("is kept in its record: %j", (encryption) => {
    const place = entryPlace({} as R2Bucket, { bucketId: "b".repeat(12), bucketOwnerId: OWNER, key: "k" });
    const attributes = {
      content: { contentType: "text/plain" },
      userMetadata: {},
      storageClass: "STANDARD",
      ownerId: OWNER,
      tags: [],
      encryption,
    } as const;
    const ticket = issueTicket({ writeId: "w" });
    const { customMetadata } = entryOptions(place, attributes, { ticket, checksum: undefined });
    const record: EntryRecord = JSON.parse(customMetadata?.s3 ?? "");
    expect(decodeEncryption(record)).toEqual(encryption);
    expect(decodeEncryption({ w: "w" })).toBeUndefined();
  });
});
