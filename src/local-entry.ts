/**
 * Entry point of the local servers. A deployment is behind Cloudflare's edge, which sets some headers on every request;
 * a local server is not, so its clients could set them. Nothing of this file is part of a deployment.
 */
import worker from "./index.ts";
import { countRequest, forgetTraffic, reportTraffic } from "./local/traffic.ts";
import { STARTED, STOPPING } from "./local/work.ts";

export { MultipartUpload } from "./index.ts";

type WorkerEnv = Parameters<typeof worker.fetch>[1];

export interface LocalEnv extends WorkerEnv {
  /** The client address of all requests, where the server listens on loopback only; empty: unknown. */
  readonly LOCAL_CLIENT_ADDRESS?: string;
  /**
   * Prefix of the cron expression of scheduled work. Created at each start and known to the server's own clock only.
   */
  readonly LOCAL_CLOCK_SECRET?: string;
  /** "true" behind `wrangler dev`, whose proxy compresses text. */
  readonly LOCAL_PROXY?: string;
}

/** Content types that the proxy of `wrangler dev` compresses; a missing type counts as text. */
const COMPRESSIBLE = /^$|^text\/|json|xml|javascript|svg|wasm|font|x-www-form-urlencoded/i;

export default {
  fetch: handleLocalRequest,
  queue: worker.queue,
  scheduled(controller, env) {
    const [secret = "", ...cron] = controller.cron.split(" ");
    // `wrangler dev` starts scheduled work for any web page that sends a GET.
    if (!env.LOCAL_CLOCK_SECRET || secret !== env.LOCAL_CLOCK_SECRET) {
      throw new Error("Scheduled work is started by the local server's own clock.");
    }
    const { scheduledTime } = controller;
    if (cron[0] === STARTED) return forgetTraffic();
    if (cron[0] === STOPPING) return reportTraffic();
    return worker.scheduled({ cron: cron.join(" "), scheduledTime, noRetry: () => controller.noRetry() }, env);
  },
} satisfies ExportedHandler<LocalEnv>;

async function handleLocalRequest(request: Request, env: LocalEnv): Promise<Response> {
  if (env.LOCAL_PROXY !== "true") {
    const response = await worker.fetch(asFromEdge(request, env, undefined), env);
    countRequest(response.status);
    return response;
  }
  return keepFromProxy(request, await worker.fetch(asFromEdge(request, env, request.cf), env));
}

/** Sets the headers that the edge sets on every request, and `cf`, which clients cannot set either. */
function asFromEdge(request: Request, env: LocalEnv, cf: Request["cf"]): Request {
  const headers = new Headers(request.headers);
  if (env.LOCAL_CLIENT_ADDRESS) headers.set("cf-connecting-ip", env.LOCAL_CLIENT_ADDRESS);
  else headers.delete("cf-connecting-ip");
  return new Request(request, { headers, cf: cf ?? {} });
}

/** The proxy does not compress a response that has a Content-Encoding. */
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
