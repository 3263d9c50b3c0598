/** Runs one history against the model and the Worker, and ends at the first answer that is another one. */
import type { Env } from "../../../src/env.ts";
import { readXml, textIn } from "../xml.ts";
import type { Answer } from "./answers.ts";
import { Bindings } from "./bindings.ts";
import type { Command, History, Listing, Setup } from "./commands.ts";
import { differences } from "./compare.ts";
import { apply } from "./model.ts";
import { requestFor } from "./requests.ts";
import { World } from "./state.ts";
import { type Callers, sendToWorker, type WireAnswer, type WireRequest } from "./wire.ts";

export interface Setting {
  readonly env: Env;
  readonly callers: Callers;
  /** Bucket names begin with it; no two histories share one. */
  readonly prefix: string;
}

/** Counts of answers by operation and by status, over all histories. */
export type Tally = Map<string, number>;

/** @throws Error that shows the commands up to the one whose answer is different */
export async function runHistory(history: History, setting: Setting, tally: Tally = new Map()): Promise<void> {
  const run = new Run(setting, tally);
  for (const [bucket, setup] of history.setups.entries())
    for (const command of setupCommands(bucket, setup)) await run.step(command);
  for (const command of history.commands) await run.step(command);
  for (const bucket of history.setups.keys()) for (const command of finalCommands(bucket)) await run.step(command);
}

function setupCommands(bucket: number, setup: Setup): Command[] {
  const by = "owner";
  const create: Command = {
    op: "CreateBucket",
    by,
    bucket,
    hasLock: setup === "locked",
    ...(setup === "writable" && { acl: "public-read-write" }),
  };
  const put: Command = { op: "PutObject", by, bucket, key: 0, body: 1, attributes: {}, condition: {} };
  const version = (status: "Enabled" | "Suspended"): Command => ({ op: "PutBucketVersioning", by, bucket, status });
  switch (setup) {
    case "absent":
      return [];
    case "plain":
    case "writable":
    case "locked":
      return [create];
    case "versioned":
      return [create, put, version("Enabled")];
    case "suspended":
      return [create, version("Enabled"), put, version("Suspended")];
    default:
      return setup satisfies never;
  }
}

/** All that is left, in pages, and what listings do not show of the keys that are used most. */
function finalCommands(bucket: number): Command[] {
  const all = { by: "owner", bucket, prefix: "", delimiter: "", after: "", isUrlEncoded: true } as const;
  return [
    { op: "ListObjectsV2", ...all, maxKeys: 1000 },
    { op: "ListObjectVersions", ...all, maxKeys: 3 },
    { op: "ListMultipartUploads", by: "owner", bucket },
    ...[0, 1].flatMap((key): Command[] => [
      { op: "HeadObject", by: "owner", bucket, key, condition: {} },
      { op: "GetObjectAcl", by: "owner", bucket, key },
    ]),
  ];
}

function isListing(command: Command): command is Listing {
  return ["ListObjects", "ListObjectsV2", "ListObjectVersions"].includes(command.op);
}

class Run {
  readonly #setting: Setting;
  readonly #tally: Tally;
  readonly #world: World;
  readonly #bindings = new Bindings();
  readonly #log: string[] = [];

  constructor(setting: Setting, tally: Tally) {
    this.#setting = setting;
    this.#tally = tally;
    this.#world = new World(setting.prefix, (id) => this.#bindings.has(id));
  }

  async step(command: Command): Promise<void> {
    if (isListing(command)) return this.#walk(command);
    const context = { world: this.#world, bindings: this.#bindings, callers: this.#setting.callers };
    const request = requestFor(command, context);
    const expected = apply(this.#world, command);
    this.#check(command, expected, await this.#send(request));
  }

  /** Sends a request for each page. What follows a page is what the page says. */
  async #walk(command: Listing): Promise<void> {
    const expected = apply(this.#world, command);
    const { pages = [expected], emptyPage } = expected;
    const waiting = [...pages];
    let position: Record<string, string> = firstPosition(command);
    for (let page = waiting.shift(); page !== undefined; page = waiting.shift()) {
      const answer = await this.#send(pageRequest(command, this.#world, position));
      this.#check(command, page, answer);
      if (answer.status !== 200) return;
      position = nextPosition(command, answer.text);
      const isOver = !answer.text.includes("<IsTruncated>true<");
      if (waiting.length === 0 && !isOver && emptyPage !== undefined) waiting.push(emptyPage);
    }
  }

  #send(request: WireRequest): Promise<WireAnswer> {
    return sendToWorker(request, this.#setting.callers, this.#setting.env);
  }

  #check(command: Command, expected: Answer, actual: WireAnswer): void {
    const { callers } = this.#setting;
    const name = `${command.op} ${actual.status}`;
    this.#tally.set(name, (this.#tally.get(name) ?? 0) + 1);
    this.#log.push(`${JSON.stringify(command)} -> ${actual.status}`);
    const found = differences(expected, actual, { bindings: this.#bindings, callers });
    if (found.length === 0) return;
    throw new Error([...this.#log.slice(-60), ...found.map((difference) => `  DIFFERENT: ${difference}`)].join("\n"));
  }
}

type Position = Record<string, string>;

function firstPosition({ op, after }: Listing): Position {
  if (after === "") return {};
  switch (op) {
    case "ListObjects":
      return { marker: after };
    case "ListObjectsV2":
      return { "start-after": after };
    case "ListObjectVersions":
      return { "key-marker": after };
    default:
      return op satisfies never;
  }
}

function pageRequest(command: Listing, world: World, position: Position): WireRequest {
  const { by, op, prefix, delimiter, maxKeys, isUrlEncoded } = command;
  const query = {
    ...(op === "ListObjectsV2" && { "list-type": "2" }),
    ...(op === "ListObjectVersions" && { versions: "" }),
    ...(prefix !== "" && { prefix }),
    ...(delimiter !== "" && { delimiter }),
    ...(isUrlEncoded && { "encoding-type": "url" }),
    ...(maxKeys !== 1000 && { "max-keys": String(maxKeys) }),
    ...position,
  };
  return { by, method: "GET", bucket: world.nameOf(command.bucket), query };
}

function nextPosition({ op, isUrlEncoded }: Listing, text: string): Position {
  const root = readXml(text);
  const shown = (name: string) => {
    const found = textIn(root, name) ?? "";
    return isUrlEncoded ? decodeURIComponent(found.replaceAll("+", " ")) : found;
  };
  if (op === "ListObjectsV2") return { "continuation-token": textIn(root, "NextContinuationToken") ?? "" };
  if (op === "ListObjectVersions") {
    const version = textIn(root, "NextVersionIdMarker");
    return { "key-marker": shown("NextKeyMarker"), ...(version !== undefined && { "version-id-marker": version }) };
  }
  const last = root.children.filter(({ name }) => name === "Contents").at(-1);
  const key = textIn(last, "Key") ?? "";
  const next = textIn(root, "NextMarker") === undefined ? key : undefined;
  if (next === undefined) return { marker: shown("NextMarker") };
  return { marker: isUrlEncoded ? decodeURIComponent(next.replaceAll("+", " ")) : next };
}
