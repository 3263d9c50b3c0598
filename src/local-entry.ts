/**
 * Entry point of the local servers. In front of a deployment stands Cloudflare's edge, in front of a local server nobody: what
 * the edge writes, a client could write here. Nothing of this is part of a deployment.
 */
import worker from "./index.ts";

export { MultipartUpload } from "./index.ts";

type WorkerEnv = Parameters<typeof worker.fetch>[1];

export interface LocalEnv extends WorkerEnv {
  /** Whom requests come from, where the server listens on loopback only; empty: nobody knows. */
  readonly LOCAL_CLIENT_ADDRESS?: string;
  /** The word before the cron expression of scheduled work. Made at each start, known to the server's own clock. */
  readonly LOCAL_CLOCK_SECRET?: string;
  /** "true" behind `wrangler dev`, whose proxy compresses text. */
  readonly LOCAL_PROXY?: string;
}

/** What the proxy of `wrangler dev` compresses on its own; a missing type counts as text. */
const COMPRESSIBLE = /^$|^text\/|json|xml|javascript|svg|wasm|font|x-www-form-urlencoded/i;

export default {
  fetch: handleLocalRequest,
  queue: worker.queue,
  scheduled(controller, env) {
    const [secret = "", ...cron] = controller.cron.split(" ");
    // `wrangler dev` starts scheduled work for every page of a browser that asks by GET.
    if (!env.LOCAL_CLOCK_SECRET || secret !== env.LOCAL_CLOCK_SECRET) {
      throw new Error("Scheduled work is started by the local server's own clock.");
    }
    const { scheduledTime } = controller;
    return worker.scheduled({ cron: cron.join(" "), scheduledTime, noRetry: () => controller.noRetry() }, env);
  },
} satisfies ExportedHandler<LocalEnv>;

async function handleLocalRequest(request: Request, env: LocalEnv): Promise<Response> {
  if (env.LOCAL_PROXY !== "true") return worker.fetch(asFromEdge(request, env, undefined), env);
  return keepFromProxy(request, await worker.fetch(asFromEdge(request, env, request.cf), env));
}

/** The headers that the edge sets for every request, set here; `cf` is not the client's to write either. */
function asFromEdge(request: Request, env: LocalEnv, cf: Request["cf"]): Request {
  const headers = new Headers(request.headers);
  if (env.LOCAL_CLIENT_ADDRESS) headers.set("cf-connecting-ip", env.LOCAL_CLIENT_ADDRESS);
  else headers.delete("cf-connecting-ip");
  return new Request(request, { headers, cf: cf ?? {} });
}

/** The proxy leaves alone what has a Content-Encoding. */
function keepFromProxy(request: Request, response: Response): Response {
  const accepted = request.cf?.clientAcceptEncoding;
  if (typeof accepted !== "string" || !/gzip|br|\*/.test(accepted)) return response;
  if (response.headers.has("content-encoding") || !COMPRESSIBLE.test(response.headers.get("content-type") ?? "")) {
    return response;
  }
  const headers = new Headers(response.headers);
  headers.set("content-encoding", "identity");
  return new Response(response.body, { status: response.status, headers, encodeBody: "manual" });
}
