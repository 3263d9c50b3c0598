import { expect, it } from "vitest";
import { ContentKey } from "../../../src/model/encryption.ts";
import { DataKeySealer } from "../../../src/storage/data-keys.ts";

const sealer = await DataKeySealer.open(new Uint8Array(32).fill(1));
const other = await DataKeySealer.open(new Uint8Array(32).fill(2));
const key = new ContentKey(new Uint8Array(32).fill(3));
const BINDING = { bucketId: "b", key: "k", context: "e30=" };

it("a data key is sealed differently each time and unsealed for its object", async () => {
  const [first, second] = [await sealer.seal(key, BINDING), await sealer.seal(key, BINDING)];
  expect(first).not.toBe(second);
  expect(first).toHaveLength(104);
  for (const sealed of [first, second]) expect((await sealer.unseal(sealed, BINDING))?.equals(key)).toBe(true);
});

it("is not unsealed for another bucket, key or context, with another KMS key, or altered", async () => {
  const sealed = await sealer.seal(key, BINDING);
  for (const binding of [
    { ...BINDING, bucketId: "c" },
    { ...BINDING, key: "l" },
    { ...BINDING, context: undefined },
    { ...BINDING, context: "e30" },
    // The parts cannot be shifted into each other.
    { bucketId: 'b","k', key: "e30=", context: undefined },
  ]) {
    expect(await sealer.unseal(sealed, binding)).toBe(undefined);
  }
  expect(await other.unseal(sealed, BINDING)).toBe(undefined);
  for (const altered of ["", "?", sealed.slice(4), `AAAA${sealed.slice(4)}`, `${sealed.slice(0, -4)}AAAA`]) {
    expect(await sealer.unseal(altered, BINDING)).toBe(undefined);
  }
});
