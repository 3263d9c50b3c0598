/**
 * A server that is killed (SIGKILL) under load, again and again, judged by the journal of its clients: what was acknowledged is
 * present, what was not is present whole or not at all, and a scrub finds nothing. `KILLS` is the number of kills.
 */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { AwsClient } from "aws4fetch";
import { afterAll, beforeAll, expect, test } from "vitest";
import { projectRoot } from "../../scripts/wrangler.ts";
import { startTestServer, type TestServer } from "../support/dev-server.ts";

const KILLS = Number(process.env.KILLS ?? 3);
const CLIENTS = 8;
const PART_BYTES = 5 * 1024 * 1024;

/** What a key may hold, oldest first: the last acknowledged state, then states whose requests were not answered. */
type Possible = readonly (string | undefined)[];

class Journal {
  readonly #states = new Map<string, Possible>();

  possible(path: string): Possible {
    return this.#states.get(path) ?? [undefined];
  }

  begin(path: string, state: string | undefined): void {
    this.#states.set(path, [...this.possible(path), state]);
  }

  acknowledge(path: string, state: string | undefined): void {
    this.#states.set(path, [state]);
  }

  get paths(): readonly string[] {
    return [...this.#states.keys()];
  }
}

let server: TestServer;
let aws: AwsClient;
const journal = new Journal();

beforeAll(async () => {
  server = await startTestServer();
  const { accessKeyId, secretAccessKey } = server;
  aws = new AwsClient({ accessKeyId, secretAccessKey, service: "s3", region: "us-east-1", retries: 0 });
  for (const bucket of ["plain", "kept"]) await must("PUT", `/${bucket}`);
  await must("PUT", "/kept?versioning", "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>");
  const rule =
    "<Rule><ID>r</ID><Status>Enabled</Status><Filter><Prefix>none/</Prefix></Filter><Expiration><Days>1</Days></Expiration></Rule>";
  await must("PUT", "/plain?lifecycle", `<LifecycleConfiguration>${rule}</LifecycleConfiguration>`, {
    "content-md5": createHash("md5")
      .update(`<LifecycleConfiguration>${rule}</LifecycleConfiguration>`)
      .digest("base64"),
  });
});

afterAll(() => server.stop());

async function call(
  method: string,
  path: string,
  body?: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
) {
  const init = { method, headers, ...(body !== undefined && { body }) };
  const response = await aws.fetch(`${server.endpoint}${path}`, init);
  return { status: response.status, etag: response.headers.get("etag") ?? "", text: await response.text() };
}

async function must(...parameters: Parameters<typeof call>) {
  const answer = await call(...parameters);
  if (answer.status >= 300) throw new Error(`${parameters[0]} ${parameters[1]}: ${answer.status} ${answer.text}`);
  return answer;
}

/** A request without an answer throws: its effect is unknown. */
async function change(
  path: string,
  state: string | undefined,
  request: () => Promise<{ status: number }>,
): Promise<void> {
  journal.begin(path, state);
  const { status } = await request();
  if (status < 300) journal.acknowledge(path, state);
}

/** The content is its own name, repeated: a torn object would not be one of the journal. */
function contentOf(name: string, bytes: number): string {
  return `${name};`.repeat(Math.ceil(bytes / (name.length + 1))).slice(0, bytes);
}

async function uploadInParts(path: string, name: string): Promise<void> {
  const { text } = await must("POST", `${path}?uploads`);
  const uploadId = /<UploadId>([^<]+)/.exec(text)?.[1] ?? "";
  const parts = [contentOf(name, PART_BYTES), contentOf(`${name}-end`, 1000)];
  const etags = [];
  for (const [index, part] of parts.entries()) {
    etags.push((await must("PUT", `${path}?partNumber=${index + 1}&uploadId=${uploadId}`, part)).etag);
  }
  const listed = etags.map((etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${etag}</ETag></Part>`);
  const document = `<CompleteMultipartUpload>${listed.join("")}</CompleteMultipartUpload>`;
  await change(path, parts.join(""), () => call("POST", `${path}?uploadId=${uploadId}`, document));
}

/** One client changes keys of its own, so that it knows what they may hold, until the server is gone. */
async function work(client: number, round: number): Promise<number> {
  let done = 0;
  try {
    for (;;) {
      const bucket = client % 2 === 0 ? "plain" : "kept";
      const path = `/${bucket}/c${client}-${done % 3}`;
      const name = `r${round}c${client}n${done}`;
      const kind = done % 7;
      if (kind === 3) await change(path, undefined, () => call("DELETE", path));
      else if (kind === 5) await uploadInParts(path, name);
      else if (kind === 6) {
        const [source = ""] = [`/${bucket}/c${client}-0`];
        const known = journal.possible(source);
        const [content] = known;
        if (known.length === 1 && content !== undefined && source !== path) {
          await change(path, content, () => call("PUT", path, undefined, { "x-amz-copy-source": source }));
        }
      } else
        await change(path, contentOf(name, 100 + kind * 5000), () =>
          call("PUT", path, contentOf(name, 100 + kind * 5000)),
        );
      done++;
    }
  } catch {
    return done;
  }
}

async function judge(): Promise<void> {
  for (const path of journal.paths) {
    const { status, text } = await call("GET", path);
    const found = status === 404 ? undefined : text;
    expect([200, 404], `${path}: ${text.slice(0, 300)}`).toContain(status);
    const possible = journal.possible(path);
    const at = possible.indexOf(found);
    expect(
      at,
      `${path} holds ${found?.slice(0, 40)}, not one of ${possible.map((state) => state?.slice(0, 40))}`,
    ).not.toBe(-1);
    journal.acknowledge(path, found);
  }
}

function scrub(): { status: number | null; output: string } {
  const node = `${projectRoot}/node_modules/.bin/node`;
  const { status, stdout, stderr } = spawnSync(node, ["-r", "./scripts/require-node.cjs", "cli/main.ts", "scrub"], {
    cwd: projectRoot,
    encoding: "utf8",
    env: {
      ...process.env,
      WORKERS_S3_ENDPOINT: server.endpoint,
      ROOT_ACCESS_KEY_ID: server.accessKeyId,
      ROOT_SECRET_ACCESS_KEY: server.secretAccessKey,
    },
  });
  return { status, output: `${stdout}${stderr}` };
}

test(
  "what was acknowledged outlasts every kill, nothing is present in half, and a scrub finds nothing",
  async () => {
    let acknowledged = 0;
    for (let round = 0; round < KILLS; round++) {
      const clients = Array.from({ length: CLIENTS }, (_, client) => work(client, round));
      // Scheduled work runs at the same time: sweeps of blobs, the lifecycle.
      await new Promise((resolve) => setTimeout(resolve, 300));
      void server.runScheduled("*/2 * * * *", Date.now()).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 400 + ((round * 331) % 900)));
      await server.kill();
      for (const done of await Promise.all(clients)) acknowledged += done;
      await server.start();
      await judge();
    }
    expect(acknowledged).toBeGreaterThan(KILLS * CLIENTS);
    const { status, output } = scrub();
    expect(status, output).toBe(0);
  },
  240_000 + KILLS * 30_000,
);
