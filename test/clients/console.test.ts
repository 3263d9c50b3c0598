/** The console of `npm start`, by the Host header on one socket. */
import { request } from "node:http";
import { expect, inject, test } from "vitest";

const { port, endpoint, region } = inject("devServer");
const HOST = `console.localhost:${port}`;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

function get(path: string, headers: Record<string, string>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, path, headers }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
      response.on("error", reject);
    });
    sent.on("error", reject);
    sent.end();
  });
}

test("the console's host serves the page, its files and its settings", async () => {
  const page = await get("/", { host: HOST });
  expect(page.status).toBe(200);
  expect(page.headers["content-security-policy"]).toContain(`connect-src 'self' ${endpoint};`);
  const [, script = ""] = /<script[^>]* src="([^"]+)"/.exec(page.body) ?? [];
  expect((await get(script, { host: HOST })).headers["content-type"]).toBe("text/javascript; charset=utf-8");
  const settings = await get("/config.json", { host: HOST });
  expect(JSON.parse(settings.body)).toEqual({ s3Endpoint: endpoint, region });
});

test.each(["/../config.json", "/./config.json", "//config.json", "/assets/../config.json", "/%63onfig.json"])(
  "the console's host has nothing at %s",
  async (path) => {
    expect((await get(path, { host: HOST })).status).toBe(404);
  },
);

test("the console's origin can read what the S3 host answers, another port cannot", async () => {
  const answer = await get("/-/health", { host: `127.0.0.1:${port}`, origin: `http://${HOST}` });
  expect(answer.headers["access-control-allow-origin"]).toBe(`http://${HOST}`);
  const other = await get("/-/health", { host: `127.0.0.1:${port}`, origin: "http://console.localhost:1" });
  expect(other.headers["access-control-allow-origin"]).toBeUndefined();
});

test("dot segments reach the S3 host as they were sent", async () => {
  const { status, body } = await get("/bucket-of-nobody/a/../b/./c", { host: `127.0.0.1:${port}` });
  expect(status).toBe(404);
  expect(body).toContain("<BucketName>bucket-of-nobody</BucketName>");
  // Folded, it would name another bucket.
  expect((await get("/bucket-of-nobody/../other/c", { host: `127.0.0.1:${port}` })).body).toContain("bucket-of-nobody");
});
