/** Request and answer of a bucket's default encryption (API_PutBucketEncryption). */
import { S3Error } from "../../errors.ts";
import type { BucketEncryption } from "../../model/bucket.ts";
import {
  childrenOf,
  childText,
  findChild,
  malformedXml,
  parseXml,
  requireChild,
  requireChildText,
  requireOnly,
  textOf,
  type XmlElement,
} from "./reader.ts";
import { formatXml, xmlElement, xmlText } from "./writer.ts";

export const MAX_ENCRYPTION_BYTES = 64 * 1024;

const WITH_KMS: readonly string[] = ["aws:kms", "aws:kms:dsse", "aws:fsx"];

/**
 * @throws S3Error `MalformedXML`, also for several rules: a bucket has one; `InvalidArgument` for a key where none is
 *   used; `NotImplemented` for KMS, and for blocking what is refused anyway
 */
export function parseEncryptionConfiguration(body: Uint8Array): BucketEncryption {
  const root = parseXml(body, "ServerSideEncryptionConfiguration", { maxBytes: MAX_ENCRYPTION_BYTES });
  requireOnly(root, ["Rule"]);
  const rule = requireChild(root, "Rule");
  requireOnly(rule, ["ApplyServerSideEncryptionByDefault", "BucketKeyEnabled", "BlockedEncryptionTypes"]);
  const byDefault = findChild(rule, "ApplyServerSideEncryptionByDefault");
  if (byDefault !== undefined) requireAes256(byDefault);
  const blocked = findChild(rule, "BlockedEncryptionTypes");
  if (blocked !== undefined) requireNoneBlocked(blocked);
  const flag = childText(rule, "BucketKeyEnabled")?.toLowerCase() ?? "false";
  if (flag !== "true" && flag !== "false") throw malformedXml("BucketKeyEnabled is neither true nor false");
  return { bucketKeyEnabled: flag === "true" };
}

export function formatEncryptionConfiguration({ bucketKeyEnabled }: BucketEncryption): string {
  return formatXml("ServerSideEncryptionConfiguration", [
    xmlElement("Rule", [
      xmlElement("ApplyServerSideEncryptionByDefault", [xmlText("SSEAlgorithm", "AES256")]),
      xmlText("BucketKeyEnabled", bucketKeyEnabled),
    ]),
  ]);
}

function requireAes256(byDefault: XmlElement): void {
  requireOnly(byDefault, ["SSEAlgorithm", "KMSMasterKeyID"]);
  const algorithm = requireChildText(byDefault, "SSEAlgorithm");
  const key = childText(byDefault, "KMSMasterKeyID");
  if (WITH_KMS.includes(algorithm)) {
    throw new S3Error("NotImplemented", { message: `Encryption with ${algorithm} is not implemented.` });
  }
  if (algorithm !== "AES256") throw malformedXml(`unknown algorithm ${algorithm}`);
  if (key === undefined) return;
  throw new S3Error("InvalidArgument", {
    message: "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
    details: { ArgumentName: "ApplyServerSideEncryptionByDefault" },
  });
}

function requireNoneBlocked(blocked: XmlElement): void {
  requireOnly(blocked, ["EncryptionType"]);
  const types = childrenOf(blocked, "EncryptionType").map(textOf);
  if (types.some((type) => type !== "NONE" && type !== "SSE-C")) throw malformedXml("unknown encryption type");
  if (types.includes("SSE-C")) {
    throw new S3Error("NotImplemented", { message: "Blocked encryption types are not implemented." });
  }
}
