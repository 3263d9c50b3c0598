/**
 * Whether two bindings lead to the same R2 bucket. A binding does not say which bucket it is, and nothing is written to find out:
 * R2 gives every write a version of its own, so a key that has the same version behind both is one object.
 */
import { callR2 } from "../platform-errors.ts";

/** `unclear`: both are empty, or change all the time. */
export type Comparison = "same" | "different" | "unclear";

/** Objects that are looked for, in case some are overwritten meanwhile. */
const SAMPLE = 5;

/** At most 1 + 2 × 5 R2 calls in each direction. @throws S3Error */
export async function compareBuckets(one: R2Bucket, other: R2Bucket): Promise<Comparison> {
  const found = await findSample(one, other);
  return found === "unclear" ? findSample(other, one) : found;
}

/** Looks for objects of one bucket in the other one. */
async function findSample(from: R2Bucket, other: R2Bucket): Promise<Comparison> {
  const { objects } = await callR2(from.list({ limit: SAMPLE }));
  for (const { key, version } of objects) {
    const there = await callR2(other.head(key));
    if (there?.version === version) return "same";
    // The object existed before the other bucket was asked, and still does: R2 is strongly consistent.
    const here = await callR2(from.head(key));
    if (here?.version === version) return "different";
  }
  return "unclear";
}
