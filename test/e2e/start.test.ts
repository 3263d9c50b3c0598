/** `npm start`: raw bytes over the socket, the command line, the end of the server, and data that is kept. */
import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { AwsClient } from "aws4fetch";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { findFreePort } from "../../scripts/ports.ts";
import { exitCode, projectRoot, stopTree } from "../../scripts/wrangler.ts";
import { startScript, startTestServer } from "../support/dev-server.ts";

const server = inject("devServer");
const { accessKeyId, secretAccessKey } = server;
const aws = new AwsClient({ accessKeyId, secretAccessKey, service: "s3", region: "us-east-1", retries: 0 });

describe("on the wire", () => {
  const bucket = `start-${Date.now()}`;
  const gzipped = gzipSync("one line of text\n".repeat(500));

  beforeAll(async () => {
    expect((await aws.fetch(`${server.endpoint}/${bucket}`, { method: "PUT" })).status).toBe(200);
  });

  const put = async (key: string, body: Uint8Array | string, headers: Record<string, string>) => {
    const url = `${server.endpoint}/${bucket}/${key}`;
    expect((await aws.fetch(url, { method: "PUT", body: Buffer.from(body), headers })).status).toBe(200);
  };

  const types = ["text/plain", "text/html", "application/json", "image/svg+xml", "application/octet-stream"];
  const accepted = [undefined, "identity", "gzip, br", "zstd"];

  test.each(types)("%s with Content-Encoding comes back byte for byte, with its length", async (type) => {
    const wrong = Buffer.from("these bytes are no such coding");
    await put("gzip", gzipped, { "content-type": type, "content-encoding": "gzip" });
    await put("br", wrong, { "content-type": type, "content-encoding": "br" });
    for (const accept of accepted) {
      for (const [key, bytes] of [["gzip", gzipped] as const, ["br", wrong] as const]) {
        const whole = await signed("GET", bucket, key, accept);
        expect([whole.status, whole.headers["content-encoding"], whole.headers["content-length"]]).toEqual([
          200,
          key,
          String(bytes.length),
        ]);
        expect(whole.body.equals(bytes)).toBe(true);
        const part = await signed("GET", bucket, key, accept, { range: "bytes=3-9" });
        expect([part.status, part.headers["content-length"], part.body.equals(bytes.subarray(3, 10))]).toEqual([
          206,
          "7",
          true,
        ]);
        const head = await signed("HEAD", bucket, key, accept);
        expect([head.headers["content-encoding"], head.headers["content-length"]]).toEqual([key, String(bytes.length)]);
      }
    }
  });

  test("response-content-encoding changes the header and not a byte", async () => {
    await put("plain", "plain text", { "content-type": "text/plain" });
    const answer = await signed("GET", bucket, "plain", "gzip", {}, "response-content-encoding=gzip");
    expect([answer.headers["content-encoding"], answer.headers["content-length"], answer.body.toString()]).toEqual([
      "gzip",
      "10",
      "plain text",
    ]);
  });

  test("HTML keeps its Content-Length, whole, in ranges and by HEAD", async () => {
    await put("index.html", "<html></html>", { "content-type": "text/html" });
    const lengths = await Promise.all([
      signed("GET", bucket, "index.html", "gzip"),
      signed("GET", bucket, "index.html", "gzip", { range: "bytes=0-4" }),
      signed("HEAD", bucket, "index.html", "gzip"),
    ]);
    expect(lengths.map(({ headers }) => headers["content-length"])).toEqual(["13", "5", "13"]);
  });

  test("paths reach the Worker as they were sent", async () => {
    const s3 = new S3Client({
      endpoint: server.endpoint,
      region: "us-east-1",
      forcePathStyle: true,
      credentials: { accessKeyId, secretAccessKey },
    });
    for (const key of ["a/../b", "./c", "d//e", "{f}", "g\\h", "i%2Fj", "k+l m"]) {
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: key }));
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      expect(await Body?.transformToString()).toBe(key);
    }
    const url = await getSignedUrl(s3, new GetObjectCommand({ Bucket: bucket, Key: "g\\h" }));
    expect((await fetch(url)).status).toBe(200);
    const listed = await (await aws.fetch(`${server.endpoint}/${bucket}?list-type=2&prefix=a/`)).text();
    expect(listed).toContain("<Key>a/../b</Key>");
  });

  test("no client can set its address or other headers of the platform", async () => {
    const policy = {
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Principal: "*",
          Action: "s3:GetObject",
          Resource: `arn:aws:s3:::${bucket}/address/*`,
          Condition: { IpAddress: { "aws:SourceIp": "198.51.100.0/24" } },
        },
        {
          Effect: "Allow",
          Principal: "*",
          Action: "s3:GetObject",
          Resource: `arn:aws:s3:::${bucket}/loopback/*`,
          Condition: { IpAddress: { "aws:SourceIp": "127.0.0.0/8" } },
        },
      ],
    };
    await put("address/k", "x", {});
    await put("loopback/k", "x", {});
    const body = JSON.stringify(policy);
    expect((await aws.fetch(`${server.endpoint}/${bucket}?policy`, { method: "PUT", body })).status).toBe(204);
    const forged = {
      "CF-Connecting-IP": "198.51.100.7",
      "X-Forwarded-For": "198.51.100.7",
      "MF-CF-Blob": '{"clientIp":"198.51.100.7:1"}',
    };
    expect((await exchange("GET", `/${bucket}/address/k`, forged)).status).toBe(403);
    expect((await exchange("GET", `/${bucket}/loopback/k`, forged)).status).toBe(200);
  });

  test.each(["/cdn-cgi/handler/scheduled", "/cdn-cgi/local/scheduled", "/__scheduled", "/cdn-cgi/local/explorer"])(
    "%s starts nothing and shows nothing",
    async (path) => {
      expect((await exchange("GET", `${path}?cron=*+*+*+*+*&time=1000`, {})).status).not.toBe(200);
    },
  );

  test("an upload with Expect: 100-continue gets it, and a refused one does not send its body", async () => {
    const expecting = { Expect: "100-continue", "Content-Length": "4" };
    expect((await exchange("PUT", `/${bucket}/k`, expecting)).status).toBe(403);
  });
});

describe("the command", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "workers-s3-start-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

  const free = async () => ["--port", String(await findFreePort()), "--persist-to", folder];

  test("a port in use: one sentence, at once", async () => {
    const result = await run(["--port", String(server.port)]);
    expect(result).toEqual({
      code: 1,
      stdout: "",
      stderr: `127.0.0.1:${server.port} is in use by another program; choose another with \`npm start -- --port N\`.\n`,
    });
  });

  test.each([
    ["SEAL_KEY", "short", "The secret SEAL_KEY must be 64 hexadecimal digits.\n"],
    ["ROOT_ACCESS_KEY_ID", "a b", "The secret ROOT_ACCESS_KEY_ID must be 16 to 128 letters, digits or underscores.\n"],
  ])("a malformed %s: one sentence, and no server", async (name, value, expected) => {
    const result = await run(await free(), { [name]: value });
    expect({ code: result.code, stderr: result.stderr }).toEqual({ code: 1, stderr: expected });
    expect(result.stdout).not.toContain("is ready");
  });

  test("an invalid setting: one sentence, and no server", async () => {
    const { code, stderr } = await run([...(await free()), "--var", "ENFORCE_REGION:perhaps"]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'ENFORCE_REGION must be "true" or "false".\n' });
  });

  test.skipIf(process.getuid?.() === 0)("a folder that cannot be written: one sentence", async () => {
    const closed = mkdtempSync(join(tmpdir(), "workers-s3-closed-"));
    chmodSync(closed, 0o500);
    const { code, stderr } = await run([...(await free()).slice(0, 2), "--persist-to", join(closed, "state")]);
    rmSync(closed, { recursive: true });
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringMatching(/^Cannot write to [^\n]*\n$/) });
  });

  test("a SEAL_KEY other than that of the data: one sentence, and no server", async () => {
    const first = await startTestServer();
    try {
      const own = new AwsClient({ accessKeyId, secretAccessKey, service: "s3", region: "us-east-1", retries: 0 });
      const body = JSON.stringify({ displayName: "tenant" });
      const url = `${first.endpoint}/-/admin/accounts`;
      expect((await own.fetch(url, { method: "POST", body })).status).toBe(201);
      await first.kill();
      const flags = ["--port", String(await findFreePort()), "--persist-to", first.storage];
      const { code, stderr } = await run(flags, { SEAL_KEY: "f".repeat(64) });
      expect({ code, stderr }).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^SEAL_KEY is not the one .*\n$/),
      });
      await first.start();
    } finally {
      await first.stop();
    }
  });

  test.each(["SIGINT", "SIGTERM"] as const)(
    "%s ends the server with exit code 0, and nothing listens afterwards",
    async (signal) => {
      const flags = await free();
      const child = await startScript("start", flags);
      child.kill(signal);
      expect(await exitCode(child)).toBe(0);
      await expect(fetch(`http://127.0.0.1:${flags[1]}/`)).rejects.toThrow();
    },
  );

  test("--log FILE has a line for each request, whole after a stop, and one line counts them", async () => {
    const flags = await free();
    const path = join(folder, "requests.log");
    const child = await startScript("start", [...flags, "--log", path]);
    let said = "";
    child.stdout?.on("data", (chunk: string) => {
      said += chunk;
    });
    const keys = Array.from({ length: 30 }, (_, index) => `k${index}`);
    await Promise.all(keys.map((key) => fetch(`http://127.0.0.1:${flags[1]}/missing/${key}`)));
    child.kill("SIGTERM");
    expect(await exitCode(child)).toBe(0);
    const lines = readFileSync(path, "utf8").trim().split("\n");
    const logged = lines.map((line) => JSON.parse(line) as { key: string; status: number });
    expect(logged.map(({ key, status }) => `${key} ${status}`).sort()).toEqual(keys.map((key) => `${key} 404`).sort());
    expect(said).toMatch(/^\d\d:\d\d:\d\d {2}30 requests, 30 refused\n$/m);
  });

  test("without --log no line is written for a refused request", async () => {
    const flags = await free();
    const child = await startScript("start", flags);
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: string) => {
        said += chunk;
      });
    }
    await fetch(`http://127.0.0.1:${flags[1]}/missing/k`);
    child.kill("SIGTERM");
    expect(await exitCode(child)).toBe(0);
    expect(said).toMatch(/^\d\d:\d\d:\d\d {2}1 request, 1 refused\n$/);
  });

  test("a file of --log that cannot be written: one sentence", async () => {
    const path = join(folder, "missing/file");
    expect(await run([...(await free()), "--log", path])).toMatchObject({
      code: 1,
      stderr: `Cannot write to ${path}, which --log names.\n`,
    });
  });

  test("a second server on the same data: one sentence; after a killed server, the next one starts", async () => {
    const flags = await free();
    const first = await startScript("start", flags);
    const { code, stderr } = await run(["--port", String(await findFreePort()), "--persist-to", folder]);
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: `${folder} is in use by another server (process ${first.pid}); choose another folder with --persist-to. If that process is not a server, remove ${folder}/server.pid.\n`,
    });
    first.kill("SIGKILL");
    await exitCode(first);
    // Its workerd ends too.
    await expect
      .poll(() => fetch(`http://127.0.0.1:${flags[1]}/`).catch(() => "closed"), { timeout: 20_000 })
      .toBe("closed");
    await stopTree(await startScript("start", flags));
  });

  test("stored objects are kept, also behind wrangler dev, which guards scheduled work and addresses too", async () => {
    const flags = await free();
    const endpoint = `http://127.0.0.1:${flags[1]}`;
    const first = await startScript("start", flags);
    await aws.fetch(`${endpoint}/kept`, { method: "PUT" });
    expect((await aws.fetch(`${endpoint}/kept/key`, { method: "PUT", body: "content" })).status).toBe(200);
    await stopTree(first);
    const dev = await startScript("dev", flags);
    try {
      expect(await (await aws.fetch(`${endpoint}/kept/key`)).text()).toBe("content");
      expect((await aws.fetch(`${endpoint}/kept/other`, { method: "PUT", body: "from dev" })).status).toBe(200);
      const trigger = await fetch(`${endpoint}/cdn-cgi/handler/scheduled?cron=*/10+*+*+*+*&time=1000`);
      expect(trigger.status).toBe(500);
      const statement = {
        Effect: "Allow",
        Principal: "*",
        Action: "s3:GetObject",
        Resource: "arn:aws:s3:::kept/*",
        Condition: { IpAddress: { "aws:SourceIp": "198.51.100.0/24" } },
      };
      const body = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
      expect((await aws.fetch(`${endpoint}/kept?policy`, { method: "PUT", body })).status).toBe(204);
      const forged = { "CF-Connecting-IP": "198.51.100.7" };
      expect((await fetch(`${endpoint}/kept/key`, { headers: forged })).status).toBe(403);
      const explorer = await fetch(`${endpoint}/cdn-cgi/local/explorer/api/d1/database`);
      expect(explorer.status).not.toBe(200);
    } finally {
      await stopTree(dev);
    }
    const again = await startScript("start", flags);
    try {
      expect(await (await aws.fetch(`${endpoint}/kept/other`)).text()).toBe("from dev");
    } finally {
      await stopTree(again);
    }
  });
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Accept-Encoding is not part of the signature, so that the values of all clients can be tested. */
async function signed(
  method: string,
  bucket: string,
  key: string,
  accept: string | undefined,
  headers: Record<string, string> = {},
  query = "",
): Promise<Answer> {
  const url = `${server.endpoint}/${bucket}/${key}${query && `?${query}`}`;
  const request = await aws.sign(url, { method });
  const authorization = Object.fromEntries(request.headers);
  const sent = { ...authorization, ...headers, ...(accept !== undefined && { "Accept-Encoding": accept }) };
  return await exchange(method, url.slice(server.endpoint.length), sent);
}

/** One request over a socket, with nothing added but Host and Connection. */
function exchange(method: string, target: string, headers: Record<string, string>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, "127.0.0.1");
    const chunks: Buffer[] = [];
    const lines = Object.entries({ Host: `127.0.0.1:${server.port}`, ...headers, Connection: "close" });
    socket.write(
      `${method} ${target} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`,
    );
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", reject);
    socket.on("end", () => {
      const all = Buffer.concat(chunks);
      const end = all.indexOf("\r\n\r\n");
      const [first = "", ...rest] = all.subarray(0, end).toString("latin1").split("\r\n");
      const pairs = rest
        .map((line) => line.split(/: */, 2))
        .map(([name = "", value = ""]) => [name.toLowerCase(), value]);
      resolve({
        status: Number(first.split(" ")[1]),
        headers: Object.fromEntries(pairs),
        body: all.subarray(end + 4),
      });
    });
  });
}

function run(args: string[], variables: Record<string, string> = {}) {
  const secrets = {
    ROOT_ACCESS_KEY_ID: accessKeyId,
    ROOT_SECRET_ACCESS_KEY: secretAccessKey,
    SEAL_KEY: "0".repeat(64),
  };
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const options = { cwd: projectRoot, env: { ...process.env, ...secrets, ...variables }, timeout: 100_000 };
    execFile(process.execPath, ["scripts/start.ts", ...args], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}
