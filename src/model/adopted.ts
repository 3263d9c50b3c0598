/**
 * Adopted buckets: R2 buckets that exist without this deployment. Their keys are the R2 bucket's keys, and their objects are
 * ordinary R2 objects, so other Workers, the dashboard and R2's own endpoint see the same.
 */
import { S3Error } from "../errors.ts";
import type { Bucket } from "./bucket.ts";

const PREFIX = "ADOPT_";

/** The name under which `customMetadata` holds what R2 has no field for. Clients cannot set it. */
export const RESERVED_METADATA = "workers-s3";

/** Whether a binding of this name may be adopted. Names of bindings of region stores never may. */
export function isAdoptBinding(name: string): boolean {
  return /^ADOPT_[A-Z0-9_]{1,58}$/.test(name);
}

/**
 * The `region` of an adopted bucket is the name of its binding. No region store has such a name, so whatever knows only region
 * stores finds no store for the bucket, and touches nothing.
 */
export function isAdopted({ region }: Pick<Bucket, "region">): boolean {
  return region.startsWith(PREFIX);
}

/** @param what begins the message */
export function notInAdopted(what: string): S3Error {
  return new S3Error("NotImplemented", {
    message: `${what} not available in an adopted R2 bucket. A bucket of this deployment offers it.`,
  });
}
