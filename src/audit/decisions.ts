/**
 * Which requests are changes that the audit shows. What is not named here and is no read is one: a new operation is in the audit
 * until a decision says that it does not belong there, and `test/worker/audit/decisions.test.ts` asks for that decision.
 */

/**
 * `granting`: only if its headers give permissions to others. `bypassing`: only if it bypasses governance retention. `starting`:
 * only the first call of several.
 */
export type AuditDecision = "none" | "change" | "granting" | "bypassing" | "starting";

/** Also the methods that websites have in place of operations. */
const READ = /^(?:get|head|list|options)/i;

/** Operations of S3 on data. Access logs show them. */
const S3: ReadonlyMap<string, AuditDecision> = new Map<string, AuditDecision>([
  ["PutObject", "granting"],
  ["PostObject", "granting"],
  ["CopyObject", "granting"],
  ["CreateMultipartUpload", "granting"],
  ["DeleteObject", "bypassing"],
  ["DeleteObjects", "bypassing"],
  ...[
    "RenameObject",
    "RestoreObject",
    "SelectObjectContent",
    "AbortMultipartUpload",
    "CompleteMultipartUpload",
    "UploadPart",
    "UploadPartCopy",
    "DeleteObjectAnnotation",
    "DeleteObjectTagging",
    "PutObjectAnnotation",
    "PutObjectTagging",
  ].map((name) => [name, "none"] as const),
]);

/** Actions of query APIs that are no reads by their name, and issue or change nothing. Messages of topics are data. */
const ACTIONS: ReadonlySet<string> = new Set(["sns:Publish"]);
/** Reads by their name that issue credentials. */
const ISSUING: ReadonlySet<string> = new Set(["sts:GetSessionToken", "sts:GetFederationToken"]);

export interface RouteDecision {
  readonly operation: string;
  readonly decision: AuditDecision;
  /** Fields of the body that the audit shows: none of them is or contains a secret. */
  readonly fields: readonly string[];
}

const route = (operation: string, fields = "", decision: AuditDecision = "change"): RouteDecision => ({
  operation,
  decision,
  fields: fields === "" ? [] : fields.split(" "),
});

/** Routes of the admin API, which are changes unless they are GETs. */
const ROUTES: ReadonlyMap<string, RouteDecision> = new Map([
  ["POST /-/admin/accounts", route("CreateAccount", "displayName")],
  ["POST /-/admin/accounts/:accountId/keys", route("CreateKey")],
  ["PATCH /-/admin/keys/:accessKeyId", route("SetKeyStatus", "status")],
  ["DELETE /-/admin/keys/:accessKeyId", route("DeleteKey")],
  ["POST /-/admin/adoptions", route("AdoptBucket", "name binding accountId")],
  ["DELETE /-/admin/adoptions/:name", route("ReleaseBucket")],
  ["POST /-/admin/dead-letters/:id/retry", route("RetryDeadLetters")],
  ["DELETE /-/admin/dead-letters/:id", route("DeleteDeadLetters")],
  ["POST /-/admin/remotes", route("AddRemote", "name endpoint region kind accountIds buckets accessKeyId")],
  ["DELETE /-/admin/remotes/:name", route("RemoveRemote")],
  ["POST /-/admin/remotes/:name/check", route("CheckRemote", "bucket")],
  ["POST /-/admin/kms", route("CreateKmsKey", "alias accountId")],
  ["PATCH /-/admin/kms", route("SetKmsKeyStatus", "key accountId status")],
  ["POST /-/admin/kms/export", route("ExportKmsKeys")],
  ["POST /-/admin/kms/import", route("ImportKmsKeys")],
  ["POST /-/admin/config/exports", route("BeginConfigExport")],
  ["POST /-/admin/config/exports/:exportId/pages", route("ReadConfigExport", "page", "starting")],
  ["DELETE /-/admin/config/exports/:exportId", route("EndConfigExport", "", "none")],
  ["POST /-/admin/config/restores/:exportId/pages", route("ReceiveConfigRestore", "page", "starting")],
  ["POST /-/admin/config/restores/:exportId/apply", route("ApplyConfigRestore")],
  ["POST /-/admin/rebuild/markers", route("ListMarkers", "", "none")],
  ["POST /-/admin/rebuild/buckets", route("RebuildBuckets", "owner")],
  ["POST /-/admin/buckets/:bucket/replication/retry", route("RetryReplication")],
  ["POST /-/admin/buckets/:bucket/replication/existing", route("ReplicateExisting")],
  ["POST /-/admin/scrub", route("Scrub", "bucket bytes", "starting")],
  ["POST /-/admin/probes", route("SendProbes", "", "none")],
  ["DELETE /-/admin/probes/:id", route("ForgetProbes", "", "none")],
  ["POST /-/admin/quotas/buckets/:bucket", route("SetQuota", "bytes objects")],
  ["DELETE /-/admin/quotas/buckets/:bucket", route("DeleteQuota")],
  ["POST /-/admin/quotas/accounts/:accountId", route("SetQuota", "bytes objects")],
  ["DELETE /-/admin/quotas/accounts/:accountId", route("DeleteQuota")],
  ["POST /-/admin/audit", route("SetAudit", "bucket prefix accountId")],
  ["DELETE /-/admin/audit", route("ClearAudit")],
]);

/** An operation of S3 or S3 Control. */
export function decideS3(name: string): AuditDecision {
  return S3.get(name) ?? (READ.test(name) ? "none" : "change");
}

/** @param name `iam:CreateUser` */
export function decideAction(name: string): AuditDecision {
  if (ISSUING.has(name)) return "change";
  return ACTIONS.has(name) || READ.test(name.slice(name.indexOf(":") + 1)) ? "none" : "change";
}

/** @param name method and path, with the names of parameters where their values go */
export function decideRoute(name: string): RouteDecision {
  return ROUTES.get(name) ?? route(name, "", name.startsWith("GET ") ? "none" : "change");
}

/** What has a decision of its own, for the test that asks for all of them. */
export const DECIDED_ROUTES: readonly string[] = [...ROUTES.keys()];
