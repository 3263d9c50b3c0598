/** Policies of users and sessions as they are taken in: checked by the engine that will evaluate them. */
import { parsePolicy } from "../access/policy/document.ts";
import { S3Error } from "../errors.ts";
import { IamError } from "./errors.ts";

/** @throws IamError `MalformedPolicyDocument` */
export function requireWellFormedPolicy(document: string): void {
  try {
    parsePolicy(document, { kind: "user" });
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    throw new IamError("MalformedPolicyDocument", error.message);
  }
}

/** "IAM doesn't count white space when calculating the size of a policy against these quotas" (IAM and STS quotas). */
export function policyQuotaSize(document: string): number {
  return document.replaceAll(/\s/g, "").length;
}
