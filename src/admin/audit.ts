/** Where the audit goes, over JSON. Only the root account can say it. */
import { authorizeAuditDelivery } from "../access/authorize.ts";
import { invalidRequest, S3Error } from "../errors.ts";
import { type AuditSetting, DEFAULT_AUDIT_PREFIX, MAX_AUDIT_PREFIX_BYTES } from "../model/audit.ts";
import { type AdminCall, failure } from "./call.ts";
import { readText } from "./fields.ts";

export async function showAudit({ services, grant }: AdminCall): Promise<Response> {
  const setting = await services.auditSwitch.show(grant);
  if (setting === undefined) return Response.json({ status: "off" });
  const { since, ...shown } = setting;
  return Response.json({ status: "on", ...shown, since });
}

/** `{ bucket, prefix?, accountId? }`; without an account the bucket is one of the root account. */
export async function setAudit({ services, grant, now, body, accountId: root, log }: AdminCall): Promise<Response> {
  const bucket = readText(body, "bucket") ?? "";
  const prefix = requirePrefix(readText(body, "prefix") ?? DEFAULT_AUDIT_PREFIX);
  const setting: AuditSetting = { accountId: readText(body, "accountId") ?? root, bucket, prefix };
  const found = (await services.directory.loadFresh([bucket])).get(bucket);
  if (found === undefined) return failure(404, "NoSuchBucket", "There is no such bucket.");
  try {
    authorizeAuditDelivery(setting, found);
  } catch (error) {
    if (error instanceof S3Error) return failure(409, "NotAuditable", error.message);
    throw error;
  }
  log.formerAudit = otherThan(setting, await services.auditSwitch.set(grant, setting, now));
  return Response.json({ status: "on", ...setting, since: now });
}

export async function clearAudit({ services, grant, log }: AdminCall): Promise<Response> {
  log.formerAudit = await services.auditSwitch.clear(grant);
  return Response.json({ status: "off" });
}

function otherThan(setting: AuditSetting, former: AuditSetting | undefined): AuditSetting | undefined {
  return JSON.stringify(former) === JSON.stringify(setting) ? undefined : former;
}

/** @throws S3Error `InvalidRequest` */
function requirePrefix(prefix: string): string {
  const { byteLength } = new TextEncoder().encode(prefix);
  if (byteLength <= MAX_AUDIT_PREFIX_BYTES && !/\p{Cc}|\p{Cs}|(?:^|\/)\.\.?(?:\/|$)/u.test(prefix)) return prefix;
  throw invalidRequest(
    `prefix takes at most ${MAX_AUDIT_PREFIX_BYTES} bytes, no control characters, and no segments "." or "..".`,
  );
}
