/** Rebuilding the rows of buckets from their markers in R2, over JSON. The command lists the markers, and sends those it has chosen. */
import { invalidRequest } from "../errors.ts";
import type { BucketMarker } from "../model/bucket-marker.ts";
import type { RebuiltBucket } from "../storage/d1/rebuilt-buckets.ts";
import type { AdminCall } from "./call.ts";
import { readField, readText } from "./fields.ts";

/** Each is read with an R2 call of its own. */
const MAX_BUCKETS = 50;
/** An invocation may wait for six answers at a time. */
const PARALLEL = 6;

/** `{ region?, after? }`: a page of markers, and the body for the next one, null after the last region. */
export async function listMarkers({ services, grant, body }: AdminCall): Promise<Response> {
  const { regions } = services.bucketMarkers;
  const region = readText(body, "region") ?? regions[0] ?? "";
  if (!regions.includes(region)) throw invalidRequest(`There is no storage in the region ${region}.`);
  const page = await services.bucketMarkers.list(grant, { region, after: readText(body, "after") ?? "" });
  const nextRegion = regions[regions.indexOf(region) + 1];
  const next =
    page.next !== undefined
      ? { region, after: page.next }
      : nextRegion === undefined
        ? null
        : { region: nextRegion, after: "" };
  return Response.json({
    markers: page.markers.map(({ id, name, createdAt }) => ({ region, id, name, createdAt: createdAt.getTime() })),
    next,
  });
}

/** `{ buckets: [{ region, id }], owner? }`, 50 at most; `owner` "root": buckets whose owner has no account go to the root account. */
export async function rebuildBuckets({ services, grant, now, body }: AdminCall): Promise<Response> {
  const owner = readField(body, "owner");
  if (owner !== undefined && owner !== "root") throw invalidRequest('owner must be "root".');
  const waiting = [...requirePlaces(body)];
  const markers: BucketMarker[] = [];
  const lane = async () => {
    for (let place = waiting.shift(); place !== undefined; place = waiting.shift()) {
      const marker = await services.bucketMarkers.find(grant, place);
      if (marker !== undefined) markers.push(marker);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, lane));
  markers.sort((left, right) => (left.name < right.name ? -1 : 1));
  const rebuilt = await services.rebuiltBuckets.restore(grant, markers, { toRoot: owner === "root", now });
  return Response.json({ buckets: rebuilt.map(describe) });
}

function describe({ marker, outcome, accountId }: RebuiltBucket) {
  const { name, region, versioning, hasObjectLock } = marker;
  return {
    bucket: name,
    outcome,
    region,
    accountId: accountId ?? null,
    versioning: versioning ?? null,
    objectLock: hasObjectLock,
  };
}

function requirePlaces(body: unknown): { readonly region: string; readonly id: string }[] {
  const list = readField(body, "buckets");
  if (!Array.isArray(list) || list.length > MAX_BUCKETS)
    throw invalidRequest(`buckets must list ${MAX_BUCKETS} at most.`);
  return list.map((place) => {
    const [region, id] = [readText(place, "region"), readText(place, "id")];
    if (region === undefined || id === undefined || !/^[a-z0-9]{12}$/.test(id)) {
      throw invalidRequest("buckets must list regions and ids.");
    }
    return { region, id };
  });
}
