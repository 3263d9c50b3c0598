/** Whether a form keeps to its policy (sigv4-HTTPPOSTConstructPolicy). */
import { S3Error } from "../../errors.ts";
import { type FileSizeRange, fulfils, type PolicyCondition } from "./conditions.ts";
import type { PostPolicy } from "./document.ts";

export interface PolicySubject {
  /** The bucket the request is addressed to; a field of that name means nothing. */
  readonly bucket: string;
  /** By lower-case name. */
  readonly fields: ReadonlyMap<string, string>;
}

/** Fields no condition has to cover: the signature's own (of Version 2 as well), and what is said to be ignored. */
const EXEMPT: ReadonlySet<string> = new Set(["x-amz-signature", "file", "policy", "awsaccesskeyid", "signature"]);
const IGNORED = "x-ignore-";

export const ANY_FILE_SIZE: FileSizeRange = { minBytes: 0, maxBytes: Number.POSITIVE_INFINITY };

/**
 * @returns what the policy says of the file, which is still to come
 * @throws S3Error `AccessDenied` for an expired policy, a condition that does not hold, and a field without one
 */
export function applyPolicy({ expiration, conditions }: PostPolicy, subject: PolicySubject, now: Date): FileSizeRange {
  if (now.getTime() > expiration.getTime()) throw violated("Policy expired.");
  // The bucket is a field like any other, though it stands in the URL: a policy that names none is good for none.
  const fields = new Map([...subject.fields, ["bucket", subject.bucket]]);
  const range = checkConditions(conditions, fields);
  const covered = new Set(conditions.map((condition) => ("field" in condition ? condition.field : undefined)));
  for (const field of fields.keys()) {
    if (EXEMPT.has(field) || field.startsWith(IGNORED) || covered.has(field)) continue;
    throw violated(`Extra input fields: ${field}`);
  }
  return range;
}

function checkConditions(conditions: readonly PolicyCondition[], fields: ReadonlyMap<string, string>): FileSizeRange {
  let { minBytes, maxBytes } = ANY_FILE_SIZE;
  for (const condition of conditions) {
    if (condition.operator !== "content-length-range") {
      const value = condition.field === undefined ? undefined : fields.get(condition.field);
      if (!fulfils(condition, value)) throw violated(`Policy Condition failed: ${condition.written}`);
      continue;
    }
    if (condition.range === undefined) throw violated(`Policy Condition failed: ${condition.written}`);
    minBytes = Math.max(minBytes, condition.range.minBytes);
    maxBytes = Math.min(maxBytes, condition.range.maxBytes);
  }
  return { minBytes, maxBytes };
}

function violated(reason: string): S3Error {
  return new S3Error("AccessDenied", { message: `Invalid according to Policy: ${reason}` });
}
