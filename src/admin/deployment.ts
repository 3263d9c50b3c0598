/** What a check from outside cannot see: settings, the runs of the schedules, and whether queues are consumed. */
import { PROBED_QUEUES, type ProbedQueue, type ProbeMessage, SCHEDULES } from "../model/heartbeat.ts";
import { newRequestId } from "../model/random-ids.ts";
import type { Queues } from "../storage/journal/messages.ts";
import { type AdminCall, failure } from "./call.ts";

const PROBE_ID = /^[0-9A-Z]{8,32}$/;

export async function describeDeployment({ services, grant }: AdminCall): Promise<Response> {
  const { config, heartbeats } = services;
  // Time passes in a Worker only while it waits.
  const start = Date.now();
  const { ranAt, databaseRegion } = await heartbeats.schedules(grant);
  const milliseconds = Date.now() - start;
  return Response.json({
    region: config.region,
    regions: [...config.stores.keys()],
    s3Domains: config.s3Domains,
    websiteDomains: config.websiteDomains,
    configTtlSeconds: config.configTtlMs / 1000,
    edgeCacheSeconds: config.edgeCacheSeconds,
    customerKeysOverHttp: config.acceptsKeysOverHttp,
    database: { milliseconds, region: databaseRegion ?? null },
    schedules: Object.fromEntries(SCHEDULES.map((schedule) => [schedule, ranAt.get(schedule) ?? null])),
  });
}

/** Sends a message to each queue, which its consumer notes. */
export async function sendProbes({ services, grant, now }: AdminCall): Promise<Response> {
  const id = newRequestId();
  await services.heartbeats.forgetOldProbes(grant, now);
  const results = await Promise.allSettled(
    PROBED_QUEUES.map((queue) => sendProbe(services.queues, { kind: "probe", id, queue, sentAt: now.getTime() })),
  );
  const sent = PROBED_QUEUES.filter((_queue, index) => results[index]?.status === "fulfilled");
  const refused = PROBED_QUEUES.filter((queue) => !sent.includes(queue));
  return Response.json({ id, sent, refused }, { status: 201 });
}

export async function showProbes({ services, grant }: AdminCall, { id = "" }: { id?: string }): Promise<Response> {
  if (!PROBE_ID.test(id)) return noSuchProbe();
  return Response.json({ handled: await services.heartbeats.probed(grant, id) });
}

export async function forgetProbes({ services, grant }: AdminCall, { id = "" }: { id?: string }): Promise<Response> {
  if (!PROBE_ID.test(id)) return noSuchProbe();
  await services.heartbeats.forgetProbe(grant, id);
  return new Response(null, { status: 204 });
}

function noSuchProbe(): Response {
  return failure(404, "NoSuchProbe", "There is no such probe.");
}

function sendProbe(queues: Queues, probe: ProbeMessage): Promise<void> {
  const own: { readonly [Name in ProbedQueue]: { send(messages: readonly ProbeMessage[]): Promise<void> } } = {
    events: queues.events,
    deliveries: queues.deliveries,
    retries: queues.retries,
    replication: queues.replication,
    "access-logs": queues.accessLogs,
    "dead-letters": queues.deadLetters,
  };
  return own[probe.queue].send([probe]);
}
