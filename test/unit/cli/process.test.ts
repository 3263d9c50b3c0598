import { execFile } from "node:child_process";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";

const main = join(import.meta.dirname, "../../../cli/main.ts");
const keys = { ROOT_ACCESS_KEY_ID: "AKIAROOTROOTROOTROOT", ROOT_SECRET_ACCESS_KEY: "secret" };

let server: Server | undefined;
afterEach(() => {
  server?.close();
  server = undefined;
});

it("signs the request and prints exactly one JSON document", async () => {
  const account = { accountId: "123456789012", displayName: "alt" };
  const { endpoint, seen } = await answer(201, JSON.stringify(account));
  const { code, stdout, stderr } = await admin(["account", "create", "alt", "--json", "--endpoint", endpoint]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toBe(`${JSON.stringify(account)}\n`);
  expect(seen[0]).toMatchObject({ method: "POST", url: "/-/admin/accounts", body: '{"displayName":"alt"}' });
  expect(seen[0]?.headers.authorization).toMatch(
    /^AWS4-HMAC-SHA256 Credential=AKIAROOTROOTROOTROOT\/\d{8}\/us-east-1\/s3\/aws4_request, SignedHeaders=[\w;-]*x-amz-content-sha256/,
  );
});

it("answers an empty document where the API answers nothing", async () => {
  const { endpoint } = await answer(204, "");
  const { code, stdout } = await admin(["key", "delete", "AKIA1", "--json", "--endpoint", endpoint]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: "{}\n" });
});

it("puts the API's refusal on one line of standard error", async () => {
  const { endpoint } = await answer(404, '{"error":{"code":"NoSuchAccount","message":"There is no such account."}}');
  const result = await admin(["key", "create", "1", "--json", "--endpoint", endpoint]);
  expect(result).toEqual({ code: 1, stdout: "", stderr: "NoSuchAccount: There is no such account.\n" });
});

it("says when nothing listens", async () => {
  const { endpoint } = await answer(200, "{}");
  await new Promise((resolve) => server?.close(resolve));
  const { code, stderr } = await admin(["account", "list", "--endpoint", endpoint]);
  expect({ code, stderr }).toEqual({ code: 1, stderr: `Cannot reach ${endpoint}: ECONNREFUSED\n` });
});

it("exits with 2 and one line for an unknown command", async () => {
  const { code, stdout, stderr } = await admin(["bucket", "list"]);
  expect({ code, stdout, stderr }).toEqual({
    code: 2,
    stdout: "",
    stderr: 'Unknown command "bucket list". (`npm run admin -- --help` lists the commands.)\n',
  });
});

it.each([
  ["ok", 0],
  ["it was taken", 1],
])("exits with a code for a check whose steps end with %j", async (outcome, expected) => {
  const { endpoint } = await answer(200, JSON.stringify({ steps: [{ step: "refuse a second write", outcome }] }));
  const { code, stdout } = await admin(["remote", "check", "far", "bucket", "--endpoint", endpoint]);
  expect(code).toBe(expected);
  expect(stdout).toContain(outcome);
});

it("warns of buckets that still replicate to a remote that is removed", async () => {
  const { endpoint } = await answer(200, JSON.stringify({ name: "far", namedBy: ["a", "b"] }));
  const { code, stderr } = await admin(["remote", "remove", "far", "--json", "--endpoint", endpoint]);
  expect(code).toBe(0);
  expect(stderr).toMatch(/^Warning: .*: a, b\n$/);
});

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

async function answer(status: number, text: string): Promise<{ endpoint: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const listening = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (chunk: string) => {
      body += chunk;
    });
    request.on("end", () => {
      seen.push({ method: request.method, url: request.url, headers: request.headers, body });
      response.writeHead(status, { "content-type": "application/json", connection: "close" }).end(text);
    });
  });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const address = listening.address();
  if (address === null || typeof address === "string") throw new Error("no address");
  return { endpoint: `http://127.0.0.1:${address.port}`, seen };
}

function admin(args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const env = { PATH: process.env.PATH, ...keys };
    execFile(process.execPath, [main, ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}
