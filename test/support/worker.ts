/** The Worker inside the isolate of the tests. */
import { env } from "cloudflare:workers";
import type { Env } from "../../src/env.ts";
import { handleRequest } from "../../src/surface.ts";

export const testEnv = env as unknown as Env;

/**
 * Calls the Worker as its `fetch` handler would be, without HTTP in between: nothing decodes the answer's
 * Content-Encoding, and a test file of hundreds of requests takes seconds. (Each request through `exports.default.fetch`
 * makes the next one slower in this pool; seen with 0.23.) Clients and servers would have sent
 * the length to the Worker.
 */
export async function handDirectly(request: Request, env: Env = testEnv): Promise<Response> {
  const bytes = request.body === null ? undefined : new Uint8Array(await request.arrayBuffer());
  const headers = new Headers(request.headers);
  const isUpload = request.method === "PUT" || request.method === "POST";
  if (bytes !== undefined || isUpload) headers.set("content-length", String(bytes?.byteLength ?? 0));
  const init = { method: request.method, headers, ...(bytes !== undefined && { body: bytes }) };
  return handleRequest(new Request(request.url, init), env);
}
