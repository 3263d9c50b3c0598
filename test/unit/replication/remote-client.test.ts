import { afterEach, describe, expect, it, vi } from "vitest";
import { RemoteClient, RemoteFailure, type RemoteRequest } from "../../../src/replication/remote-client.ts";

const REMOTE = {
  name: "far",
  endpoint: "https://s3.example",
  region: "eu-central-1",
  kind: "s3",
  accessKeyId: "AKIAFAR",
  accountIds: [],
  createdAt: new Date(0),
} as const;
const CREDENTIALS = { accessKeyId: "AKIAFAR", secretAccessKey: "the secret" };
const policy = { allowPrivate: false, ownHosts: ["own.example"] };

interface Sent {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
}

/** Answers every request in the same way and records what was sent. */
function answering(status: number, body = "", headers: Record<string, string> = {}): Sent[] {
  const sent: Sent[] = [];
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    sent.push({ url, method: init.method ?? "", headers: new Headers(init.headers) });
    return new Response(status === 204 ? null : body, { status, headers });
  });
  return sent;
}

/** Replaces the platform's FixedLengthStream, which Node does not have. */
class UncountedStream extends TransformStream {
  constructor(_sizeBytes: number) {
    super();
  }
}

function client(options: { until?: Date; endpoint?: string } = {}): RemoteClient {
  const { until = new Date(Date.now() + 60_000), endpoint = REMOTE.endpoint } = options;
  return new RemoteClient({ remote: { ...REMOTE, endpoint }, credentials: CREDENTIALS }, { policy, until });
}

async function failureOf(request: RemoteRequest, from = client()): Promise<RemoteFailure> {
  const error = await from.call("bucket", request).catch((caught: unknown) => caught);
  if (error instanceof RemoteFailure) return error;
  throw new Error("it did not fail");
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("RemoteClient", () => {
  it("sends bucket and key in path style, signed for the remote's region, without its secret", async () => {
    const sent = answering(200, "", { etag: '"x"' });
    const key = "a//b c/ü+%&=?#'";
    const { headers } = await client().call("bucket", { method: "PUT", key, query: "uploadId=1", body: "text" });
    expect(headers.get("etag")).toBe('"x"');
    const [request] = sent;
    expect(request?.url).toBe("https://s3.example/bucket/a//b%20c/%C3%BC%2B%25%26%3D%3F%23%27?uploadId=1");
    expect(request?.headers.get("authorization")).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIAFAR\/\d{8}\/eu-central-1\/s3\/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=[0-9a-f]{64}$/,
    );
    expect(request?.headers.get("x-amz-content-sha256")).toBe(
      "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1",
    );
    expect(JSON.stringify([...(request?.headers ?? [])])).not.toContain("the secret");
  });

  it("signs the headers of a replica", async () => {
    const sent = answering(204);
    const headers = { "x-amz-workers-s3-replica": "1.2.a" };
    await client().call("bucket", { method: "DELETE", key: "k", headers });
    expect(sent[0]?.headers.get("authorization")).toContain("x-amz-workers-s3-replica");
  });

  it.each<[why: string, status: number, body: string, code: string | undefined, message: string]>([
    [
      "an error document",
      403,
      '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code></Error>',
      "AccessDenied",
      "PUT: 403 AccessDenied",
    ],
    ["an error without a document", 500, "", undefined, "PUT: 500"],
    ["an error with another document", 502, "<html><Code>No</Code></html>", undefined, "PUT: 502"],
    [
      "an error document with status 200",
      200,
      "<Error><Code>InternalError</Code></Error>",
      "InternalError",
      "PUT: 200 InternalError",
    ],
  ])("fails on %s", async (_why, status, body, code, message) => {
    answering(status, body);
    expect(await failureOf({ method: "PUT", key: "k", body: "x" })).toMatchObject({ status, code, message });
  });

  it("fails without a status when the request is redirected or not answered", async () => {
    answering(301, "", { location: "https://own.example/" });
    expect(await failureOf({ method: "HEAD" })).toMatchObject({
      status: undefined,
      message: expect.stringMatching(/^HEAD: redirect/),
    });
    vi.stubGlobal("fetch", async () => {
      throw new TypeError("connection refused");
    });
    const { message } = await failureOf({ method: "HEAD" });
    expect(message).toBe("HEAD: unreachable: connection refused");
  });

  it.each(["a/../b", ".", "a/./b", ".."])(
    "sends no request for the key %j, which a URL cannot contain",
    async (key) => {
      const sent = answering(200);
      expect(await failureOf({ method: "PUT", key, body: "x" })).toMatchObject({ status: 400 });
      expect(sent).toEqual([]);
    },
  );

  it.each([
    ["a request without an object's bytes", undefined, 720, 60],
    ["a small object", 1, 720, 60],
    ["64 MiB", 64 * 1024 * 1024, 720, 124],
    ["an object too large for the remaining time", 5 * 1024 ** 3, 720, 720],
  ])("limits the time for %s", async (_why, sizeBytes, leftSeconds, seconds) => {
    answering(200);
    vi.stubGlobal("FixedLengthStream", UncountedStream);
    const timer = vi.spyOn(globalThis, "setTimeout");
    const from = client({ until: new Date(Date.now() + leftSeconds * 1000) });
    const stream = new Blob([]).stream();
    await from.call("bucket", {
      method: "PUT",
      key: "k",
      body: sizeBytes === undefined ? "text" : { stream, sizeBytes },
    });
    const timeouts = timer.mock.calls.map(([, milliseconds]) => Number(milliseconds) / 1000);
    expect(Math.max(...timeouts)).toBeCloseTo(seconds, 0);
    timer.mockRestore();
  });

  it("reports a request that is not answered in time", async () => {
    vi.stubGlobal("fetch", () => new Promise(() => {}));
    const from = client({ until: new Date(Date.now() + 50) });
    const body = { stream: new Blob([]).stream(), sizeBytes: 1 };
    vi.stubGlobal("FixedLengthStream", UncountedStream);
    expect(await failureOf({ method: "PUT", key: "k", body }, from)).toMatchObject({
      status: undefined,
      unanswered: "timeout",
    });
  });

  it("sends no request after the end of the attempt, except to clean up", async () => {
    const sent = answering(200);
    const late = client({ until: new Date(Date.now() - 1) });
    expect(await failureOf({ method: "PUT", key: "k", body: "x" }, late)).toMatchObject({
      message: expect.stringMatching(/too long/),
    });
    await late.call("bucket", { method: "DELETE", key: "k" });
    expect(sent.map(({ method }) => method)).toEqual(["DELETE"]);
  });
});

it.each(["http://127.0.0.1:8787", "https://own.example", "https://b.own.example", "https://metadata.internal"])(
  "a remote at %s is never called",
  (endpoint) => {
    expect(() => client({ endpoint })).toThrow(RemoteFailure);
  },
);
