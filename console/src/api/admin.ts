/** The JSON API below `/-/admin/`, for the root account of the deployment. */
import type { ApiClient, ApiRequest } from "./client.ts";
import type { Query } from "./urls.ts";

export interface AdminRequest {
  readonly method?: Exclude<ApiRequest["method"], "HEAD">;
  /** Below `/-/admin`, percent-encoded: `/accounts`. */
  readonly path: string;
  readonly query?: Query;
  readonly body?: unknown;
}

/**
 * The answer's document; undefined if it has no body. What is in it is checked where it is read.
 * @throws ApiError, NetworkError
 */
export async function callAdmin(client: ApiClient, request: AdminRequest): Promise<unknown> {
  const { method = "GET", path, query = {}, body } = request;
  const text = await client.sendForText({
    method,
    path: `/-/admin${path}`,
    query,
    ...(body !== undefined && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  return text === "" ? undefined : JSON.parse(text);
}
