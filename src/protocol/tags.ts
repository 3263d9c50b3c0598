/**
 * What a tag may be: "Categorizing your objects using tags" (object-tagging), "Using cost allocation S3 bucket tags",
 * and the form the `x-amz-tagging` header gives them.
 */
import { S3Error } from "../errors.ts";
import { parseQuery } from "./query.ts";

export interface Tag {
  readonly key: string;
  readonly value: string;
}

export type TagScope = "object" | "bucket";

const MAX_TAGS: Readonly<Record<TagScope, number>> = { object: 10, bucket: 50 };
const MAX_KEY_LENGTH = 128;
const MAX_VALUE_LENGTH = 256;
const ALLOWED = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/**
 * Checks a tag set and gives it back.
 *
 * @throws S3Error `BadRequest` for too many tags; `InvalidTag` for duplicate keys, keys and values too long or with characters that
 *   are not allowed, and keys that begin with `aws:`.
 */
export function validateTags(tags: readonly Tag[], scope: TagScope): readonly Tag[] {
  if (tags.length > MAX_TAGS[scope]) {
    // AWS as reported (boto3 issue 1213): not InvalidTag, unlike every other fault of a tag set.
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
      throw invalidTag("System tags cannot be added/updated by requester", { TagKey: key });
    }
    if (seen.has(key)) throw invalidTag("Cannot provide multiple Tags with the same key", { TagKey: key });
    seen.add(key);
  }
  return tags;
}

/**
 * Parses `x-amz-tagging: Project=Blue&Owner=a%20b`.
 *
 * @throws S3Error `InvalidTag` as `validateTags`; `InvalidArgument` if it is not a query string.
 */
export function parseTaggingHeader(header: string): readonly Tag[] {
  let entries: readonly (readonly [string, string])[];
  try {
    entries = parseQuery(header).entries;
  } catch (cause) {
    throw new S3Error("InvalidArgument", {
      message:
        "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
      details: { ArgumentName: "x-amz-tagging", ArgumentValue: header },
      cause,
    });
  }
  return validateTags(
    entries.map(([key, value]) => ({ key, value })),
    "object",
  );
}

function invalidTag(message: string, details: Readonly<Record<string, string>> = {}): S3Error {
  return new S3Error("InvalidTag", { message, details });
}
