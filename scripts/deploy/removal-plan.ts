/** What a removal finds on the account: what goes, and what is kept. */
import { ApiError, type CloudflareApi } from "./cloudflare-api.ts";
import { DeployError } from "./error.ts";
import type { Inspection } from "./inspection.ts";
import type { Run } from "./run.ts";

/** Buckets that hold what the deployment stores. Any other bucket, and what is in it, is the operator's. */
const REGION_STORE = /^STORE(?:_|$)/;

/** Something that one call deletes. */
export interface Removable {
  /** With its kind: "queue workers-s3-events". */
  readonly name: string;
  readonly path: string;
}

export interface RemovalPlan {
  /** In the order of their removal: what refers to the Worker, the Worker, what only it used. */
  readonly goes: readonly Removable[];
  /** Deleted with `--delete-data` only, the buckets first. */
  readonly buckets: readonly Removable[];
  readonly database: Removable | undefined;
  /** Sentences about what cannot be removed. */
  readonly left: readonly string[];
}

/** A part of a queue's answer. The name of the Worker has had several names itself. */
interface Party {
  readonly consumer_id?: string;
  readonly script?: string;
  readonly script_name?: string;
  readonly service?: string;
}

interface Queue {
  readonly queue_id: string;
  readonly queue_name: string;
  readonly consumers?: readonly Party[];
  readonly producers?: readonly Party[];
}

interface Route {
  readonly id: string;
  readonly pattern: string;
  readonly zone_name?: string;
}

export async function planRemoval(run: Run, inspection: Inspection): Promise<RemovalPlan> {
  const { api, account, configuration } = run;
  const { workerName, buckets, ownQueues } = configuration;
  const queues = await findQueues(run);
  const isOwn = (party: Party) => (party.script ?? party.script_name ?? party.service ?? workerName) === workerName;
  const shared = queues.filter(({ consumers = [], producers = [] }) => ![...consumers, ...producers].every(isOwn));
  const foreign = queues.filter(({ queue_name }) => !ownQueues.includes(queue_name));
  const consumers = queues.flatMap((queue) =>
    (queue.consumers ?? [])
      .filter((consumer) => isOwn(consumer) && consumer.consumer_id !== undefined)
      .map((consumer) => ({
        name: `consumer of the queue ${queue.queue_name}`,
        path: `${account}/queues/${queue.queue_id}/consumers/${consumer.consumer_id}`,
      })),
  );
  const worker = {
    name: `Worker ${workerName}, with its schedules, its secrets and its Durable Objects`,
    path: `${account}/workers/services/${encodeURIComponent(workerName)}?force=false`,
  };
  const own = queues.filter((queue) => !shared.includes(queue) && !foreign.includes(queue));
  const ofDeployment = [...buckets].filter(([binding]) => REGION_STORE.test(binding)).map(([, name]) => name);
  const others = [...buckets.values()].filter((name) => !ofDeployment.includes(name));
  const names = [...new Set(ofDeployment)];
  const exists = await Promise.all(names.map((name) => api.find(`${account}/r2/buckets/${name}`)));
  const { databaseId } = inspection;
  return {
    goes: [
      ...(inspection.worker === undefined ? [] : await findAddresses(run)),
      // Cloudflare deletes no Worker that consumes a queue (code 10064), and none ever again if the queue went first.
      ...consumers,
      ...(inspection.worker === undefined ? [] : [worker]),
      ...own.map(({ queue_id, queue_name }) => ({
        name: `queue ${queue_name}`,
        path: `${account}/queues/${queue_id}`,
      })),
    ],
    buckets: names
      .filter((_, index) => exists[index] !== undefined)
      .map((name) => ({ name: `R2 bucket ${name}`, path: `${account}/r2/buckets/${name}` })),
    database:
      databaseId === undefined
        ? undefined
        : { name: `D1 database ${configuration.database}`, path: `${account}/d1/database/${databaseId}` },
    left: [
      ...foreign.map(({ queue_name }) => `queue ${queue_name}: it is yours`),
      ...shared
        .filter((queue) => !foreign.includes(queue))
        .map(({ queue_name }) => `queue ${queue_name}: another Worker uses it`),
      ...others.map((name) => `R2 bucket ${name}: it is yours`),
    ],
  };
}

async function findQueues({ api, account, configuration: { queues } }: Run): Promise<readonly Queue[]> {
  const found = await Promise.all(
    queues.map(async (name) => {
      const list = (await api.get(`${account}/queues?name=${encodeURIComponent(name)}`)) as readonly Queue[];
      return list.find(({ queue_name }) => queue_name === name);
    }),
  );
  return found.filter((queue) => queue !== undefined);
}

/** Routes and domains that lead to the Worker. */
async function findAddresses({ api, account, configuration: { workerName } }: Run): Promise<Removable[]> {
  const name = encodeURIComponent(workerName);
  const routes = (await api.find(
    `${account}/workers/services/${name}/environments/production/routes?show_zonename=true`,
  )) as readonly Route[] | undefined;
  const domains = (await api.find(`${account}/workers/domains?service=${name}`)) as
    | readonly { readonly id: string; readonly hostname: string }[]
    | undefined;
  const zones = new Map<string, string>();
  for (const zone of new Set((routes ?? []).map(({ zone_name = "" }) => zone_name))) {
    zones.set(zone, await findZone(api, zone));
  }
  return [
    ...(routes ?? []).map(({ id, pattern, zone_name = "" }) => ({
      name: `route ${pattern}`,
      path: `/zones/${zones.get(zone_name)}/workers/routes/${id}`,
    })),
    ...(domains ?? []).map(({ id, hostname }) => ({
      name: `domain ${hostname}`,
      path: `${account}/workers/domains/${id}`,
    })),
  ];
}

async function findZone(api: CloudflareApi, name: string): Promise<string> {
  const reason = `The login does not see the zone ${name}, to which routes of the Worker belong. Nothing was removed.`;
  try {
    const [zone] = (await api.get(`/zones?name=${encodeURIComponent(name)}`)) as readonly { readonly id: string }[];
    if (zone !== undefined) return zone.id;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
  throw new DeployError(`${reason} Its token needs Workers Routes: Edit and Zone: Read on that zone.`);
}
