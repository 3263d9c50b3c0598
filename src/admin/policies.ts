/** Policies of buckets and topics, as the operator looks after them. */
import type { AdminCall } from "./router.ts";

/** The users they name that are nobody: gone since, or never found when policies of older versions were taken over. */
export async function listNobody({ services, grant }: AdminCall): Promise<Response> {
  return Response.json({ principals: await services.stores.principals.listNobody(grant) });
}
