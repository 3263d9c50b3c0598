import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { ContentKey, requireUnlocked } from "../../../src/model/encryption.ts";
import { CustomerKeys } from "../../../src/storage/customer-keys.ts";
import { hasSameKey, keyOfWrite, keyOption } from "../../../src/storage/r2/keyed-blobs.ts";
import { uploadIds } from "../../../src/storage/uploads/upload-id.ts";
import { macKeyOf } from "../../support/mac-key.ts";
import { failure } from "../protocol/failure.ts";

const bytes = (value: number) => new Uint8Array(32).fill(value);
const KEY = new ContentKey(bytes(0x61));
const OTHER = new ContentKey(bytes(0x62));

async function proofOf(key: ContentKey, keys = new CustomerKeys(macKeyOf(1))): Promise<string> {
  const encryption = await keys.describe(key);
  if (encryption.kind !== "customer-key") throw new Error(encryption.kind);
  return encryption.proof;
}

describe("a content key", () => {
  it("has 32 bytes, and gives copies of them to R2", () => {
    for (const length of [0, 31, 33]) expect(() => new ContentKey(new Uint8Array(length))).toThrow(RangeError);
    const exposed = KEY.expose();
    exposed.fill(0);
    expect(KEY.expose()).toEqual(bytes(0x61));
    expect(new Uint8Array(keyOption(KEY).ssecKey ?? new ArrayBuffer(0))).toEqual(bytes(0x61));
    expect(keyOption(undefined)).toEqual({});
  });

  it("shows nothing of itself as text, as JSON or in a copy", () => {
    for (const shown of [String(KEY), JSON.stringify({ KEY }), inspect(KEY, { depth: 9, showHidden: true })]) {
      expect(shown).not.toMatch(/a{4}|97|61/);
    }
    expect(JSON.stringify(structuredClone(KEY))).toBe("{}");
  });

  it("equals a key of the same bytes only", () => {
    expect(KEY.equals(new ContentKey(bytes(0x61)))).toBe(true);
    expect(KEY.equals(OTHER)).toBe(false);
    const last = bytes(0x61);
    last[31] = 0;
    expect(KEY.equals(new ContentKey(last))).toBe(false);
  });
});

describe("the proof of a customer's key", () => {
  it("is of this key only, and different each time", async () => {
    const keys = new CustomerKeys(macKeyOf(1));
    const proofs = [await proofOf(KEY), await proofOf(KEY)];
    expect(proofs[0]).not.toBe(proofs[1]);
    for (const proof of proofs) {
      expect(await keys.isKeyOf(proof, KEY)).toBe(true);
      expect(await keys.isKeyOf(proof, OTHER)).toBe(false);
    }
  });

  it("means nothing under another SEAL_KEY, altered or cut", async () => {
    const keys = new CustomerKeys(macKeyOf(1));
    const proof = await proofOf(KEY);
    expect(await new CustomerKeys(macKeyOf(2)).isKeyOf(proof, KEY)).toBe(false);
    for (const wrong of ["", "x", proof.slice(4), `A${proof.slice(1)}`, `${proof.slice(0, -2)}AA`]) {
      if (wrong !== proof) expect(await keys.isKeyOf(wrong, KEY)).toBe(false);
    }
  });
});

describe("the key of an object", () => {
  const encryption = { kind: "customer-key", proof: "p" } as const;

  it("is given for a write exactly if the object says that it is encrypted", () => {
    expect(keyOfWrite({})).toBeUndefined();
    expect(keyOfWrite({ encryption, contentKey: KEY })).toBe(KEY);
    expect(() => keyOfWrite({ encryption })).toThrow("the object's key is missing");
    expect(() => keyOfWrite({ contentKey: KEY })).toThrow("the object does not name its encryption");
  });

  it("is required for a read of an encrypted object", () => {
    expect(requireUnlocked({}, undefined)).toBeUndefined();
    expect(requireUnlocked({ encryption }, KEY)).toBe(KEY);
    expect(failure(() => requireUnlocked({ encryption }, undefined)).code).toBe("InvalidRequest");
  });

  it("is that of a copy if both have none, the same record, or keys of the same bytes", () => {
    const other = { kind: "customer-key", proof: "q" } as const;
    expect(hasSameKey({}, {})).toBe(true);
    expect(hasSameKey({ encryption }, { encryption })).toBe(true);
    expect(hasSameKey({ encryption, contentKey: KEY }, { encryption: other, contentKey: KEY })).toBe(true);
    expect(hasSameKey({ encryption, contentKey: KEY }, { encryption: other, contentKey: OTHER })).toBe(false);
    expect(hasSameKey({ encryption, contentKey: KEY }, {})).toBe(false);
    expect(hasSameKey({}, { encryption, contentKey: KEY })).toBe(false);
    expect(hasSameKey({ encryption }, { encryption: other, contentKey: KEY })).toBe(false);
  });
});

describe("the id of an upload", () => {
  it("says whether its parts need a key, together with checksum and class", async () => {
    const ids = uploadIds(macKeyOf(3));
    const object = { bucketId: "b".repeat(12), key: "k" };
    for (const isEncrypted of [true, false]) {
      for (const storageClass of ["STANDARD", "STANDARD_IA"] as const) {
        for (const checksum of [undefined, { algorithm: "XXHASH128", type: "COMPOSITE" } as const]) {
          const kind = { isEncrypted, storageClass, checksum };
          const id = await ids.create(object, kind, new Date());
          expect(await ids.verify(object, id)).toMatchObject(kind);
          // The letter is part of what is signed.
          const other = id.slice(0, 27) + (isEncrypted ? "A" : "a") + id.slice(28);
          await expect(ids.verify(object, other)).rejects.toMatchObject({ code: "NoSuchUpload" });
        }
      }
    }
  });
});
