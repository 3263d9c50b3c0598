/** Whether the audit can be delivered to the bucket that the operator chose. */
import { S3Error } from "../errors.ts";
import type { AuditSetting } from "../model/audit.ts";
import type { Bucket } from "../model/bucket.ts";

/**
 * @param bucket the bucket of the chosen name, if there is one
 * @throws S3Error `AccessDenied`, whose message says what is wrong
 */
export function requireAuditable(setting: AuditSetting, bucket: Bucket | undefined): asserts bucket is Bucket {
  const name = setting.bucket;
  if (bucket === undefined) throw refusal(`The bucket ${name} does not exist.`);
  // The name may belong to another account by now, which must not see the audit.
  if (bucket.accountId !== setting.accountId) throw refusal(`The bucket ${name} belongs to another account.`);
  // No caller signs these writes, so no caller's permission for the key could be checked.
  if (bucket.documents.encryption?.algorithm !== undefined) {
    throw refusal(`The default encryption of the bucket ${name} is SSE-KMS.`);
  }
}

function refusal(message: string): S3Error {
  return new S3Error("AccessDenied", { message });
}
