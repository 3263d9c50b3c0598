/** An R2 in memory that can be listed and read, with R2's order, pages and delimiters, and a count of the calls. */
import { compareBytes } from "../../src/model/byte-order.ts";
import { type EntryRecord, encodeRecord } from "../../src/storage/r2/entry-record.ts";

export interface ListedR2 {
  readonly store: R2Bucket;
  put(r2Key: string, record: EntryRecord, uploaded?: number): void;
  /** Calls since the last time it was asked. */
  takeCalls(): number;
}

/** @param rows of a page with and without metadata: R2 decides by their length, the simulator lists 100 with metadata */
export function listedR2({
  withMetadata = 1000,
  plain = 1000,
}: {
  withMetadata?: number;
  plain?: number;
} = {}): ListedR2 {
  const objects = new Map<string, R2Object>();
  let sorted: R2Object[] | undefined;
  let calls = 0;
  const firstBehind = (all: readonly R2Object[], startAfter: string, prefix: string) => {
    let [low, high] = [0, all.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const key = all[middle]?.key ?? "";
      if (compareBytes(key, startAfter) <= 0 || compareBytes(key, prefix) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const list = async (options: R2ListOptions) => {
    calls++;
    const { prefix = "", delimiter = "", cursor, startAfter = cursor ?? "", include = [] } = options;
    const limit = Math.min(options.limit ?? 1000, include.length === 0 ? plain : withMetadata);
    sorted ??= [...objects.values()].sort((left, right) => compareBytes(left.key, right.key));
    const shown: object[] = [];
    const delimitedPrefixes: string[] = [];
    let last = "";
    for (let index = firstBehind(sorted, startAfter, prefix); index < sorted.length; index++) {
      const object = sorted[index];
      if (object === undefined || !object.key.startsWith(prefix)) break;
      const found = delimiter === "" ? -1 : object.key.indexOf(delimiter, prefix.length);
      const name = found === -1 ? undefined : object.key.slice(0, found + delimiter.length);
      const isKnown = name !== undefined && name === delimitedPrefixes.at(-1);
      if (!isKnown && shown.length + delimitedPrefixes.length === limit) {
        return { objects: shown, delimitedPrefixes, truncated: true, cursor: last };
      }
      if (name === undefined) shown.push(include.length === 0 ? { ...object, customMetadata: undefined } : object);
      else if (!isKnown) delimitedPrefixes.push(name);
      last = object.key;
    }
    return { objects: shown, delimitedPrefixes, truncated: false };
  };
  const head = async (r2Key: string) => {
    calls++;
    return objects.get(r2Key) ?? null;
  };
  return {
    store: { list, head } as unknown as R2Bucket,
    put(r2Key, record, uploaded = 0) {
      const checksums = {
        md5: new ArrayBuffer(16),
        ...((record.t ?? record.D) !== undefined && { sha384: new ArrayBuffer(48) }),
        ...((record.f ?? record.U ?? record.k) !== undefined && { sha512: new ArrayBuffer(64) }),
      };
      const facts = { key: r2Key, size: 1, etag: "e", uploaded: new Date(uploaded), checksums };
      objects.set(r2Key, { ...facts, customMetadata: encodeRecord(record) } as unknown as R2Object);
      sorted = undefined;
    },
    takeCalls() {
      const made = calls;
      calls = 0;
      return made;
    },
  };
}
