/** The input of the admin API's handlers, and their error responses. */
import type { RootGrant } from "../access/authorize.ts";
import type { RequestLog } from "../request-log.ts";
import type { AdminServices } from "../services.ts";

/** The input of a handler, once the caller is verified as root. */
export interface AdminCall {
  readonly services: AdminServices;
  readonly grant: RootGrant;
  readonly now: Date;
  /** As it was signed. */
  readonly query: { get(name: string): string | undefined };
  /** The body as JSON; undefined if there is none. */
  readonly body: unknown;
  /** The root account. */
  readonly accountId: string;
  /** What the audit shows in addition to the body: ids of what was created, never secrets. */
  readonly log: Pick<RequestLog, "created" | "formerAudit">;
}

export function failure(status: number, code: string, message: string): Response {
  return Response.json({ error: { code, message } }, { status });
}
