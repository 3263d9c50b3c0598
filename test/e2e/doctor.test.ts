/**
 * `npm run admin -- doctor` against a healthy server, and through proxies of which each has one fault: that is named, and no
 * other check is blamed for it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AwsClient } from "aws4fetch";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHECKS } from "../../cli/doctor/checks/index.ts";
import { type Result, runDoctor } from "../../cli/doctor/run.ts";
import { World } from "../../cli/doctor/world.ts";
import { startTlsFront } from "../clients/support/tls-front.ts";
import { temporaryFolder } from "../clients/support/tools.ts";
import { startTestServer, type TestServer } from "../support/dev-server.ts";
import * as faults from "../support/doctor/faults.ts";
import { type Certificate, type Fault, startProxy } from "../support/doctor/proxy.ts";

const CRONS = ["* * * * *", "*/2 * * * *", "1-59/2 * * * *", "*/10 * * * *"];
const MIB = 2 ** 20;
/** Of a server for http on this machine with the settings of wrangler.toml. */
const ALWAYS_SKIPPED = ["tls", "https-only", "http2", "edge-cache"];
const NEEDED = ["reachable", "health", "signature", "admin-api", "bucket"];
/** They depend on no proxy, and take longest. */
const LEFT_OUT = ["queues", "write-races", "delete-many", "latency"];

const temporary = temporaryFolder();
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ CONFIG_TTL_SECONDS: "1" });
  for (const cron of CRONS) await server.runScheduled(cron, Date.now());
});

afterAll(async () => {
  const { accessKeyId, secretAccessKey, endpoint } = server;
  const client = new AwsClient({ accessKeyId, secretAccessKey, service: "s3", region: "us-east-1" });
  const listed = await (await client.fetch(`${endpoint}/`)).text();
  await server.stop();
  expect(listed).not.toContain("doctor-");
});

interface Extent {
  readonly uploadMib?: number;
  readonly timeoutMs?: number;
  /** Only this check and those that it needs. */
  readonly only?: string;
  /** Https, by HTTP/2 too. */
  readonly certificate?: Certificate;
}

async function diagnose(fault: Fault, extent: Extent = {}): Promise<readonly Result[]> {
  const { uploadMib = 1, timeoutMs = 20_000, only, certificate } = extent;
  const proxy = await startProxy(server.port, fault, certificate);
  const world = new World({
    endpoint: new URL(proxy.endpoint),
    keys: server,
    timeoutMs,
    msPerMib: 0,
    uploadBytes: uploadMib * MIB,
    waitMs: 0,
    signal: new AbortController().signal,
    ...(certificate !== undefined && { ca: certificate.cert }),
  });
  let text = "";
  const isUsed = (name: string) =>
    only === undefined ? !LEFT_OUT.includes(name) : NEEDED.includes(name) || name === only;
  const checks = CHECKS.filter(({ name }) => isUsed(name));
  const code = await runDoctor({ world, checks, isJson: true, print: (piece) => (text += piece) });
  await proxy.close();
  const { results } = JSON.parse(text) as { results: Result[] };
  expect(code).toBe(results.some(({ outcome }) => outcome === "fail") ? 1 : 0);
  expect(text).not.toContain(server.secretAccessKey);
  return results;
}

const namesOf = (results: readonly Result[], ...outcomes: readonly string[]) =>
  results.filter(({ outcome }) => outcomes.includes(outcome)).map(({ name }) => name);

interface Case {
  readonly what: string;
  readonly fault: Fault;
  readonly check: string;
  readonly detail: RegExp;
  readonly remedy: RegExp;
  readonly outcome?: "warn";
  /** Another form of a fault that is tried with all checks. */
  readonly isOnly?: true;
  /** Further checks that are skipped. */
  readonly skipped?: readonly string[];
  readonly uploadMib?: number;
  readonly timeoutMs?: number;
}

const CASES: readonly Case[] = [
  {
    what: "folds paths",
    fault: faults.foldsPaths,
    check: "paths",
    detail: /two slashes: \/BUCKET\/paths\/a\/\/b arrives as \/BUCKET\/paths\/a\/b(.|\n)*the segment \.\.: /,
    remedy: /Normalize incoming URLs/,
  },
  {
    what: "lowers the letters of paths",
    isOnly: true,
    fault: faults.lowersPaths,
    check: "paths",
    detail: /^1 of 25 [^\n]*\nletters in both cases: .* arrives as \/BUCKET\/paths\/case\/mixed$/,
    remedy: /pass the path unchanged/,
  },
  {
    what: "decodes %2F",
    isOnly: true,
    fault: faults.decodesSlashes,
    check: "paths",
    detail: /^1 of 25 [^\n]*\n%2F: .* arrives as \/BUCKET\/paths\/slash\/x$/,
    remedy: /pass the path unchanged/,
  },
  {
    what: "compresses answers",
    fault: faults.compresses,
    check: "compression",
    detail: /gzip for a client that accepts gzip, without Content-Length, with a weak ETag/,
    remedy: /Compression Rules/,
  },
  {
    what: "compresses answers for clients that accept nothing",
    isOnly: true,
    fault: faults.compressesForAll,
    check: "compression",
    detail: /gzip for a client that accepts no coding/,
    remedy: /no-transform/,
  },
  {
    what: "decompresses what is stored compressed",
    isOnly: true,
    fault: faults.decompressesStored,
    check: "stored-encoding",
    detail: /gzip, whole, for a client that accepts identity: Content-Encoding is removed/,
    remedy: /no-transform/,
  },
  {
    what: "caps bodies at 1 MB",
    fault: faults.capsBodies,
    check: "request-size",
    detail: /1 MiB is refused \(413/,
    remedy: /client_max_body_size/,
    skipped: ["multipart"],
    uploadMib: 12,
  },
  {
    what: "drops metadata",
    fault: faults.dropsMetadata,
    check: "request-headers",
    detail: /^4 of 13 headers do not arrive\n(.|\n)*x-amz-meta-color: is removed/,
    remedy: /Transform Rules/,
  },
  {
    what: "renames metadata in answers",
    isOnly: true,
    fault: faults.renamesMetadata,
    check: "request-headers",
    detail: /x-amz-meta-color: is not in the answer to HEAD/,
    remedy: /Transform Rules/,
  },
  {
    what: "drops header names with a dot",
    isOnly: true,
    fault: faults.dropsDottedNames,
    check: "request-headers",
    detail: /^1 of 13 headers do not arrive\nx-amz-meta-dotted.name: is removed/,
    remedy: /use metadata names of letters, digits and hyphens/,
    outcome: "warn",
  },
  {
    what: "drops Range",
    fault: faults.dropsRange,
    check: "range",
    detail: /Range is removed/,
    remedy: /let it pass/,
  },
  {
    what: "drops conditional headers",
    isOnly: true,
    fault: faults.dropsConditions,
    check: "conditions",
    detail: /GET with if-none-match: .* is answered 200, not 304/,
    remedy: /conditional headers/,
  },
  {
    what: "caches everything",
    fault: faults.caches(),
    check: "cache",
    detail:
      /a signed GET after an overwrite answers the old object \(age: 1, x-cache: HIT\)(.|\n)*a presigned GET after a deletion/,
    remedy: /Cache Rules/,
  },
  {
    what: "encodes e-mail addresses of pages",
    fault: faults.rewritesHtml,
    check: "bodies",
    detail: /text\/html(.|\n)*e-mail addresses are encoded/,
    remedy: /"Email Address Obfuscation" off/,
  },
  {
    what: "challenges some clients",
    fault: faults.challengesAgents,
    check: "user-agents",
    detail: /^3 of 15 are refused\nGo's own client: a challenge page/,
    remedy: /Bot fight mode/,
  },
  {
    what: "blocks text that resembles SQL",
    fault: faults.blocksSql,
    check: "unusual-content",
    detail: /^1 of 16 are refused\nSQL text: 403, Cloudflare's page of the WAF/,
    remedy: /Security rules/,
  },
  {
    what: "shifts the Date",
    fault: faults.shiftsDate,
    check: "clock",
    detail: /Date is 3[56]\d\d s behind this machine's clock/,
    remedy: /let it pass/,
  },
  {
    what: "strips the quotes of ETags",
    fault: faults.stripsEtagQuotes,
    check: "etag",
    detail: /an ETag without quotes/,
    remedy: /ETags/,
  },
  {
    what: "weakens ETags",
    isOnly: true,
    fault: faults.weakensEtags,
    check: "etag",
    detail: /a weak ETag in the answer to PUT: W\/"/,
    remedy: /ETags/,
  },
  {
    what: "buffers answers and drops their length",
    fault: faults.dropsLength,
    check: "content-length",
    detail: /GET, accepting identity: none\nHEAD, accepting identity: none/,
    remedy: /proxy_buffering off/,
  },
  {
    what: "answers OPTIONS itself",
    fault: faults.answersOptions,
    check: "cors",
    detail: /the preflight: 405 with an HTML page \("405 Not Allowed"\)/,
    remedy: /OPTIONS/,
  },
  {
    what: "takes large uploads and never answers",
    fault: faults.swallowsUploads,
    check: "request-size",
    detail: /no answer within/,
    remedy: /holds the request or its answer/,
    skipped: ["multipart"],
    timeoutMs: 4_000,
  },
];

describe("through a proxy that has one fault, doctor names that fault and blames no other check", () => {
  test.concurrent.each(CASES)("$what", async ({ fault, check, detail, remedy, outcome = "fail", ...rest }) => {
    const { skipped = [], uploadMib, timeoutMs, isOnly } = rest;
    const results = await diagnose(fault, {
      ...(uploadMib !== undefined && { uploadMib }),
      ...(timeoutMs !== undefined && { timeoutMs }),
      ...(isOnly && { only: check }),
    });
    const found = results.filter(({ outcome }) => outcome === "fail" || outcome === "warn");
    expect(found.map(({ name, outcome }) => `${outcome} ${name}`)).toEqual([`${outcome} ${check}`]);
    expect(found[0]?.detail).toMatch(detail);
    expect(found[0]?.remedy).toMatch(remedy);
    if (isOnly) return;
    const expected = [...ALWAYS_SKIPPED, ...(skipped.includes("multipart") ? [] : ["multipart"]), ...skipped];
    expect(namesOf(results, "skipped").sort()).toEqual(expected.sort());
  });
});

interface Stop {
  readonly what: string;
  readonly fault: Fault;
  readonly check: "reachable" | "signature";
  readonly detail: RegExp;
  readonly remedy: RegExp;
}

const STOPS: readonly Stop[] = [
  {
    what: "never answers",
    fault: faults.hangs,
    check: "reachable",
    detail: /^no answer within 0.5 s$/,
    remedy: /a proxy, or a firewall/,
  },
  {
    what: "challenges every request",
    fault: faults.challengesAll,
    check: "reachable",
    detail: /a challenge page of Cloudflare/,
    remedy: /Bot fight mode/,
  },
  {
    what: "asks for a login",
    fault: faults.asksForLogin,
    check: "reachable",
    detail: /the login page of Cloudflare Access$/,
    remedy: /Access > Applications/,
  },
  {
    what: "removes Authorization",
    fault: faults.dropsAuthorization,
    check: "signature",
    detail: /the signature did not arrive/,
    remedy: /removes `Authorization`/,
  },
  {
    what: "changes Host",
    fault: faults.changesHost,
    check: "signature",
    detail: /Host is "127.0.0.1:\d+" and arrives as "upstream.internal"/,
    remedy: /must forward `Host`/,
  },
];

test.concurrent.each(STOPS)(
  "through a proxy that $what, doctor says so and stops",
  async ({ fault, check, ...rest }) => {
    const results = await diagnose(fault, { timeoutMs: fault === faults.hangs ? 500 : 20_000 });
    expect(namesOf(results, "fail", "warn")).toEqual([check]);
    const found = results.find(({ name }) => name === check);
    expect(found?.detail).toMatch(rest.detail);
    expect(found?.remedy).toMatch(rest.remedy);
    const others = results.filter(({ outcome }) => outcome === "ok").map(({ name }) => name);
    expect(others).toEqual(check === "reachable" ? ["clean-up"] : ["reachable", "clock", "health", "clean-up"]);
  },
);

/** The one that `startTlsFront` has made. */
function certificate(): Certificate {
  const read = (name: string) => readFileSync(join(temporary, name), "utf8");
  return { key: read("tls-key.pem"), cert: read("tls-certificate.pem") };
}

const MAIN = join(import.meta.dirname, "../../cli/main.ts");

function doctor(endpoint: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const { accessKeyId, secretAccessKey } = server;
  const keys = { ROOT_ACCESS_KEY_ID: accessKeyId, ROOT_SECRET_ACCESS_KEY: secretAccessKey };
  const child = spawn(process.execPath, [MAIN, "doctor", "--endpoint", endpoint, ...args], {
    env: { ...process.env, ...keys, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said.stderr += text));
  return { child, said, ended: once(child, "close").then(([code]) => ({ code: code as number, ...said })) };
}

describe("npm run admin -- doctor", () => {
  test.concurrent("a healthy server passes every check, and the exit code is 0", async () => {
    const { code, stdout, stderr } = await doctor(server.endpoint, ["--json", "--wait", "5"]).ended;
    const { results } = JSON.parse(stdout) as { results: Result[] };
    expect({ code, stderr, faults: results.filter(({ outcome }) => outcome === "fail" || outcome === "warn") }).toEqual(
      {
        code: 0,
        stderr: "",
        faults: [],
      },
    );
    expect(namesOf(results, "skipped")).toEqual(ALWAYS_SKIPPED);
    expect(results.map(({ name }) => name)).toEqual([...CHECKS.map(({ name }) => name), "clean-up"]);
  });

  test.concurrent("Ctrl-C removes what was made", async () => {
    const { child, said, ended } = doctor(server.endpoint, ["--wait", "0"]);
    child.stdout.on("data", () => {
      if (/^ok +bucket /m.test(said.stdout) && !child.killed) child.kill("SIGINT");
    });
    const { code, stdout } = await ended;
    expect(code).toBe(130);
    expect(stdout).toMatch(/^ok +clean-up +bucket doctor-[0-9a-f]{16} is removed$/m);
    expect(stdout).not.toMatch(/ request-size /);
  });

  test.concurrent("over https it checks the certificate and sends customers' keys", async () => {
    const front = await startTlsFront(server.port, temporary);
    const untrusted = await doctor(front.endpoint, ["--wait", "0"]).ended;
    expect(untrusted.code).toBe(1);
    expect(untrusted.stdout).toMatch(/^FAIL +reachable +no trusted authority has issued the certificate/m);
    await front.close();
    const results = await diagnose({}, { certificate: certificate() });
    // The certificate is for two days.
    expect(namesOf(results, "fail", "warn")).toEqual(["tls", "website-hosts"]);
    expect(results.find(({ name }) => name === "website-hosts")?.detail).toMatch(
      /^the certificate does not cover doctor-[0-9a-f]+\.website\.localhost$/,
    );
    expect(results.find(({ name }) => name === "tls")?.detail).toMatch(
      /^TLSv1\.[23], certificate of 127.0.0.1 for 1 more days$/,
    );
    for (const name of ["customer-keys", "http2"]) {
      expect(results.find((result) => result.name === name)).toMatchObject({ name, outcome: "ok" });
    }
    const spoiled = await diagnose(faults.spoilsHttp2, { certificate: certificate(), only: "http2" });
    expect(namesOf(spoiled, "fail", "warn")).toEqual(["http2"]);
    expect(spoiled.find(({ name }) => name === "http2")?.detail).toMatch(
      /^GET, accepting identity: ETag: W\/"\w+", Content-Length: none\nHEAD, accepting identity: ETag: W/,
    );
  });
});
