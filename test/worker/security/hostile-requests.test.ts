/**
 * Hostile input, signed: requests of every operation and of the other surfaces with one damaged part. Each is answered, and not
 * with a fault of the server; error documents can be parsed; and an object that none of them names stays as it is.
 * `FUZZ_RUNS` is the number of requests for each operation, `SEED` chooses them.
 */
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { must } from "../../support/attack-client.ts";
import { ATTACK_EXAMPLES, type AttackExample, type AttackWorld, requestOf } from "../../support/attack-examples.ts";
import { signAs, type Unsigned } from "../../support/attack-signer.ts";
import { CONTENT, newAttackWorld, newSourceBucket, rootOwnerId, SOURCE_KEY } from "../../support/attacked-buckets.ts";
import { QUERY_API_FORMS } from "../../support/fuzz/corpus.ts";
import { damaged } from "../../support/fuzz/mutation.ts";
import { post } from "../../support/iam.ts";
import { HOST, handDirectly } from "../../support/request.ts";
import { ROOT, testEnv } from "../../support/s3.ts";

const runs = Reflect.get(env, "FUZZ_RUNS");
const numRuns = Number(runs || 4);
const seed = Number(Reflect.get(env, "SEED") || (runs ? Date.now() : 1));
const parameters = { numRuns, seed };

let canary: string;
let world: AttackWorld;

beforeAll(async () => {
  const [sourceBucket, ownerId] = [await newSourceBucket(), await rootOwnerId()];
  canary = `/${await newSourceBucket()}/${SOURCE_KEY}`;
  world = await newAttackWorld({ ownerId, sourceBucket, needs: { emptyBucket: true, upload: true } });
});

/** What is wrong with an answer; undefined if a client may see it. */
async function faultOf(response: Response): Promise<string | undefined> {
  const text = await response.text();
  if (response.status >= 500 && response.status !== 501) return `${response.status} ${text}`;
  if (response.status < 300 || text === "") return undefined;
  const isXml = response.headers.get("content-type")?.startsWith("application/xml") ?? false;
  return !isXml || /<Code>\w/.test(text) ? undefined : `an error document without a code: ${text}`;
}

type Part = "path" | "query" | "headers" | "body";

/** One part of the request, damaged. The text of other requests is spliced in too. */
function damagedRequest(example: AttackExample, { url, headers, body, method }: Unsigned): fc.Arbitrary<Unsigned> {
  const [, origin = "", path = "", query = ""] = /^(http:\/\/[^/]+)([^?]*)(?:\?(.*))?$/.exec(url) ?? [];
  const lines = Object.entries(headers ?? {}).map(([name, value]) => `${name}: ${value}`);
  const texts: Record<Part, string> = { path, query, headers: lines.join("\n"), body: String(body ?? "") };
  const parts = (["path", "query", "headers", "body"] as const).filter((part) => part === "path" || texts[part] !== "");
  const others = ["a=b&c", "x-amz-meta-a: b\nrange: bytes=0-1\nif-match: *", "<a><b/></a>"];
  return fc.constantFrom(...parts).chain((part) =>
    damaged([texts[part], ...others]).map((text) => {
      const damagedTexts = { ...texts, [part]: part === "headers" ? asciiOf(text) : text.toWellFormed() };
      const target = encodeURI(damagedTexts.path.startsWith("/") ? damagedTexts.path : `/${damagedTexts.path}`);
      const sent = encodeURI(damagedTexts.query).replaceAll("#", "%23");
      return {
        method,
        url: `${origin}${target.replaceAll("?", "%3F").replaceAll("#", "%23")}${sent === "" ? "" : `?${sent}`}`,
        headers: headersIn(damagedTexts.headers),
        ...(example.body !== undefined && { body: damagedTexts.body }),
      };
    }),
  );
}

/** Other characters are bytes to a socket, and the platform warns about them here. */
function asciiOf(text: string): string {
  return text.replaceAll(/[^\0-\x7f]/g, "?");
}

function headersIn(text: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) headers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
  }
  return headers;
}

/** Undefined if the platform itself would have refused it: then the Worker never sees it. */
function signed(request: Unsigned): Request | undefined {
  try {
    return signAs(ROOT, "header, unsigned payload", request);
  } catch (error) {
    if (error instanceof TypeError || error instanceof URIError) return undefined;
    throw error;
  }
}

describe("a damaged request is answered, and not with a fault of the server", () => {
  it.each(Object.keys(ATTACK_EXAMPLES))("%s", async (name) => {
    const example = ATTACK_EXAMPLES[name as keyof typeof ATTACK_EXAMPLES];
    if (example === undefined) throw new Error(`${name} has no example`);
    const whole = requestOf(example, world, HOST);
    await fc.assert(
      fc.asyncProperty(damagedRequest(example, whole), async (request) => {
        const sent = signed(request);
        if (sent !== undefined) expect(await faultOf(await handDirectly(sent, testEnv))).toBeUndefined();
      }),
      parameters,
    );
    expect((await must({ path: canary, as: ROOT })).text).toBe(CONTENT);
  });

  it.each(["iam", "sts", "sns"] as const)("of %s", async (service) => {
    await fc.assert(
      fc.asyncProperty(damaged(QUERY_API_FORMS), async (body) => {
        expect(await faultOf(await post({ service, body, as: ROOT, env: testEnv }))).toBeUndefined();
      }),
      { ...parameters, numRuns: numRuns * 10 },
    );
  });

  it("of the admin API", async () => {
    const paths = ["/-/admin/accounts", "/-/admin/keys/AKIAX", "/-/admin/accounts/000000000000/keys", "/-/health"];
    const bodies = [
      '{"displayName":"x","status":"Inactive"}',
      '{"name":"r","endpoint":"https://a.example","keys":[1]}',
    ];
    const method = fc.constantFrom("GET", "POST", "PATCH", "DELETE", "PUT");
    await fc.assert(
      fc.asyncProperty(method, damaged(paths), damaged(bodies), async (name, path, body) => {
        const url = `http://${HOST}${encodeURI(path.toWellFormed()).replace(/^\/*/, "/").replaceAll("#", "%23")}`;
        const sent = new Request(url, { method: name, ...(name !== "GET" && { body }) });
        expect(await faultOf(await handDirectly(sent, testEnv))).toBeUndefined();
        const asRoot = signAs(ROOT, "header, literal payload", { method: name, url, ...(name !== "GET" && { body }) });
        expect(await faultOf(await handDirectly(asRoot, testEnv))).toBeUndefined();
      }),
      { ...parameters, numRuns: numRuns * 10 },
    );
  });
});

describe("a damaged signature", () => {
  it.each([
    "header, unsigned payload",
    "presigned, unsigned payload",
    "header, version 2",
    "presigned, version 2",
  ] as const)("%s, gives no access", async (form) => {
    const url = `http://${HOST}${canary}`;
    const genuine = signAs(ROOT, form, { method: "GET", url });
    const authorization = genuine.headers.get("authorization") ?? "";
    const target = genuine.url.slice(url.length);
    const text = authorization === "" ? target : authorization;
    await fc.assert(
      fc.asyncProperty(damaged([text]).map(asciiOf), async (changed) => {
        const headers = new Headers(genuine.headers);
        let sent: Request;
        try {
          if (authorization !== "") headers.set("authorization", changed);
          sent = new Request(authorization === "" ? `${url}${encodeURI(changed).replaceAll("#", "%23")}` : url, {
            headers,
          });
        } catch {
          return;
        }
        fc.pre(!isSame(text, changed, authorization === ""));
        const response = await handDirectly(sent, testEnv);
        const answer = await response.text();
        expect(response.status, answer).toBeGreaterThanOrEqual(400);
        expect(response.status, answer).toBeLessThan(500);
        expect(answer).not.toContain(CONTENT);
      }),
      { ...parameters, numRuns: numRuns * 20 },
    );
  });
});

/** Whether the change says the same: blanks and commas between parts, a parameter repeated, letters of the hex digits. */
function isSame(text: string, changed: string, isQuery: boolean): boolean {
  const reduced = (from: string) =>
    isQuery
      ? [
          ...new Set(
            from
              .replace(/^\?/, "")
              .split("&")
              .filter((part) => part !== ""),
          ),
        ]
          .sort()
          .join("&")
      : from.replaceAll(/[\s,]/g, "");
  return reduced(text) === reduced(changed);
}
