/** What a request was and who sent it, by the words of the audit and of the metrics. */
import { callerArn } from "../access/identity.ts";
import type { Caller } from "../model/caller.ts";
import type { RequestLog } from "../request-log.ts";
import { decideRoute } from "./decisions.ts";
import { type AuditCaller, clip } from "./line.ts";

/** Secret keys contain lower-case letters: one that was sent in place of the id is not shown. */
const KEY_ID = /^[A-Z0-9_]{1,32}$/;
const MAX_NAME_LENGTH = 128;

/** Without the service: `CreateUser`. */
export function operationOf({ operation, adminCall }: RequestLog): string | undefined {
  if (adminCall !== undefined) return decideRoute(adminCall.route).operation;
  return operation && clip(operation.slice(operation.indexOf(":") + 1), MAX_NAME_LENGTH);
}

export function callerOf({ authentication, caller: named, claimedKeyId }: RequestLog): AuditCaller {
  const caller: Caller | undefined = authentication?.caller;
  if (caller?.kind === "account") {
    const { account, user, session, accessKeyId } = caller;
    return {
      kind: session !== undefined ? "session" : user !== undefined ? "user" : "root",
      accountId: account.id,
      arn: callerArn(caller),
      accessKeyId,
      ...(session !== undefined && { issuedBy: session.makerAccessKeyId }),
    };
  }
  if (caller?.kind === "anonymous" || named === "anonymous") return { kind: "anonymous" };
  return {
    kind: "unknown",
    ...(claimedKeyId !== undefined && KEY_ID.test(claimedKeyId) && { accessKeyId: claimedKeyId }),
  };
}
