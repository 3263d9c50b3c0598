import { describe, expect, it } from "vitest";
import { checkRemote } from "../../../src/replication/check-remote.ts";
import { type RemoteClient, RemoteFailure, type RemoteRequest } from "../../../src/replication/remote-client.ts";

const NOW = new Date(1_700_000_000_000);
const ETAG = '"5d41402abc4b2a76b9719d911017c592"';
const REPLICA = "x-amz-workers-s3-replica";

/** An endpoint with one key. It ignores conditions of the given methods, or answers them with a status. */
function endpoint(kind: "peer" | "s3", odd: { heedless?: readonly string[]; status?: Record<string, number> } = {}) {
  let isThere = false;
  const asked: string[] = [];
  const holds = (headers: Readonly<Record<string, string>>) => {
    if (headers["if-none-match"] !== undefined) return !isThere;
    if (headers["if-match"] !== undefined) return isThere && headers["if-match"] === ETAG;
    const [lastModified = 0, revision = 0] = (headers[REPLICA] ?? "").split(".").map(Number);
    return !isThere || lastModified > NOW.getTime() || (lastModified === NOW.getTime() && revision > NOW.getTime());
  };
  const call = async (_bucket: string, { method, headers = {} }: RemoteRequest) => {
    asked.push(method);
    const status = odd.status?.[method] ?? (holds(headers) || odd.heedless?.includes(method) ? 200 : 412);
    if (method !== "HEAD" && status !== 200)
      throw new RemoteFailure(`${method}: ${status}`, { status, code: undefined });
    if (method === "PUT") isThere = true;
    if (method === "DELETE") isThere = false;
    return { headers: new Headers({ etag: ETAG }) };
  };
  return { client: { remote: { kind }, call } as unknown as RemoteClient, asked, isThere: () => isThere };
}

const outcomes = async ({ client }: ReturnType<typeof endpoint>) =>
  Object.fromEntries((await checkRemote(client, "bucket", NOW)).map(({ step, outcome }) => [step, outcome]));

const ALL_WELL = {
  "find the bucket": "ok",
  "write an object": "ok",
  "refuse a second write": "ok",
  "refuse to replace another state": "ok",
  "refuse to delete another state": "ok",
  "delete it": "ok",
};

describe.each(["peer", "s3"] as const)("checkRemote (%s)", (kind) => {
  it("reports ok for an endpoint that supports conditions, and leaves no object there", async () => {
    const well = endpoint(kind);
    expect(await outcomes(well)).toEqual(ALL_WELL);
    expect(well.isThere()).toBe(false);
  });

  it("reports writes that ignore conditions", async () => {
    const heedless = endpoint(kind, { heedless: ["PUT"] });
    expect(await outcomes(heedless)).toEqual({
      ...ALL_WELL,
      "refuse a second write": "it was taken",
      "refuse to replace another state": "it was replaced",
    });
    expect(heedless.isThere()).toBe(false);
  });

  it("reports removals that ignore conditions, and ends there since the object is gone", async () => {
    const heedless = endpoint(kind, { heedless: ["DELETE"] });
    const { "delete it": _, ...others } = ALL_WELL;
    expect(await outcomes(heedless)).toEqual({ ...others, "refuse to delete another state": "it was deleted" });
    expect(heedless.asked.filter((method) => method === "DELETE")).toHaveLength(1);
  });

  it("ends if no object can be written, and continues if one cannot be removed", async () => {
    expect(await outcomes(endpoint(kind, { status: { PUT: 403 } }))).toEqual({
      "find the bucket": "ok",
      "write an object": "PUT: 403",
    });
    expect(await outcomes(endpoint(kind, { status: { DELETE: 403 } }))).toEqual({
      ...ALL_WELL,
      "refuse to delete another state": "DELETE: 403",
      "delete it": "DELETE: 403",
    });
  });
});
