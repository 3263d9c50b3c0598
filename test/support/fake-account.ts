/** What the fake of Cloudflare's API holds, and how it reads calls and forms answers. */
import type { IncomingMessage } from "node:http";
import { DatabaseSync } from "node:sqlite";

export interface Binding {
  readonly type: string;
  readonly name: string;
  readonly text?: string;
  readonly bucket_name?: string;
  readonly id?: string;
  readonly queue_name?: string;
}

export interface FakeWorker {
  bindings: readonly Binding[];
  /** Names of the uploaded files: the module and its source map. */
  files: readonly string[];
  subdomain: { enabled: boolean; previews_enabled: boolean };
  schedules: readonly unknown[];
}

export interface FakeQueue {
  readonly queue_id: string;
  readonly queue_name: string;
  consumers: { consumer_id: string; type?: string; script?: string }[];
}

export interface FakeDatabase {
  readonly uuid: string;
  readonly name: string;
  readonly sql: DatabaseSync;
  /** What calls have changed in it. */
  readonly statements: string[];
}

/** What a deploy makes. */
export interface FakeAccount {
  readonly workers: Map<string, FakeWorker>;
  readonly buckets: Set<string>;
  readonly databases: Map<string, FakeDatabase>;
  readonly queues: Map<string, FakeQueue>;
  readonly calls: string[];
}

export function newDatabase(uuid: string, name: string): FakeDatabase {
  return { uuid, name, sql: new DatabaseSync(":memory:"), statements: [] };
}

/** Adds all of an account to an empty one. Of databases it takes what calls have changed, not what a test did itself. */
export function copyAccount(from: FakeAccount, to: FakeAccount): void {
  for (const [name, worker] of from.workers) to.workers.set(name, structuredClone(worker));
  for (const name of from.buckets) to.buckets.add(name);
  for (const [id, queue] of from.queues) to.queues.set(id, structuredClone(queue));
  for (const [id, { name, statements }] of from.databases) {
    const copy = newDatabase(id, name);
    for (const sql of statements) query(copy, sql);
    to.databases.set(id, copy);
  }
  to.calls.push(...from.calls);
}

/** An error answer. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: number;

  constructor(status: number, code: number, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export interface Upload {
  readonly bindings: readonly Binding[];
  readonly keep_bindings?: readonly string[];
  readonly files: readonly string[];
}

/** JSON, or the part `metadata` of a form with the names of its other parts. */
export async function parseBody(request: IncomingMessage, body: Buffer): Promise<unknown> {
  const type = request.headers["content-type"] ?? "";
  if (body.length === 0) return undefined;
  if (!type.startsWith("multipart/")) return JSON.parse(body.toString());
  const form = await new Response(new Uint8Array(body), { headers: { "content-type": type } }).formData();
  const metadata = form.get("metadata");
  const text = typeof metadata === "string" ? metadata : await new Response(metadata).text();
  return { ...JSON.parse(text), files: [...form.keys()].filter((name) => name !== "metadata") };
}

export function deleteFrom(map: Map<string, unknown>, id = ""): object {
  if (!map.delete(id)) throw new Refusal(404, 7003, "There is nothing of this id");
  return {};
}

export function serviceOf(name = ""): object {
  const script = { id: name, tag: name, tags: [], last_deployed_from: "wrangler" };
  return { id: name, default_environment: { environment: "production", script } };
}

export function withoutTexts({ bindings }: FakeWorker): object[] {
  return bindings.map(({ text: _, ...shown }) => shown);
}

export function secretNamesOf({ bindings }: FakeWorker): object[] {
  return bindings.filter(({ type }) => type === "secret_text").map(({ name, type }) => ({ name, type }));
}

/** The part of an upload's answer about the classes of Durable Objects. */
export function nothingReconciled(): object {
  const lists = ["created", "updated", "deleted", "renamed", "transferred", "transfer_pending", "warnings", "info"];
  return Object.fromEntries([...lists, "removable_entries"].map((list) => [list, []]));
}

/** One transaction a call, since D1 rolls a failed migration back. */
export function query({ sql: database, statements }: FakeDatabase, sql: string): object[] {
  const meta = { duration: 1, rows_read: 0, rows_written: 0, changes: 0, served_by: "fake" };
  try {
    if (/^\s*(select|pragma|with)\b/i.test(sql)) return [{ results: database.prepare(sql).all(), success: true, meta }];
    database.exec(`BEGIN;${sql}\n;COMMIT;`);
    statements.push(sql);
    return [{ results: [], success: true, meta }];
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw new Refusal(400, 7500, `${error instanceof Error ? error.message : error}: SQLITE_ERROR`);
  }
}
