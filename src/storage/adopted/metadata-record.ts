/**
 * What S3 says about an object and R2 has no field for: one value of `customMetadata`, `<MAC>.<JSON>`. The MAC binds it to the
 * binding, the bucket, its owner and the key; the JSON names size and ETag of the bytes where they were known when it was
 * made. Anyone who can write to the R2 bucket can write the value, so one without a right MAC, or about other bytes, is ignored.
 */
import { RESERVED_METADATA } from "../../model/adopted.ts";
import type { MacKey } from "../../model/mac-key.ts";
import type { ObjectAttributes } from "../../model/object.ts";
import { type EntryRecord, encodeAcl } from "../r2/entry-record.ts";
import type { AdoptedPlace } from "./adopted-stores.ts";

/** Names as in `EntryRecord`. */
export interface AdoptedRecord extends Pick<EntryRecord, "o" | "c" | "x" | "r" | "g" | "a"> {
  /** Write id. */
  readonly w: string;
  /** Size in bytes; absent: it was not known. */
  readonly z?: number;
  /** ETag, unquoted; absent: it was not known. */
  readonly e?: string;
  /** Id of the multipart upload that made the object. */
  readonly u?: string;
}

/** What a record says about the write itself. */
export interface RecordFacts extends Pick<AdoptedRecord, "w" | "z" | "e" | "c" | "u"> {
  /** Whether the write id is needed although nothing else has to be kept. */
  readonly isTraced: boolean;
}

const MAC_BYTES = 16;
const SHAPE = /^([A-Za-z0-9_-]{22})\.(\{.*\})$/s;
const encoder = new TextEncoder();

export class MetadataRecords {
  readonly #key: MacKey;

  constructor(key: MacKey) {
    this.#key = key;
  }

  /** The custom metadata of an object: the user's, and the record if it says anything. */
  async encode(
    place: AdoptedPlace,
    userMetadata: Readonly<Record<string, string>>,
    record: AdoptedRecord | undefined,
  ): Promise<Record<string, string>> {
    if (record === undefined) return { ...userMetadata };
    // R2's own endpoint shows the value in a header.
    const json = JSON.stringify(record).replace(/[\u007f-\uffff]/g, escaped);
    return { ...userMetadata, [RESERVED_METADATA]: `${await this.#mac(place, json)}.${json}` };
  }

  /** Undefined if the object has no record, or one that is not about it. */
  async find(place: AdoptedPlace, found: R2Object): Promise<AdoptedRecord | undefined> {
    const match = SHAPE.exec(found.customMetadata?.[RESERVED_METADATA] ?? "");
    if (match === null) return undefined;
    const [, claimed = "", json = ""] = match;
    const expected = await this.#mac(place, json);
    if (!(await this.#key.matches(encoder.encode(expected), encoder.encode(claimed)))) return undefined;
    const record = JSON.parse(json) as AdoptedRecord;
    const isAbout = (record.z ?? found.size) === found.size && (record.e ?? found.etag) === found.etag;
    return isAbout ? record : undefined;
  }

  async #mac({ binding, bucketName, bucketOwnerId, r2Key }: AdoptedPlace, json: string): Promise<string> {
    // JSON has no NUL, so the text has only one meaning, although keys may contain one.
    const text = [binding, bucketName, bucketOwnerId, r2Key, json].join("\0");
    const bytes = (await this.#key.sign(encoder.encode(text))).subarray(0, MAC_BYTES);
    return btoa(String.fromCharCode(...bytes))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");
  }
}

/** Undefined if R2's own fields say everything. */
export function recordOf(
  { bucketOwnerId }: AdoptedPlace,
  attributes: ObjectAttributes,
  { isTraced, w, ...facts }: RecordFacts,
): AdoptedRecord | undefined {
  const { content, ownerId, tags, acl, websiteRedirectLocation } = attributes;
  const { c: checksum, u: uploadId } = facts;
  const said = {
    ...(ownerId !== bucketOwnerId && { o: ownerId }),
    ...(content.expires !== undefined && !isR2Date(content.expires) && { x: content.expires }),
    ...(websiteRedirectLocation !== undefined && { r: websiteRedirectLocation }),
    ...(tags.length > 0 && { g: tags.map(({ key, value }) => [key, value] as const) }),
    ...(acl !== undefined && { a: encodeAcl(acl, ownerId) }),
    ...(checksum !== undefined && { c: checksum }),
    ...(uploadId !== undefined && { u: uploadId }),
  };
  if (Object.keys(said).length === 0 && !isTraced) return undefined;
  return {
    w,
    ...said,
    ...(facts.z !== undefined && { z: facts.z }),
    ...(facts.e !== undefined && { e: facts.e }),
  };
}

/** Whether R2's field, which holds a date, returns `Expires` as it was sent. */
function isR2Date(expires: string): boolean {
  const time = Date.parse(expires);
  return !Number.isNaN(time) && new Date(time).toUTCString() === expires;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
