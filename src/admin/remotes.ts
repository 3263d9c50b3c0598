/** Endpoints to replicate to, over JSON. Answers never contain their secrets. */
import { invalidRequest } from "../errors.ts";
import type { Remote, RemoteDescription } from "../model/replication.ts";
import { parseTarget, TargetRefused } from "../outbound/target.ts";
import { checkRemote } from "../replication/check-remote.ts";
import { RemoteClient, RemoteFailure } from "../replication/remote-client.ts";
import type { AdminServices } from "../services.ts";
import { type AdminCall, failure } from "./call.ts";

/** Time limit for all steps of a check. */
const CHECK_MS = 60_000;

type Parameters = Record<string, string>;

export async function addRemote({ services, grant, now, body }: AdminCall): Promise<Response> {
  const remote: Remote = {
    name: requireField(body, "name", {
      pattern: /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
      expected: "1 to 63 lower-case letters, digits, hyphens",
    }),
    endpoint: requireEndpoint(requireField(body, "endpoint", { pattern: /^.{1,2048}$/, expected: "a URL" }), services),
    region: requireField(body, "region", { pattern: /^[a-z0-9-]{1,64}$/, expected: "the name of a region" }),
    kind:
      requireField(body, "kind", { pattern: /^(?:peer|s3)$/, expected: '"peer" or "s3"' }) === "peer" ? "peer" : "s3",
    accessKeyId: requireField(body, "accessKeyId", { pattern: /^[\x21-\x7e]{1,256}$/, expected: "an access key id" }),
    accountIds: requireAccounts(body),
    ...readBuckets(body),
  };
  const secret = requireField(body, "secretAccessKey", {
    pattern: /^[\x21-\x7e]{1,1024}$/,
    expected: "a secret access key",
  });
  const result = await services.remotes.add(grant, { ...remote, secretAccessKey: secret }, now);
  switch (result.outcome) {
    case "added":
      return Response.json(describe({ ...remote, createdAt: now }), { status: 201 });
    case "exists":
      return failure(409, "RemoteAlreadyExists", "There is a remote of this name; remove it first.");
    case "no-such-account":
      return failure(404, "NoSuchAccount", `There is no account ${result.accountId}.`);
  }
}

export async function listRemotes({ services, grant }: AdminCall): Promise<Response> {
  return Response.json({ remotes: (await services.remotes.list(grant)).map(describe) });
}

export async function removeRemote({ services, grant }: AdminCall, { name = "" }: Parameters): Promise<Response> {
  const namedBy = await services.remotes.remove(grant, name);
  if (namedBy === undefined) return noSuchRemote();
  // Replication to this remote fails from now on for these buckets.
  return namedBy.length === 0 ? new Response(null, { status: 204 }) : Response.json({ name, namedBy });
}

/** Performs the steps of replication on a bucket of the remote, with an object that it deletes at the end. */
export async function check({ services, body, now }: AdminCall, { name = "" }: Parameters): Promise<Response> {
  const bucket = requireField(body, "bucket", { pattern: BUCKET, expected: "the name of a bucket" });
  const found = await services.remotes.open(name);
  if (found === undefined) return noSuchRemote();
  try {
    const client = new RemoteClient(found, {
      policy: services.targetPolicy(),
      until: new Date(now.getTime() + CHECK_MS),
    });
    return Response.json({ steps: await checkRemote(client, bucket, now) });
  } catch (error) {
    if (error instanceof RemoteFailure) return failure(400, "RemoteFailure", error.message);
    throw error;
  }
}

function requireEndpoint(text: string, services: AdminServices): string {
  try {
    const { url, pathAndQuery } = parseTarget(text, services.targetPolicy());
    if (pathAndQuery === "/") return url.slice(0, -1);
  } catch (error) {
    if (!(error instanceof TargetRefused)) throw error;
    throw invalidRequest(`endpoint: ${error.message}`);
  }
  throw invalidRequest("endpoint must end with the host or the port: buckets are the first part of the path.");
}

function requireAccounts(body: unknown): readonly string[] {
  const value: unknown = typeof body === "object" && body !== null ? Reflect.get(body, "accountIds") : undefined;
  const isList = Array.isArray(value) && value.length > 0 && value.length <= 1000;
  if (!isList || !value.every((id) => typeof id === "string" && /^\d{12}$/.test(id))) {
    throw invalidRequest("accountIds must list the accounts that may replicate there.");
  }
  return [...new Set(value as string[])];
}

const BUCKET = /^[A-Za-z0-9._-]{1,255}$/;

/** An absent field means all buckets. */
function readBuckets(body: unknown): { readonly buckets?: readonly string[] } {
  const value: unknown = typeof body === "object" && body !== null ? Reflect.get(body, "buckets") : undefined;
  if (value === undefined) return {};
  const isList = Array.isArray(value) && value.length > 0 && value.length <= 1000;
  if (!isList || !value.every((name) => typeof name === "string" && BUCKET.test(name))) {
    throw invalidRequest("buckets must list names of buckets.");
  }
  return { buckets: [...new Set(value as string[])] };
}

interface FieldShape {
  readonly pattern: RegExp;
  /** Completes "X must be …". */
  readonly expected: string;
}

function requireField(body: unknown, name: string, { pattern, expected }: FieldShape): string {
  const value: unknown = typeof body === "object" && body !== null ? Reflect.get(body, name) : undefined;
  if (typeof value === "string" && pattern.test(value)) return value;
  throw invalidRequest(`${name} must be ${expected}.`);
}

function noSuchRemote(): Response {
  return failure(404, "NoSuchRemote", "There is no such remote.");
}

function describe({ name, endpoint, region, kind, accessKeyId, accountIds, buckets, createdAt }: RemoteDescription) {
  return { name, endpoint, region, kind, accessKeyId, accountIds, ...(buckets && { buckets }), createdAt };
}
