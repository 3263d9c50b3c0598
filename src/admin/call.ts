/** What handlers of the admin API get, and how they refuse. */
import type { RootGrant } from "../access/authorize.ts";
import type { AdminServices } from "../services.ts";

/** What a handler gets once the caller is known to be root. */
export interface AdminCall {
  readonly services: AdminServices;
  readonly grant: RootGrant;
  readonly now: Date;
  /** The body as JSON; undefined if there is none. */
  readonly body: unknown;
}

export function failure(status: number, code: string, message: string): Response {
  return Response.json({ error: { code, message } }, { status });
}
