/**
 * Entry point of the local servers. A deployment is behind Cloudflare's edge, which says who the client is; a local
 * server is not, so its clients could say it themselves. Nothing of this file is part of a deployment.
 */
import { clientOf } from "./client.ts";
import worker from "./index.ts";
import type { LocalMessages } from "./local/messages.ts";
import { consumeStored, resumeStored, storedQueues } from "./local/queues.ts";
import { countRequest, forgetTraffic, reportTraffic } from "./local/traffic.ts";
import { STARTED, STOPPING } from "./local/work.ts";
import { handleRequest } from "./surface.ts";

export { MultipartUpload } from "./index.ts";
export { LocalMessages } from "./local/messages.ts";

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
  /** Not bound by `wrangler dev`, whose queues forget their messages. */
  readonly LOCAL_MESSAGES?: DurableObjectNamespace<LocalMessages>;
}

/** Content types that the proxy of `wrangler dev` compresses; a missing type counts as text. */
const COMPRESSIBLE = /^$|^text\/|json|xml|javascript|svg|wasm|font|x-www-form-urlencoded/i;

export default {
  fetch: handleLocalRequest,
  queue(batch, env) {
    const { own, messages } = open(env);
    if (messages === undefined) return worker.queue(batch, own);
    return consumeStored(batch, messages, (opened) => worker.queue(opened, own));
  },
  async scheduled(controller, env) {
    const [secret = "", ...cron] = controller.cron.split(" ");
    // `wrangler dev` starts scheduled work for any web page that sends a GET.
    if (!env.LOCAL_CLOCK_SECRET || secret !== env.LOCAL_CLOCK_SECRET) {
      throw new Error("Scheduled work is started by the local server's own clock.");
    }
    const { scheduledTime } = controller;
    const { own, messages } = open(env);
    if (cron[0] === STARTED) {
      forgetTraffic();
      if (messages !== undefined) await resumeStored(env, messages);
      return;
    }
    if (cron[0] === STOPPING) return reportTraffic(true);
    return worker.scheduled({ cron: cron.join(" "), scheduledTime, noRetry: () => controller.noRetry() }, own);
  },
} satisfies ExportedHandler<LocalEnv>;

interface Opened {
  readonly env: LocalEnv;
  /** What the Worker gets: with queues that store their messages, if there is a place for them. */
  readonly own: LocalEnv;
  readonly messages: (() => DurableObjectStub<LocalMessages>) | undefined;
}

let opened: Opened | undefined;

/** Once per isolate: the Worker opens its services for each new set of bindings. */
function open(env: LocalEnv): Opened {
  if (opened?.env.EVENTS === env.EVENTS) return opened;
  const { LOCAL_MESSAGES } = env;
  const messages = LOCAL_MESSAGES && (() => LOCAL_MESSAGES.get(LOCAL_MESSAGES.idFromName("messages")));
  opened = { env, messages, own: messages === undefined ? env : { ...env, ...storedQueues(env, messages) } };
  return opened;
}

async function handleLocalRequest(request: Request, env: LocalEnv): Promise<Response> {
  const address = env.LOCAL_CLIENT_ADDRESS || undefined;
  if (env.LOCAL_PROXY === "true") {
    return keepFromProxy(request, await handleRequest(request, env, clientOf(address, request.cf)));
  }
  // Without wrangler's proxy, a client can set `cf` with a header.
  const response = await handleRequest(request, open(env).own, clientOf(address, undefined));
  countRequest(response.status);
  return response;
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
