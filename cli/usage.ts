/** `npm run admin -- usage`: reads all pages, and formats figures and ages for a person. */
import type { AdminRequest } from "./arguments.ts";
import type { Send } from "./config-file.ts";
import { formatTables } from "./output.ts";
import { formatSize } from "./sizes.ts";

type Row = Readonly<Record<string, unknown>>;

export interface ShownUsage {
  readonly buckets: readonly Row[];
  readonly accounts?: readonly Row[];
}

/** All pages as one answer. */
export async function readUsage(request: AdminRequest, send: Send): Promise<ShownUsage> {
  const buckets: Row[] = [];
  let accounts: readonly Row[] | undefined;
  for (let after: string | undefined = ""; after !== undefined; ) {
    const separator = request.path.includes("?") ? "&" : "?";
    const page = after === "" ? "" : `${separator}after=${encodeURIComponent(after)}`;
    const answer = (await send({ ...request, path: request.path + page })) as Partial<ShownUsage> & {
      readonly next?: string;
    };
    buckets.push(...(answer.buckets ?? []));
    accounts ??= answer.accounts;
    after = answer.next;
  }
  return { buckets, ...(accounts !== undefined && { accounts }) };
}

export function formatUsage({ buckets, accounts }: ShownUsage, now: Date): string {
  const ofBuckets = buckets.map(({ name, accountId, ...row }) => ({
    bucket: name,
    account: accountId,
    ...cells(row, now),
  }));
  const ofAccounts = accounts?.map(({ accountId, displayName, buckets: count, ...row }) => ({
    account: accountId,
    name: displayName,
    buckets: count,
    ...cells(row, now),
  }));
  return formatTables(ofAccounts === undefined ? [ofBuckets] : [ofBuckets, ofAccounts]);
}

function cells(row: Row, now: Date) {
  const { objects, versions, deleteMarkers, bytes, noncurrentBytes, openUploads, uploadBytes, computedAt, quota } = row;
  return {
    objects,
    size: sizeCell(bytes),
    versions,
    "their size": sizeCell(noncurrentBytes),
    markers: deleteMarkers,
    uploads: openUploads,
    "of parts": sizeCell(uploadBytes),
    counted: typeof computedAt === "string" ? `${formatAge(now.getTime() - Date.parse(computedAt))} ago` : "not yet",
    quota: quotaCell(quota),
  };
}

function quotaCell(quota: unknown): string {
  const { bytes, objects } = (quota ?? {}) as { readonly bytes?: number; readonly objects?: number };
  const parts = [
    ...(bytes === undefined ? [] : [formatSize(bytes)]),
    ...(objects === undefined ? [] : [`${objects} objects`]),
  ];
  return parts.join(", ");
}

function sizeCell(value: unknown): string {
  return typeof value === "number" ? formatSize(value) : "";
}

export function formatAge(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}

/** Rows of the history as a table. */
export function formatHistory(answer: unknown): string {
  const { history = [] } = answer as { readonly history?: readonly Row[] };
  return formatTables([
    history.map(({ date, objects, bytes, noncurrentBytes }) => ({
      date,
      objects,
      size: sizeCell(bytes),
      "size of noncurrent versions": sizeCell(noncurrentBytes),
    })),
  ]);
}
