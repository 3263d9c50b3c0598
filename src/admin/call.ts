/** The input of the admin API's handlers, and their error responses. */
import type { RootGrant } from "../access/authorize.ts";
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
}

export function failure(status: number, code: string, message: string): Response {
  return Response.json({ error: { code, message } }, { status });
}
