/**
 * The deployment's own API below `/-/`: health and certificates for anyone, everything else for the root account. It
 * uses the same authenticator as S3. Paths select the handler, so itty-router routes.
 */
import { type IRequest, Router } from "itty-router";
import { authorizeRoot } from "../access/authorize.ts";
import { readWholeBody } from "../auth/payload/request-body.ts";
import { S3Error } from "../errors.ts";
import { claimedKey, type Incoming, identify, readRequest } from "../identify.ts";
import type { AdminServices } from "../services.ts";
import { toS3Error } from "../storage/platform-errors.ts";
import * as accounts from "./accounts.ts";
import * as adoptions from "./adoptions.ts";
import * as audit from "./audit.ts";
import { type AdminCall, failure } from "./call.ts";
import * as config from "./config.ts";
import * as deliveries from "./deliveries.ts";
import * as deployment from "./deployment.ts";
import * as kms from "./kms.ts";
import * as quotas from "./quotas.ts";
import * as rebuild from "./rebuild.ts";
import * as remotes from "./remotes.ts";
import * as replication from "./replication.ts";
import { scrub } from "./scrub.ts";
import * as usage from "./usage.ts";

const MAX_BODY_BYTES = 64 * 1024;

type Arguments = [services: AdminServices, incoming: Incoming];

const router = Router<IRequest, Arguments>();

router
  .get("/-/health", (_request, services) => checkHealth(services))
  .get("/-/certificates/:name", ({ params }, services) => getCertificate(services, params.name ?? ""))
  .post("/-/admin/quotas/buckets/:bucket", asRoot(quotas.setQuota))
  .get("/-/admin/quotas/buckets/:bucket", asRoot(quotas.showQuota))
  .delete("/-/admin/quotas/buckets/:bucket", asRoot(quotas.deleteQuota))
  .post("/-/admin/quotas/accounts/:accountId", asRoot(quotas.setQuota))
  .get("/-/admin/quotas/accounts/:accountId", asRoot(quotas.showQuota))
  .delete("/-/admin/quotas/accounts/:accountId", asRoot(quotas.deleteQuota))
  .get("/-/admin/usage", asRoot(usage.showUsage))
  .get("/-/admin/usage/history", asRoot(usage.showHistory))
  .post("/-/admin/accounts", asRoot(accounts.createAccount))
  .get("/-/admin/accounts", asRoot(accounts.listAccounts))
  .post("/-/admin/accounts/:accountId/keys", asRoot(accounts.createKey))
  .get("/-/admin/accounts/:accountId/keys", asRoot(accounts.listKeys))
  .get("/-/admin/keys", asRoot(accounts.listKeys))
  .patch("/-/admin/keys/:accessKeyId", asRoot(accounts.setKeyStatus))
  .delete("/-/admin/keys/:accessKeyId", asRoot(accounts.deleteKey))
  .get("/-/admin/receivers", asRoot(deliveries.listReceivers))
  .get("/-/admin/dead-letters", asRoot(deliveries.listDeadLetters))
  .post("/-/admin/dead-letters/:id/retry", asRoot(deliveries.retryDeadLetters))
  .delete("/-/admin/dead-letters/:id", asRoot(deliveries.deleteDeadLetters))
  .get("/-/admin/policies/nobody", asRoot(accounts.listNobody))
  .post("/-/admin/remotes", asRoot(remotes.addRemote))
  .get("/-/admin/remotes", asRoot(remotes.listRemotes))
  .delete("/-/admin/remotes/:name", asRoot(remotes.removeRemote))
  .post("/-/admin/remotes/:name/check", asRoot(remotes.check))
  .post("/-/admin/kms", asRoot(kms.createKey))
  .get("/-/admin/kms", asRoot(kms.listKeys))
  .patch("/-/admin/kms", asRoot(kms.setKeyStatus))
  .post("/-/admin/kms/export", asRoot(kms.exportKeys))
  .post("/-/admin/kms/import", asRoot(kms.importKeys))
  .post("/-/admin/config/exports", asRoot(config.beginExport))
  .post("/-/admin/config/exports/:exportId/pages", asRoot(config.exportPage))
  .delete("/-/admin/config/exports/:exportId", asRoot(config.endExport))
  .post("/-/admin/config/restores/:exportId/pages", asRoot(config.receivePage, config.MAX_PAGE_BYTES))
  .post("/-/admin/config/restores/:exportId/apply", asRoot(config.applyRestore))
  .post("/-/admin/rebuild/markers", asRoot(rebuild.listMarkers))
  .post("/-/admin/rebuild/buckets", asRoot(rebuild.rebuildBuckets))
  .get("/-/admin/buckets/:bucket/replication", asRoot(replication.showReplication))
  .post("/-/admin/buckets/:bucket/replication/retry", asRoot(replication.retryReplication))
  .post("/-/admin/buckets/:bucket/replication/existing", asRoot(replication.replicateExisting))
  .post("/-/admin/adoptions", asRoot(adoptions.adoptBucket))
  .get("/-/admin/adoptions", asRoot(adoptions.listAdopted))
  .delete("/-/admin/adoptions/:name", asRoot(adoptions.releaseBucket))
  .post("/-/admin/scrub", asRoot(scrub))
  .get("/-/admin/deployment", asRoot(deployment.describeDeployment))
  .post("/-/admin/probes", asRoot(deployment.sendProbes))
  .get("/-/admin/probes/:id", asRoot(deployment.showProbes))
  .delete("/-/admin/probes/:id", asRoot(deployment.forgetProbes))
  .get("/-/admin/audit", asRoot(audit.showAudit))
  .post("/-/admin/audit", asRoot(audit.setAudit))
  .delete("/-/admin/audit", asRoot(audit.clearAudit))
  .all("*", () => failure(404, "NotFound", "There is nothing at this path."));

/** Method and path of each route, with the names of parameters. */
export const ADMIN_ROUTES: readonly string[] = router.routes.map(([method, , , path]) => `${method} ${path}`);

export async function handleAdmin(incoming: Incoming, services: AdminServices): Promise<Response> {
  const { request, log } = incoming;
  log.operation = "Admin";
  log.service = "admin";
  try {
    // itty-router adds members to what it routes, and a Request must not be changed.
    const routed = { method: request.method, url: request.url };
    return await router.fetch(routed as IRequest, services, incoming);
  } catch (error) {
    const s3Error = toS3Error(error);
    log.code = s3Error.code;
    log.cause = s3Error.cause;
    return failure(s3Error.status, s3Error.code, s3Error.message);
  }
}

/** Verifies the signature, the root account and the body, in that order, before the handler runs. */
function asRoot(
  handler: (call: AdminCall, parameters: Record<string, string>) => Promise<Response>,
  maxBytes = MAX_BODY_BYTES,
) {
  return async (routed: IRequest, services: AdminServices, incoming: Incoming): Promise<Response> => {
    const { log } = incoming;
    const { params: values } = routed;
    const route = `${routed.method} ${routed.route}`;
    log.adminCall = { route, values };
    const request = readRequest(incoming);
    // Temporary credentials are not looked up, because they cannot administer anything.
    const { accessKeyId } = claimedKey(request);
    log.claimedKeyId = accessKeyId;
    const { credential } = await services.directory.load({ accessKeyId });
    const authentication = await identify(request, credential, { regions: "any", service: "s3" });
    const { caller } = authentication;
    log.authentication = authentication;
    log.caller = caller.kind === "account" ? caller.accessKeyId : caller.kind;
    const grant = authorizeRoot(caller);
    const bytes = await readWholeBody(request, authentication, {
      maxBytes,
      requireDigest: false,
    });
    const body = parseJson(bytes);
    log.adminCall = { route, values, body };
    const accountId = caller.kind === "account" ? caller.account.id : "";
    return handler({ services, grant, now: request.now, query: authentication.query, body, accountId, log }, values);
  };
}

function parseJson(bytes: Uint8Array): unknown {
  if (bytes.byteLength === 0) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new S3Error("InvalidRequest", { message: "The body is not JSON.", cause });
  }
}

/**
 * `GET /-/certificates/<fingerprint>.pem`, for anyone. A certificate never changes, so it can be cached without limit.
 */
async function getCertificate(services: AdminServices, name: string): Promise<Response> {
  const pem = await services.signers.findPem(name);
  if (pem === undefined) return failure(404, "NotFound", "There is no such certificate.");
  return new Response(pem, {
    headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "public, max-age=31536000, immutable" },
  });
}

/**
 * `GET /-/health`: 200 if the secrets, the newest schema and the bindings are present; else 503 with a message about
 * what is missing.
 */
async function checkHealth(services: AdminServices): Promise<Response> {
  try {
    if (await services.directory.hasCurrentSchema()) return Response.json({ status: "ok" });
    const message = "The database lacks the newest migrations. Run `npm run deploy`, which applies them.";
    return Response.json({ status: "unavailable", message }, { status: 503 });
  } catch (error) {
    const failure = toS3Error(error);
    return Response.json({ status: "unavailable", message: failure.message }, { status: 503 });
  }
}
