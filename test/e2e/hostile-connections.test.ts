/**
 * Clients that misbehave on the connection: they send bytes slowly, too few or too many of them, leave, or open very many
 * connections. The server stores what a request declared or nothing, and goes on serving others.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { AwsClient } from "aws4fetch";
import { beforeAll, describe, expect, inject, test } from "vitest";
import { newBucketName } from "../clients/support/tools.ts";

const server = inject("devServer");
const { hostname, port, host } = new URL(server.endpoint);
const aws = new AwsClient({ ...server, service: "s3", retries: 0 });
const bucket = newBucketName("hostile");

beforeAll(async () => {
  expect((await aws.fetch(`${server.endpoint}/${bucket}`, { method: "PUT" })).status).toBe(200);
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** What the server sends until the connection ends, or until it has sent an answer and `isEnough` says so. */
class Connection {
  readonly socket: Socket;
  readonly #received: Buffer[] = [];
  readonly #closed: Promise<unknown>;

  constructor() {
    this.socket = connect(Number(port), hostname);
    this.socket.on("data", (piece: Buffer) => this.#received.push(piece));
    // A reset is one of the ways in which a server ends a connection.
    this.socket.on("error", () => {});
    this.#closed = once(this.socket, "close");
  }

  get text(): string {
    return Buffer.concat(this.#received).toString("latin1");
  }

  send(bytes: string): Promise<void> {
    return new Promise((resolve) => this.socket.write(bytes, "latin1", () => resolve()));
  }

  /** Statuses of the answers, after the server has ended the connection. */
  async statuses(): Promise<number[]> {
    await this.#closed;
    return this.statusesNow();
  }

  statusesNow(): number[] {
    return [...this.text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status));
  }

  async answered(): Promise<number[]> {
    while (this.statusesNow().length === 0 && !this.socket.closed) await pause(5);
    return this.statusesNow();
  }

  end(): void {
    this.socket.destroy();
  }
}

/** The head of a signed request, whose payload is not signed. */
async function head(method: string, path: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const signed = await aws.sign(`http://${host}${path}`, { method });
  const lines = Object.entries({ host, connection: "close", ...Object.fromEntries(signed.headers), ...headers });
  return `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}

async function get(key: string): Promise<{ status: number; body: string }> {
  const response = await aws.fetch(`${server.endpoint}/${bucket}/${key}`);
  return { status: response.status, body: await response.text() };
}

describe("a body", () => {
  test("that ends before its Content-Length stores nothing, and keeps what was there", async () => {
    await aws.fetch(`${server.endpoint}/${bucket}/short`, { method: "PUT", body: "before" });
    const connection = new Connection();
    await connection.send(`${await head("PUT", `/${bucket}/short`, { "content-length": "1000" })}only this`);
    connection.socket.end();
    for (const status of await connection.statuses()) expect(status).toBeGreaterThanOrEqual(400);
    expect(await get("short")).toEqual({ status: 200, body: "before" });
  });

  test("longer than its Content-Length is stored up to it; the rest is no part of any object", async () => {
    const connection = new Connection();
    await connection.send(`${await head("PUT", `/${bucket}/long`, { "content-length": "5" })}12345and more`);
    expect((await connection.answered())[0]).toBe(200);
    connection.end();
    expect(await get("long")).toEqual({ status: 200, body: "12345" });
  });

  test("that comes a byte at a time is stored whole", async () => {
    const connection = new Connection();
    const body = "one byte after another";
    await connection.send(await head("PUT", `/${bucket}/slow`, { "content-length": String(body.length) }));
    for (const byte of body) {
      await connection.send(byte);
      await pause(5);
    }
    expect(await connection.statuses()).toEqual([200]);
    expect(await get("slow")).toEqual({ status: 200, body });
  });

  test.each([
    ["a chunk without a size", "zz\r\nabc\r\n0\r\n\r\n"],
    ["a chunk longer than its size", "1\r\nabc\r\n0\r\n\r\n"],
    ["a size beyond all numbers", `${"f".repeat(40)}\r\nabc\r\n0\r\n\r\n`],
  ])("in HTTP chunks with %s stores nothing", async (_why, chunks) => {
    const connection = new Connection();
    await connection.send(`${await head("PUT", `/${bucket}/chunked`, { "transfer-encoding": "chunked" })}${chunks}`);
    connection.socket.end();
    for (const status of await connection.statuses()) expect(status).toBeGreaterThanOrEqual(400);
    expect((await get("chunked")).status).toBe(404);
  });

  test("with both a length and chunks is one request at most: nothing of it is read as a second one", async () => {
    const connection = new Connection();
    const smuggled = await head("PUT", `/${bucket}/smuggled`, { "content-length": "0", connection: "keep-alive" });
    const both = { "content-length": "5", "transfer-encoding": "chunked", connection: "keep-alive" };
    await connection.send(`${await head("PUT", `/${bucket}/carrier`, both)}0\r\n\r\n${smuggled}`);
    await connection.answered();
    await pause(50);
    connection.end();
    expect((await get("smuggled")).status).toBe(404);
  });
});

test("a head that is too long or no head at all is refused", async () => {
  for (const text of [
    `GET /${"k".repeat(200_000)} HTTP/1.1\r\nhost: ${host}\r\n\r\n`,
    `GET / HTTP/1.1\r\nhost: ${host}\r\n${`x-a: ${"v".repeat(1_000)}\r\n`.repeat(2_000)}\r\n`,
    "\0\0\0\0\r\n\r\n",
    "GET\r\n\r\n",
    `GET / HTTP/9.9\r\nhost: ${host}\r\n\r\n`,
  ]) {
    const connection = new Connection();
    await connection.send(text);
    connection.socket.end();
    for (const status of await connection.statuses()) expect(status).toBeGreaterThanOrEqual(400);
  }
  expect((await get("long")).status).toBe(200);
});

test("others are served while hundreds of clients have sent half of a head, or half of a body", async () => {
  const slow = Array.from({ length: 300 }, () => new Connection());
  await Promise.all(
    slow.map(async (connection, index) => {
      const whole = `${await head("PUT", `/${bucket}/half-${index}`, { "content-length": "100" })}half`;
      return connection.send(index % 2 === 0 ? whole : whole.slice(0, 200));
    }),
  );
  expect(await get("long")).toEqual({ status: 200, body: "12345" });
  expect((await aws.fetch(`${server.endpoint}/${bucket}/beside`, { method: "PUT", body: "x" })).status).toBe(200);
  for (const connection of slow) connection.end();
  expect((await get("half-0")).status).toBe(404);
});

test("a thousand connections at once are all answered", async () => {
  const all = Array.from({ length: 1_000 }, () => new Connection());
  await Promise.all(
    all.map(async (connection, index) =>
      index % 4 === 0
        ? connection.send(`${await head("PUT", `/${bucket}/many-${index}`, { "content-length": "4" })}body`)
        : connection.send(await head("GET", `/${bucket}/long`)),
    ),
  );
  const statuses = new Set((await Promise.all(all.map((connection) => connection.statuses()))).flat());
  expect([...statuses]).toEqual([200]);
  expect(await get("many-996")).toEqual({ status: 200, body: "body" });
});

test("clients that leave in the middle of a download do not disturb others", async () => {
  const body = "0123456789".repeat(400_000);
  await aws.fetch(`${server.endpoint}/${bucket}/large`, { method: "PUT", body });
  for (let round = 0; round < 20; round++) {
    const connection = new Connection();
    await connection.send(await head("GET", `/${bucket}/large`));
    await connection.answered();
    connection.end();
  }
  expect((await get("large")).body === body).toBe(true);
});
