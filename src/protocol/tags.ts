/**
 * The rules for tags ("Categorizing your objects using tags", object-tagging; "Using cost allocation S3 bucket tags"),
 * and the `x-amz-tagging` header.
 */
import { invalidArgument, S3Error } from "../errors.ts";
import type { Tag } from "../model/object.ts";
import { percentDecode, uriEncode } from "./percent-encoding.ts";

/** The tagged resource; CreateBucket has error messages of its own. */
export type TagScope = "object" | "bucket" | "new bucket";

export const MAX_TAGS: Readonly<Record<TagScope, number>> = { object: 10, bucket: 50, "new bucket": 50 };
const MAX_KEY_LENGTH = 128;
const MAX_VALUE_LENGTH = 256;
/** AWS has a different message for each (LocalStack's recordings of 2026-02). */
const RESERVED_MESSAGE: Readonly<Record<TagScope, string>> = {
  "new bucket":
    'User-defined tag keys can\'t start with "aws:". This prefix is reserved for system tags. Remove "aws:" from your tag keys and try again.',
  object: "Your TagKey cannot be prefixed with aws:",
  bucket: "System tags cannot be added/updated by requester",
};
const ALLOWED = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/**
 * Checks a tag set and returns it.
 *
 * @throws S3Error `BadRequest` for too many tags; `InvalidTag` for duplicate keys, keys and values too long or with
 *   characters that are not allowed, and keys that begin with `aws:`.
 */
export function validateTags(tags: readonly Tag[], scope: TagScope): readonly Tag[] {
  if (tags.length > MAX_TAGS[scope]) {
    // AWS answers BadRequest here (boto3 issue 1213), unlike for every other fault of a tag set.
    const subject = scope === "object" ? "Object tags" : "Bucket tag count";
    throw new S3Error("BadRequest", { message: `${subject} cannot be greater than ${MAX_TAGS[scope]}` });
  }
  const seen = new Set<string>();
  for (const { key, value } of tags) {
    if (key === "" || key.length > MAX_KEY_LENGTH || !ALLOWED.test(key)) {
      throw invalidTag("The TagKey you have provided is invalid", { TagKey: key });
    }
    if (value.length > MAX_VALUE_LENGTH || !ALLOWED.test(value)) {
      throw invalidTag("The TagValue you have provided is invalid", { TagKey: key, TagValue: value });
    }
    if (key.toLowerCase().startsWith("aws:")) {
      throw invalidTag(RESERVED_MESSAGE[scope], scope === "new bucket" ? {} : { TagKey: key });
    }
    if (seen.has(key)) throw invalidTag("Cannot provide multiple Tags with the same key", { TagKey: key });
    seen.add(key);
  }
  return tags;
}

const TAGGING_HEADER = "x-amz-tagging";

/**
 * Parses `x-amz-tagging: Project=Blue&Owner=a%20b`; without the header there are no tags.
 *
 * @throws S3Error `InvalidTag` and `BadRequest` as `validateTags`; `InvalidArgument` if it is not a query string, or
 *   if a key is empty or repeated.
 */
export function parseTaggingHeader(header: string | null): readonly Tag[] {
  if (header === null) return [];
  const tags = header
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => parsePair(pair, header));
  if (new Set(tags.map((tag) => tag.key)).size < tags.length) throw malformedHeader(header);
  return validateTags(tags, "object");
}

/** The `x-amz-tagging` header of the tags. */
export function formatTaggingHeader(tags: readonly Tag[]): string {
  return tags.map(({ key, value }) => `${uriEncode(key)}=${uriEncode(value)}`).join("&");
}

function parsePair(pair: string, header: string): Tag {
  const [key = "", value = "", ...more] = pair.split("=");
  if (key === "" || more.length > 0) throw malformedHeader(header);
  const decode = (text: string) => {
    try {
      return percentDecode(text.replaceAll("+", " "));
    } catch {
      throw malformedHeader(header);
    }
  };
  return { key: decode(key), value: decode(value) };
}

function malformedHeader(header: string): S3Error {
  const message =
    "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.";
  return invalidArgument(message, TAGGING_HEADER, header);
}

function invalidTag(message: string, details: Readonly<Record<string, string>> = {}): S3Error {
  return new S3Error("InvalidTag", { message, details });
}
