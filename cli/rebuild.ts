/** `npm run admin -- rebuild`: lists the markers of buckets, chooses one for each name, and lets the Worker make the rows that are missing. */
import type { Send } from "./config-file.ts";

const BATCH = 50;
const DEFAULTS = "ACLs off, public access blocked, no policy and no other settings";
/** Outcomes after which there is nothing left to do for the bucket. */
const DONE: readonly string[] = ["restored", "exists", "deleted", "superseded"];

interface Marker {
  readonly region: string;
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
}

export interface RebuildOptions {
  readonly region?: string | undefined;
  readonly owner?: string | undefined;
}

export interface Rebuilt {
  readonly restored: number;
  readonly existed: number;
  readonly settings: string;
  /** Without those that existed. */
  readonly buckets: readonly Readonly<Record<string, unknown>>[];
}

export async function rebuild({ region, owner }: RebuildOptions, send: Send): Promise<Rebuilt> {
  const { chosen, superseded } = chooseNewest(await listMarkers(region, send));
  const buckets: Record<string, unknown>[] = [];
  for (let start = 0; start < chosen.length; start += BATCH) {
    const places = chosen.slice(start, start + BATCH).map((marker) => ({ region: marker.region, id: marker.id }));
    const body = { buckets: places, ...(owner !== undefined && { owner }) };
    const answer = await send({ method: "POST", path: "/-/admin/rebuild/buckets", body });
    buckets.push(...(listOf(answer, "buckets") as Record<string, unknown>[]));
  }
  const existed = buckets.filter(({ outcome }) => outcome === "exists").length;
  return {
    restored: buckets.filter(({ outcome }) => outcome === "restored").length,
    existed,
    settings: DEFAULTS,
    buckets: [
      ...buckets.filter(({ outcome }) => outcome !== "exists"),
      ...superseded.map((marker) => ({ bucket: marker.name, outcome: "superseded", region: marker.region })),
    ],
  };
}

/** Whether something is left that a person has to decide. */
export function isIncomplete({ buckets }: Rebuilt): boolean {
  return buckets.some(({ outcome }) => !DONE.includes(String(outcome)));
}

async function listMarkers(region: string | undefined, send: Send): Promise<Marker[]> {
  const markers: Marker[] = [];
  let body: unknown = region === undefined ? {} : { region };
  while (body !== null && (region === undefined || field(body, "region") === region)) {
    const answer = await send({ method: "POST", path: "/-/admin/rebuild/markers", body });
    markers.push(...(listOf(answer, "markers") as Marker[]));
    body = field(answer, "next") ?? null;
  }
  return markers;
}

/** A name may have been given to another bucket when its marker could not be removed: the newest one counts. */
function chooseNewest(markers: readonly Marker[]): { chosen: Marker[]; superseded: Marker[] } {
  const newest = new Map<string, Marker>();
  const superseded: Marker[] = [];
  for (const marker of markers) {
    const other = newest.get(marker.name);
    const isNewer = other === undefined || other.createdAt < marker.createdAt;
    if (isNewer) newest.set(marker.name, marker);
    if (other !== undefined) superseded.push(isNewer ? other : marker);
  }
  return { chosen: [...newest.values()], superseded };
}

function listOf(answer: unknown, name: string): readonly unknown[] {
  const value = field(answer, name);
  if (!Array.isArray(value)) throw new Error(`The Worker's answer has no ${name}.`);
  return value;
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
