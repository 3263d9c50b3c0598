/** Errors that the platform documents and the simulators never have: every answer is a 503, and a client that repeats succeeds. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Env } from "../../../src/env.ts";
import { completionDocument, createUpload, newTarget, putPart, sendPart } from "../../support/multipart.ts";
import { interceptEnv } from "../../support/platform/intercept.ts";
import { encode, type SendOptions, send } from "../../support/request.ts";
import { errorOf, testEnv } from "../../support/s3.ts";

beforeEach(() => {
  vi.spyOn(console, "error").mockReturnValue();
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** Durable Objects "Troubleshooting" and "Error handling". */
const OBJECT_ERRORS: readonly [string, Record<string, boolean>, string][] = [
  ["Durable Object reset because its code was updated.", { retryable: true }, "ServiceUnavailable"],
  ["Connection closed: this Durable Object instance is no longer active.", { retryable: true }, "ServiceUnavailable"],
  ["Network connection lost.", { retryable: true }, "ServiceUnavailable"],
  ["Durable Object is overloaded. Requests queued for too long.", { overloaded: true }, "SlowDown"],
];

/** "Debug D1", "List of D1_ERRORs". */
const DATABASE_ERRORS = [
  "D1_ERROR: D1 DB reset because its code was updated.",
  "D1_ERROR: Internal error while starting up D1 DB storage caused object to be reset.",
  "D1_ERROR: Network connection lost.",
  "D1_ERROR: Internal error in D1 DB storage caused object to be reset.",
  "D1_ERROR: Cannot resolve D1 DB due to transient issue on remote node.",
  "D1_ERROR: D1 DB is overloaded. Requests queued for too long.",
  "D1_ERROR: D1 DB is overloaded. Too many requests queued.",
  "D1_ERROR: D1 DB's isolate exceeded its memory limit and was reset.",
];

/** The next call of the Durable Object fails, once. */
function restartingEnv(error: Error, when: "before" | "after"): Env {
  let isOver = false;
  return interceptEnv(testEnv, async (call, make) => {
    if (isOver || call.binding !== "UPLOADS") return make();
    isOver = true;
    if (when === "after") await make();
    throw error;
  });
}

describe.each(OBJECT_ERRORS)("a Durable Object that answers %j", (message, marks, code) => {
  it.each(["before", "after"] as const)("%s its work: parts and completions can be repeated", async (when) => {
    const target = await newTarget();
    const uploadId = await createUpload(target);
    const failing = () => restartingEnv(Object.assign(new Error(message), marks), when);
    const refused = await sendPart(target, uploadId, 1, "first", { env: failing() });
    expect(await errorOf(refused)).toMatchObject({ status: 503, code });
    const part = await putPart(target, uploadId, 1, "content");
    const completion: SendOptions = {
      ...target,
      method: "POST",
      query: `uploadId=${encode(uploadId)}`,
      body: completionDocument([part]),
    };
    expect(await errorOf(await send({ ...completion, env: failing() }))).toMatchObject({ status: 503, code });
    const completed = await send(completion);
    expect([completed.status, await completed.text()]).toEqual([200, expect.stringContaining("<ETag>")]);
    expect(await (await send(target)).text()).toBe("content");
  });
});

it.each([1, 2, 3])(
  "D1 fails every third call or so (seed %i): a client that repeats gets what it asks for",
  async (seed) => {
    let random = seed;
    const next = (count: number) => {
      random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((random / 2 ** 32) * count);
    };
    let failures = 0;
    const failing = interceptEnv(testEnv, async (call, make) => {
      if (call.binding !== "DB" || next(3) > 0) return make();
      failures++;
      if (next(2) === 0) await make();
      throw new Error(DATABASE_ERRORS[next(DATABASE_ERRORS.length)]);
    });
    // Nothing is cached, so every request asks D1.
    const env = { ...failing, CONFIG_TTL_SECONDS: "0" };
    const codes = new Set<string>();
    const patiently = async (request: SendOptions): Promise<string> => {
      for (let attempt = 0; attempt < 20; attempt++) {
        const response = await send({ ...request, env });
        if (response.status < 500) return `${response.status} ${await response.text()}`;
        codes.add((await errorOf(response)).code);
      }
      throw new Error("no success in 20 attempts");
    };
    const bucket = `restarts-${seed}-${Date.now()}`;
    expect(await patiently({ method: "PUT", bucket })).toMatch(/^(200|409 .*BucketAlreadyOwnedByYou)/s);
    for (const key of ["a", "b"]) expect(await patiently({ method: "PUT", bucket, key, body: key })).toBe("200 ");
    const policy = JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: `arn:aws:s3:::${bucket}/*` }],
    });
    expect(await patiently({ method: "PUT", bucket, query: "policy", body: policy })).toBe("204 ");
    expect(await patiently({ bucket, query: "policy" })).toBe(`200 ${policy}`);
    expect(await patiently({ bucket, key: "a", as: null })).toBe("200 a");
    expect(await patiently({ method: "DELETE", bucket, key: "a" })).toBe("204 ");
    expect(await patiently({ bucket })).not.toContain("<Key>a</Key>");
    expect(failures).toBeGreaterThan(3);
    expect([...codes].filter((code) => code !== "ServiceUnavailable" && code !== "SlowDown")).toEqual([]);
  },
);
