/**
 * The part of Cloudflare's API v4 that a deploy and a removal call, with one account and its state in memory.
 *
 * The codes that wrangler itself checks are Cloudflare's (10007 no Worker or subdomain, 10006 no bucket, 7502 database
 * exists, 10008 bucket not empty, 10064 Worker consumes a queue); other codes are assumptions. Plans, limits and code are not checked.
 */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { DatabaseSync } from "node:sqlite";
import {
  deleteFrom,
  type FakeAccount,
  type FakeDatabase,
  type FakeQueue,
  type FakeWorker,
  newDatabase,
  nothingReconciled,
  parseBody,
  query,
  Refusal,
  secretNamesOf,
  serviceOf,
  type Upload,
  withoutTexts,
} from "./fake-account.ts";

export interface Fault {
  readonly method: string;
  /** Matches the path below the account. */
  readonly path: RegExp;
  readonly status: number;
  /** Lets the call take effect first, so that only its answer is lost. */
  readonly isAfter?: boolean;
  /** Number of calls that fail; all if absent. */
  times?: number;
}

type Answer = (names: readonly string[], body: never, query: URLSearchParams) => unknown;

export const ACCOUNT_ID = "0123456789abcdef0123456789abcdef";

export class FakeCloudflare implements FakeAccount {
  readonly workers = new Map<string, FakeWorker>();
  readonly buckets = new Set<string>();
  /** Names of buckets that hold objects. */
  readonly fullBuckets = new Set<string>();
  /** Of the zone `example.com`, by id. */
  readonly routes = new Map<string, { readonly pattern: string; readonly script: string }>();
  readonly domains = new Map<string, { readonly hostname: string; readonly service: string }>();
  readonly databases = new Map<string, FakeDatabase>();
  readonly queues = new Map<string, FakeQueue>();
  readonly calls: string[] = [];
  subdomain: string | undefined = "example";
  accounts = [{ id: ACCOUNT_ID, name: "Test" }];
  #faults: Fault[] = [];
  #server: Server | undefined;

  /** The value for CLOUDFLARE_API_BASE_URL. */
  base = "";

  /** Starts to listen. */
  async start(): Promise<void> {
    const server = createServer(async (request, response) => {
      const { status, envelope } = await this.#respond(request);
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(envelope));
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/client/v4`;
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  fail(fault: Fault): void {
    this.#faults.push(fault);
  }

  heal(): void {
    this.#faults = [];
  }

  /** As `wrangler delete`, which keeps bucket, database and queues. */
  deleteWorker(name: string): void {
    this.workers.delete(name);
    for (const queue of this.queues.values()) queue.consumers = queue.consumers.filter((each) => each.script !== name);
  }

  /** A queue, with a consumer if a Worker is named; if it exists, its consumer is another one then. */
  addQueue(queue_name: string, script?: string): void {
    const consumers = script === undefined ? [] : [{ consumer_id: randomUUID(), type: "worker", script }];
    const found = [...this.queues.values()].find((queue) => queue.queue_name === queue_name);
    if (found !== undefined) found.consumers = consumers;
    const queue_id = randomUUID().replaceAll("-", "");
    if (found === undefined) this.queues.set(queue_id, { queue_id, queue_name, consumers });
  }

  addDatabase(name: string): FakeDatabase {
    const database = newDatabase(randomUUID(), name);
    this.databases.set(database.uuid, database);
    return database;
  }

  secretsOf(name: string): Record<string, string> {
    const secrets = this.workers.get(name)?.bindings.filter(({ type }) => type === "secret_text") ?? [];
    return Object.fromEntries(secrets.map((secret) => [secret.name, secret.text ?? ""]));
  }

  /** The only database. */
  get database(): DatabaseSync {
    const [only] = this.databases.values();
    if (only === undefined) throw new Error("No database exists.");
    return only.sql;
  }

  /** Calls that create or change something. */
  get changes(): string[] {
    return this.calls.filter((call) => !call.startsWith("GET") && !call.includes("/query"));
  }

  async #respond(request: IncomingMessage): Promise<{ status: number; envelope: object }> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? "", "http://fake");
    const path = url.pathname.replace(/^\/client\/v4(\/accounts\/[0-9a-f]{32})?/, "");
    const method = request.method ?? "";
    const info = { page: 1, per_page: 100, total_pages: 1 };
    let status = 200;
    let envelope: object;
    try {
      const fault = this.#faults.find((each) => each.times !== 0 && each.method === method && each.path.test(path));
      if (fault?.times !== undefined) fault.times--;
      const refuse = () => {
        if (fault !== undefined) throw new Refusal(fault.status, 10000, "The fault of this test");
      };
      if (fault?.isAfter !== true) refuse();
      const result = await this.#answer(
        method,
        path,
        url.searchParams,
        await parseBody(request, Buffer.concat(chunks)),
      );
      refuse();
      const count = Array.isArray(result) ? result.length : 0;
      envelope = {
        success: true,
        errors: [],
        messages: [],
        result,
        result_info: { ...info, count, total_count: count },
      };
    } catch (error) {
      const { code = 1, message = String(error) } = error instanceof Refusal ? error : {};
      status = error instanceof Refusal ? error.status : 500;
      envelope = { success: false, errors: [{ code, message }], messages: [], result: null };
    }
    this.calls.push(`${method} ${path} ${status}`);
    return { status, envelope };
  }

  #answer(method: string, path: string, query: URLSearchParams, body: unknown): unknown {
    for (const [routed, pattern, answer] of this.#routes) {
      const match = routed === method ? new RegExp(`^${pattern}$`).exec(path) : null;
      if (match !== null) return answer(match.slice(1).map(decodeURIComponent), body as never, query);
    }
    throw new Refusal(404, 7003, `The fake has no ${method} ${path}`);
  }

  #worker(name = ""): FakeWorker {
    const found = this.workers.get(name);
    if (found === undefined) throw new Refusal(404, 10007, `This Worker does not exist on your account: ${name}`);
    return found;
  }

  #database(id = ""): FakeDatabase {
    const found = this.databases.get(id) ?? [...this.databases.values()].find(({ name }) => name === id);
    if (found === undefined) throw new Refusal(404, 7404, `The database ${id} could not be found`);
    return found;
  }

  #queue(id = ""): FakeQueue {
    const found = this.queues.get(id);
    if (found === undefined) throw new Refusal(404, 11000, "Queue does not exist");
    return found;
  }

  readonly #routes: readonly (readonly [method: string, pattern: string, answer: Answer])[] = [
    ["GET", "/accounts", () => this.accounts],
    ["GET", "/memberships", () => this.accounts.map((account) => ({ id: account.id, status: "accepted", account }))],
    ["GET", "/workers/services/([^/]+)", ([name]) => this.#worker(name) && serviceOf(name)],
    ["DELETE", "/workers/services/([^/]+)", ([name]) => this.#deleteWorker(name)],
    [
      "GET",
      "/workers/services/([^/]+)/environments/production/routes",
      ([name]) =>
        [...this.routes]
          .filter(([, { script }]) => script === name)
          .map(([id, route]) => ({ id, zone_name: "example.com", ...route })),
    ],
    ["GET", "/zones", (_names, _body, query) => (query.get("name") === "example.com" ? [{ id: "zone" }] : [])],
    ["DELETE", "/zones/zone/workers/routes/([^/]+)", ([id]) => deleteFrom(this.routes, id)],
    [
      "GET",
      "/workers/domains",
      (_names, _body, query) =>
        [...this.domains]
          .filter(([, { service }]) => service === query.get("service"))
          .map(([id, domain]) => ({ id, ...domain })),
    ],
    ["DELETE", "/workers/domains/([^/]+)", ([id]) => deleteFrom(this.domains, id)],
    ["GET", "/workers/workers/([^/]+)", ([name]) => ({ id: name, name, subdomain: this.#worker(name).subdomain })],
    ["GET", "/workers/scripts/([^/]+)/settings", ([name]) => ({ bindings: withoutTexts(this.#worker(name)) })],
    ["GET", "/workers/scripts/([^/]+)/deployments", ([name]) => this.#worker(name) && { deployments: [] }],
    ["GET", "/workers/scripts/([^/]+)/secrets", ([name]) => secretNamesOf(this.#worker(name))],
    ["PUT", "/workers/scripts/([^/]+)", ([name = ""], body: Upload) => this.#upload(name, body)],
    ["PATCH", "/workers/scripts/([^/]+)/script-settings", ([name], body) => this.#worker(name) && body],
    [
      "POST",
      "/workers/scripts/([^/]+)/subdomain",
      ([name], body: { enabled: boolean; previews_enabled?: boolean }) => {
        const { enabled, previews_enabled = enabled } = body;
        this.#worker(name).subdomain = { enabled, previews_enabled };
        return { enabled, previews_enabled };
      },
    ],
    [
      "PUT",
      "/workers/scripts/([^/]+)/schedules",
      ([name], schedules: []) => {
        this.#worker(name).schedules = schedules;
        return { schedules };
      },
    ],
    [
      "GET",
      "/workers/subdomain",
      () => {
        if (this.subdomain === undefined) throw new Refusal(404, 10007, "No workers.dev subdomain on this account");
        return { subdomain: this.subdomain };
      },
    ],
    ["PUT", "/workers/scripts/([^/]+)/domains/records", (_names, body) => body],
    [
      "POST",
      "/workers/scripts/([^/]+)/domains/changeset",
      () => ({ added: [], removed: [], updated: [], conflicting: [] }),
    ],
    ["GET", "/r2/buckets", () => ({ buckets: [...this.buckets].map((name) => ({ name })) })],
    [
      "GET",
      "/r2/buckets/([^/]+)",
      ([name = ""]) => {
        if (!this.buckets.has(name)) throw new Refusal(404, 10006, "The specified bucket does not exist.");
        return { name };
      },
    ],
    [
      "POST",
      "/r2/buckets",
      (_names, { name }: { name: string }) => {
        if (this.buckets.has(name)) throw new Refusal(409, 10004, "The bucket you tried to create already exists.");
        this.buckets.add(name);
        return { name };
      },
    ],
    [
      "DELETE",
      "/r2/buckets/([^/]+)",
      ([name = ""]) => {
        if (this.fullBuckets.has(name)) {
          throw new Refusal(409, 10008, "The bucket you tried to delete is not empty.");
        }
        if (!this.buckets.delete(name)) throw new Refusal(404, 10006, "The specified bucket does not exist.");
        return {};
      },
    ],
    ["DELETE", "/d1/database/([^/]+)", ([id]) => deleteFrom(this.databases, id)],
    ["GET", "/d1/database", () => [...this.databases.values()].map(({ uuid, name }) => ({ uuid, name }))],
    [
      "POST",
      "/d1/database",
      (_names, { name }: { name: string }) => {
        if ([...this.databases.values()].some((each) => each.name === name)) {
          throw new Refusal(400, 7502, "A database with that name already exists");
        }
        return { uuid: this.addDatabase(name).uuid, name };
      },
    ],
    [
      "GET",
      "/d1/database/([^/]+)",
      ([id]) => {
        const { uuid, name } = this.#database(id);
        return { uuid, name, version: "production", created_at: new Date(0).toISOString() };
      },
    ],
    ["POST", "/d1/database/([^/]+)/query", ([id], { sql }: { sql: string }) => query(this.#database(id), sql)],
    [
      "GET",
      "/queues",
      (_names, _body, parameters) => {
        const names = parameters.getAll("name");
        return [...this.queues.values()].filter(({ queue_name }) => names.length === 0 || names.includes(queue_name));
      },
    ],
    [
      "POST",
      "/queues",
      (_names, { queue_name }: { queue_name: string }) => {
        const queue = {
          queue_id: randomUUID().replaceAll("-", ""),
          queue_name,
          consumers: [],
          producers: [],
          settings: {},
        };
        this.queues.set(queue.queue_id, queue);
        return queue;
      },
    ],
    [
      "POST",
      "/queues/([^/]+)/consumers",
      ([id], body: { script_name: string }) => {
        const consumer = { consumer_id: randomUUID(), ...body, script: body.script_name };
        this.#queue(id).consumers.push(consumer);
        return consumer;
      },
    ],
    [
      "DELETE",
      "/queues/([^/]+)/consumers/([^/]+)",
      ([id, consumerId]) => {
        const queue = this.#queue(id);
        const left = queue.consumers.filter(({ consumer_id }) => consumer_id !== consumerId);
        if (left.length === queue.consumers.length) throw new Refusal(404, 11000, "Consumer does not exist");
        queue.consumers = left;
        return {};
      },
    ],
    ["DELETE", "/queues/([^/]+)", ([id]) => deleteFrom(this.queues, id)],
    [
      "PUT",
      "/queues/([^/]+)/consumers/([^/]+)",
      ([id, consumerId], body: object) => {
        const consumer = this.#queue(id).consumers.find(({ consumer_id }) => consumer_id === consumerId);
        if (consumer === undefined) throw new Refusal(404, 11000, "Consumer does not exist");
        return Object.assign(consumer, body);
      },
    ],
  ];

  #deleteWorker(name = ""): object {
    this.#worker(name);
    const isConsumer = [...this.queues.values()].some(({ consumers }) =>
      consumers.some(({ script }) => script === name),
    );
    if (isConsumer) throw new Refusal(400, 10064, "script still in use as a consumer for a queue");
    this.workers.delete(name);
    return {};
  }

  #upload(name: string, metadata: Upload): object {
    const before = this.workers.get(name);
    const bindings = metadata.bindings.map((binding) => {
      if (binding.type !== "inherit") return binding;
      const inherited = before?.bindings.find((each) => each.name === binding.name);
      if (inherited === undefined) throw new Refusal(400, 10021, `binding ${binding.name} cannot be inherited`);
      return inherited;
    });
    for (const { type, name: bound, bucket_name = "", id = "", queue_name } of bindings) {
      const isMissing =
        (type === "r2_bucket" && !this.buckets.has(bucket_name)) ||
        (type === "d1" && !this.databases.has(id)) ||
        (type === "queue" && ![...this.queues.values()].some((queue) => queue.queue_name === queue_name));
      if (isMissing) throw new Refusal(400, 10021, `binding ${bound} of type ${type} names nothing that exists`);
    }
    const kept = (before?.bindings ?? []).filter(
      (old) => metadata.keep_bindings?.includes(old.type) && !bindings.some((each) => each.name === old.name),
    );
    const fresh = { schedules: [], subdomain: { enabled: false, previews_enabled: false } };
    this.workers.set(name, { ...fresh, ...before, bindings: [...bindings, ...kept], files: metadata.files });
    const id = randomUUID().replaceAll("-", "");
    return { id: name, etag: id, deployment_id: id, startup_time_ms: 1, exports_reconciliation: nothingReconciled() };
  }
}
