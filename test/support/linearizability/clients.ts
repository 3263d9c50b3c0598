/** Clients that change one key at the same time, and the history of what they asked and were answered. */
import { createHash } from "node:crypto";
import type { Operation } from "./checker.ts";
import { type KeyInput, type KeyOutput, type KeyState, md5, type Row, type Versioning } from "./object-model.ts";
import type { Random } from "./random.ts";

export interface Sent {
  readonly method: string;
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Received {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Undefined: the connection ended without an answer. */
export type Send = (request: Sent, client: number) => Promise<Received | undefined>;

export interface HistoryPlan {
  readonly key: string;
  readonly versioning: Versioning;
  readonly clients: number;
  /** Of each client. */
  readonly operations: number;
  readonly random: Random;
  readonly send: Send;
}

/** An object that copies are made of. */
export const SOURCE_KEY = "source";
export const SOURCE_BODY = "content of the source";

export type KeyOperation = Operation<KeyInput, KeyOutput>;

/** What a client asks for, and how it is sent. */
interface Planned {
  readonly input: KeyInput;
  readonly request: Sent;
}

/** Runs the clients, and at the end lists the versions. */
export async function recordHistory(plan: HistoryPlan): Promise<readonly KeyOperation[]> {
  const uploads = await prepareUploads(plan);
  const recorder = new Recorder(plan);
  const planner = new Planner(plan, uploads);
  const client = async (number: number) => {
    for (let count = 0; count < plan.operations; count++) {
      const planned = planner.next();
      planner.learn(planned.input, await recorder.perform(planned, number));
    }
  };
  await Promise.all(Array.from({ length: plan.clients }, (_, number) => client(number)));
  await recorder.perform({ input: { kind: "list" }, request: listRequest(plan) }, 0);
  return recorder.operations;
}

export function initialState({ versioning }: Pick<HistoryPlan, "versioning">): KeyState {
  return { versioning, versions: [] };
}

class Recorder {
  readonly operations: KeyOperation[] = [];
  readonly #plan: HistoryPlan;
  #moments = 0;

  constructor(plan: HistoryPlan) {
    this.#plan = plan;
  }

  async perform({ input, request }: Planned, client: number): Promise<KeyOutput | undefined> {
    const called = this.#moments++;
    const received = await this.#plan.send(request, client);
    const answered = this.#moments++;
    // An answer of 500 or more does not say whether the request took effect.
    const output = received === undefined || received.status >= 500 ? undefined : outputOf(input, received, this.#plan);
    this.operations.push({ input, output, called, answered });
    return output;
  }
}

interface Upload {
  readonly id: string;
  readonly write: string;
  readonly body: string;
}

async function prepareUploads({ key, operations, clients, send, random }: HistoryPlan): Promise<Upload[]> {
  const uploads: Upload[] = [];
  for (let count = 0; count < Math.ceil((operations * clients) / 8); count++) {
    const write = `upload-${count}`;
    const body = `part of ${write}, ${random.below(3)}`;
    const headers = { "x-amz-meta-write": write };
    const created = await send({ method: "POST", key, query: { uploads: "" }, headers }, 0);
    const id = textOf(created?.text ?? "", "UploadId");
    const part = await send({ method: "PUT", key, query: { partNumber: "1", uploadId: id }, body }, 0);
    if (part?.status === 200) uploads.push({ id, write, body });
  }
  return uploads;
}

class Planner {
  readonly #plan: HistoryPlan;
  readonly #uploads: Upload[];
  readonly #versionIds: string[] = [];
  readonly #etags: string[] = [md5("never written")];
  #writes = 0;

  constructor(plan: HistoryPlan, uploads: Upload[]) {
    this.#plan = plan;
    this.#uploads = uploads;
  }

  /** Later requests may name what earlier answers contain. */
  learn(input: KeyInput, output: KeyOutput | undefined): void {
    if (output !== undefined && output.versionId !== "" && output.versionId !== "null")
      this.#versionIds.push(output.versionId);
    if (input.kind === "put") this.#etags.push(input.etag);
  }

  next(): Planned {
    const { random, versioning } = this.#plan;
    const choice = random.below(100);
    if (choice < 22) return this.#put();
    if (choice < 28) return this.#copy();
    // See the exceptions in object-model.ts.
    if (choice < 33 && versioning === "never") return this.#copyOntoItself();
    if (choice < 41) return this.#complete();
    if (choice < 51) return this.#delete();
    if (choice < 57 && versioning !== "never") return this.#deleteVersion();
    if (choice < 67) return this.#putTags();
    if (choice < 73) return this.#putAcl();
    if (choice < 78) return this.#simple({ kind: "get-tags" }, { tagging: "" });
    if (choice < 82) return this.#simple({ kind: "get-acl" }, { acl: "" });
    return this.#get();
  }

  #write(): string {
    this.#writes += 1;
    return `write-${this.#writes}`;
  }

  #condition() {
    const { random } = this.#plan;
    if (random.chance(3)) return { ifMatch: random.pick(this.#etags.slice(-3)) };
    return random.chance(3) ? ({ ifNoneMatch: "*" } as const) : {};
  }

  /** Bodies are short and repeated, since the same bytes have the same ETag. */
  #put(): Planned {
    const write = this.#write();
    const body = this.#plan.random.chance(3) ? "the same bytes" : `body of ${write}`;
    const condition = this.#condition();
    const input = { kind: "put", write, body, etag: md5(body), condition } as const;
    const headers = { ...conditionHeaders(condition), "x-amz-meta-write": write };
    return { input, request: { method: "PUT", key: this.#plan.key, headers, body } };
  }

  #copy(): Planned {
    const write = this.#write();
    const input = { kind: "put", write, body: SOURCE_BODY, etag: md5(SOURCE_BODY), condition: {} } as const;
    return { input, request: this.#copyRequest(SOURCE_KEY, write) };
  }

  #copyOntoItself(): Planned {
    const write = this.#write();
    return { input: { kind: "copy-onto-itself", write }, request: this.#copyRequest(this.#plan.key, write) };
  }

  #copyRequest(source: string, write: string): Sent {
    const headers = {
      "x-amz-copy-source": `/{bucket}/${source}`,
      "x-amz-metadata-directive": "REPLACE",
      "x-amz-meta-write": write,
    };
    return { method: "PUT", key: this.#plan.key, headers };
  }

  #complete(): Planned {
    const upload = this.#uploads.pop();
    if (upload === undefined) return this.#put();
    const { id, write, body } = upload;
    const etag = `${createHash("md5").update(createHash("md5").update(body).digest()).digest("hex")}-1`;
    const part = `<Part><PartNumber>1</PartNumber><ETag>"${md5(body)}"</ETag></Part>`;
    const input = { kind: "put", write, body, etag, condition: {} } as const;
    const document = `<CompleteMultipartUpload>${part}</CompleteMultipartUpload>`;
    return { input, request: { method: "POST", key: this.#plan.key, query: { uploadId: id }, body: document } };
  }

  #delete(): Planned {
    const { random, key } = this.#plan;
    if (!random.chance(3)) return { input: { kind: "delete" }, request: { method: "DELETE", key } };
    const ifMatch = random.pick(this.#etags.slice(-3));
    return {
      input: { kind: "delete", ifMatch },
      request: { method: "DELETE", key, headers: conditionHeaders({ ifMatch }) },
    };
  }

  #deleteVersion(): Planned {
    const versionId = this.#version() ?? "null";
    const request = { method: "DELETE", key: this.#plan.key, query: { versionId } };
    return { input: { kind: "delete-version", versionId }, request };
  }

  /** One of the latest, if any is known. */
  #version(): string | undefined {
    const latest = this.#versionIds.slice(-4);
    return latest.length === 0 ? undefined : this.#plan.random.pick(latest);
  }

  #named(): { readonly versionId?: string } {
    const versionId = this.#plan.versioning !== "never" && this.#plan.random.chance(3) ? this.#version() : undefined;
    return versionId === undefined ? {} : { versionId };
  }

  #putTags(): Planned {
    const named = this.#named();
    const tags = this.#plan.random.chance(2) ? `a=${this.#writes}` : `a=${this.#writes}&b=${this.#writes}`;
    const elements = tags
      .split("&")
      .map((tag) => tag.replace(/(.*)=(.*)/, "<Tag><Key>$1</Key><Value>$2</Value></Tag>"));
    const body = `<Tagging><TagSet>${elements.join("")}</TagSet></Tagging>`;
    const headers = { "content-md5": createHash("md5").update(body).digest("base64") };
    const request = { method: "PUT", key: this.#plan.key, query: { tagging: "", ...named }, headers, body };
    return { input: { kind: "put-tags", tags, ...named }, request };
  }

  #putAcl(): Planned {
    const named = this.#named();
    const acl = this.#plan.random.pick(["private", "public-read", "authenticated-read"]);
    const headers = { "x-amz-acl": acl };
    const request = { method: "PUT", key: this.#plan.key, query: { acl: "", ...named }, headers };
    return { input: { kind: "put-acl", acl, ...named }, request };
  }

  #get(): Planned {
    const named = this.#named();
    return { input: { kind: "get", ...named }, request: { method: "GET", key: this.#plan.key, query: named } };
  }

  #simple(input: KeyInput, query: Record<string, string>): Planned {
    return { input, request: { method: "GET", key: this.#plan.key, query } };
  }
}

function conditionHeaders({ ifMatch, ifNoneMatch }: { readonly ifMatch?: string; readonly ifNoneMatch?: string }) {
  return {
    ...(ifMatch !== undefined && { "if-match": `"${ifMatch}"` }),
    ...(ifNoneMatch !== undefined && { "if-none-match": ifNoneMatch }),
  };
}

function listRequest({ key }: HistoryPlan): Sent {
  return { method: "GET", query: { versions: "", prefix: `${key}` } };
}

function outputOf({ kind }: KeyInput, { status, headers, text }: Received, { key }: HistoryPlan): KeyOutput {
  const common = {
    status,
    versionId: headers.get("x-amz-version-id") ?? "",
    isMarker: headers.get("x-amz-delete-marker") === "true",
  };
  if (status !== 200) return common;
  switch (kind) {
    case "get":
      return {
        ...common,
        read: {
          write: headers.get("x-amz-meta-write") ?? "",
          body: text,
          etag: unquoted(headers.get("etag") ?? ""),
          tagCount: Number(headers.get("x-amz-tagging-count") ?? "0"),
        },
      };
    case "get-tags": {
      const tags = [...text.matchAll(/<Key>(.*?)<\/Key><Value>(.*?)<\/Value>/g)].map(
        ([, name, value]) => `${name}=${value}`,
      );
      return { ...common, tags: tags.join("&") };
    }
    case "get-acl":
      return { ...common, acl: aclIn(text) };
    case "list":
      return { ...common, rows: rowsIn(text, key) };
    default:
      return common;
  }
}

function aclIn(text: string): string {
  if (text.includes("global/AllUsers")) return "public-read";
  return text.includes("global/AuthenticatedUsers") ? "authenticated-read" : "private";
}

function rowsIn(text: string, key: string): Row[] {
  const rows = [...text.matchAll(/<(Version|DeleteMarker)>(.*?)<\/\1>/g)];
  return rows
    .filter(([, , row = ""]) => textOf(row, "Key") === key)
    .map(([, kind, row = ""]) => ({
      id: textOf(row, "VersionId"),
      isMarker: kind === "DeleteMarker",
      etag: unquoted(textOf(row, "ETag").replaceAll("&quot;", '"')),
    }));
}

function textOf(text: string, element: string): string {
  return new RegExp(`<${element}>(.*?)</${element}>`).exec(text)?.[1] ?? "";
}

function unquoted(etag: string): string {
  return etag.replaceAll('"', "");
}
