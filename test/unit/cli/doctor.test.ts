import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { elementOf, elementsOf, explain, explainSilence, seenHeaders, seenPath } from "../../../cli/doctor/blame.ts";
import { type Check, Ended, fail, ok, skipped, warn } from "../../../cli/doctor/check.ts";
import { CHECKS } from "../../../cli/doctor/checks/index.ts";
import { parseEndpoint } from "../../../cli/doctor/command.ts";
import { inGroups } from "../../../cli/doctor/groups.ts";
import { type Answer, NoAnswer } from "../../../cli/doctor/http.ts";
import { EXIT, formatResult, runDoctor } from "../../../cli/doctor/run.ts";
import { encodePath, encodeQuery, SIGNED_CHUNKS, sha256, signChunks, signHeaders } from "../../../cli/doctor/sign.ts";
import { World } from "../../../cli/doctor/world.ts";

/** "Examples: Signature calculations" of AWS's documentation. */
const KEYS = {
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  region: "us-east-1",
};
const NOW = new Date("2013-05-24T00:00:00Z");

describe("signatures", () => {
  it("are those of AWS's example of a GET", () => {
    const headers = { host: "examplebucket.s3.amazonaws.com", range: "bytes=0-9" };
    const request = { method: "GET", path: "/test.txt", query: "", headers, payloadHash: sha256("") };
    expect(signHeaders(request, KEYS, NOW).headers.authorization).toBe(
      "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    );
  });

  it("are those of AWS's example of a listing", () => {
    const headers = { host: "examplebucket.s3.amazonaws.com" };
    const request = { method: "GET", path: "/", query: "max-keys=2&prefix=J", headers, payloadHash: sha256("") };
    expect(signHeaders(request, KEYS, NOW).signature).toBe(
      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    );
  });

  it("are those of AWS's example of signed chunks", () => {
    const headers = {
      host: "s3.amazonaws.com",
      "content-encoding": "aws-chunked",
      "content-length": "66824",
      "x-amz-decoded-content-length": "66560",
      "x-amz-storage-class": "REDUCED_REDUNDANCY",
    };
    const request = { method: "PUT", path: "/examplebucket/chunkObject.txt", query: "", headers };
    const seed = signHeaders({ ...request, payloadHash: SIGNED_CHUNKS }, KEYS, NOW);
    expect(seed.signature).toBe("4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
    const body = signChunks(Buffer.alloc(66560, "a"), seed, KEYS).toString();
    expect(body.length).toBe(66824);
    expect([...body.matchAll(/chunk-signature=(\w+)/g)].map(([, signature]) => signature)).toEqual([
      "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
      "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
      "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    ]);
  });

  it("encode bytes as UriEncode does", () => {
    expect(encodePath("a b/ü+~!*")).toBe("a%20b/%C3%BC%2B~%21%2A");
    expect(encodeQuery("a b/ü+~!*")).toBe("a%20b%2F%C3%BC%2B~%21%2A");
  });
});

function answer(status: number, body: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers, body: Buffer.from(body), milliseconds: 1, isContinued: false };
}

describe("an unexpected answer", () => {
  const xml = '<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>No\u0007.</Message></Error>';
  const page = { "content-type": "text/html; charset=UTF-8" };

  it.each([
    ["S3's error", answer(403, xml), "403 AccessDenied: No?.", undefined],
    [
      "the admin API's error",
      answer(404, '{"error":{"code":"NotFound","message":"no"}}'),
      "404 NotFound: no",
      undefined,
    ],
    [
      "a challenge",
      answer(403, "", { "cf-mitigated": "challenge" }),
      "a challenge page of Cloudflare",
      /Bot fight mode/,
    ],
    [
      "a challenge by its page",
      answer(503, "<title>Just a moment...</title>", page),
      "challenge page",
      /Bot fight mode/,
    ],
    ["the Browser Integrity Check", answer(403, "error code: 1010"), "1010", /Browser Integrity Check/],
    ["a rate limit", answer(429, "error code: 1015"), "1015", /rate limiting/],
    ["a firewall rule", answer(403, "error code: 1020"), "a rule that blocks", /Security rules/],
    ["the WAF", answer(403, "<title>Attention Required! | Cloudflare</title>", page), "the WAF", /names the rule/],
    ["the CPU limit", answer(503, "error code: 1102"), "CPU time", /Workers Paid/],
    ["an exception", answer(500, "error code: 1101"), "an exception", /wrangler tail/],
    ["a missing record", answer(530, "error code: 1016"), "DNS record", /--domain/],
    [
      "Access",
      answer(302, "", { location: "https://a.cloudflareaccess.com/x?token=1" }),
      "Cloudflare Access",
      /Access/,
    ],
    [
      "a redirect",
      answer(301, "", { location: "https://b.example/x?secret=1" }),
      "a redirect to https://b.example/x",
      undefined,
    ],
    ["a size limit", answer(413, ""), "413, the request is too large", undefined],
    [
      "another page",
      answer(502, "<html><title>Bad\u001b[2J</title>", page),
      '502 with an HTML page ("Bad?[2J")',
      undefined,
    ],
    ["nothing", answer(500, ""), "500 without a body", undefined],
    ["other bytes", answer(200, "abc"), "200 with 3 bytes", undefined],
  ])("is explained: %s", (_what, given, what, remedy) => {
    const blame = explain(given);
    expect(blame.what).toContain(what);
    if (remedy === undefined) expect(blame.remedy).toBeUndefined();
    else expect(blame.remedy).toMatch(remedy);
    expect(blame.what).not.toContain("secret");
  });

  it("shows the path and the headers that the Worker saw", () => {
    const canonical = "GET\n/b/a%20b&amp;\n\nhost:h:1\nrange:\n\nhost;range\nUNSIGNED-PAYLOAD";
    const given = answer(403, `<Error><CanonicalRequest>${canonical}</CanonicalRequest></Error>`);
    expect(seenPath(given)).toBe("/b/a%20b&");
    expect([...(seenHeaders(given) ?? [])]).toEqual([
      ["host", "h:1"],
      ["range", ""],
    ]);
    expect(seenPath(answer(403, xml))).toBeUndefined();
  });

  it("is read as XML with its entities", () => {
    expect(elementOf("<a><b>x &lt;&#38;&#x41;&gt;</b></a>", "b")).toBe("x <&A>");
    expect(elementsOf("<b>1</b><c>2</c><b>3</b>", "b")).toEqual(["1", "3"]);
    expect(elementOf("<b><c>1</c></b>", "b")).toBeUndefined();
  });
});

it.each([
  ["ENOTFOUND", "s3.example.com does not resolve", /DNS record/],
  ["ECONNREFUSED", "nothing listens", /port/],
  ["timeout", "no answer within 20 s", /proxy/],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "does not cover s3.example.com", /one label/],
  ["CERT_HAS_EXPIRED", "has expired", /Renew/],
  ["EPROTO", "TLS handshake", /SSL\/TLS/],
  ["ECONNRESET", "ended without an answer", undefined],
])("silence is explained: %s", (code, what, remedy) => {
  const blame = explainSilence(new NoAnswer(code, "no answer within 20 s"), "s3.example.com");
  expect(blame.what).toContain(what);
  if (remedy === undefined) expect(blame.remedy).toBeUndefined();
  else expect(blame.remedy).toMatch(remedy);
});

describe("a run", () => {
  const world = () =>
    new World({
      endpoint: new URL("http://127.0.0.1:9/"),
      keys: KEYS,
      timeoutMs: 1000,
      msPerMib: 0,
      uploadBytes: 0,
      waitMs: 0,
      signal: new AbortController().signal,
    });
  const check = (name: string, run: Check["run"], needs: readonly string[] = []): Check => ({
    ...{ name, sends: "s", expects: "e", remedy: `remedy of ${name}`, needs, run },
  });

  async function results(...checks: readonly Check[]) {
    let text = "";
    const code = await runDoctor({ world: world(), checks, isJson: true, print: (piece) => (text += piece) });
    const { results: all } = JSON.parse(text) as {
      results: { name: string; outcome: string; detail: string; remedy?: string }[];
    };
    return {
      code,
      all: all.map(({ name, outcome, detail, remedy }) => [name, outcome, detail, ...(remedy ? [remedy] : [])]),
    };
  }

  const CLEAN_UP = ["clean-up", "ok", "nothing was made"];

  it("skips what needs a check that failed or was skipped, and ends with 1", async () => {
    const { code, all } = await results(
      check("a", async () => fail("broken")),
      check("b", async () => ok("unused"), ["a"]),
      check("c", async () => ok("unused"), ["b"]),
      check("d", async () => warn("careful", "its own"), []),
      check("e", async () => ok("fine"), ["d"]),
    );
    expect(code).toBe(EXIT.failed);
    expect(all).toEqual([
      ["a", "fail", "broken", "remedy of a"],
      ["b", "skipped", "needs a"],
      ["c", "skipped", "needs b"],
      ["d", "warn", "careful", "its own"],
      ["e", "ok", "fine"],
      CLEAN_UP,
    ]);
  });

  it("ends with 0 if nothing failed", async () => {
    expect(
      (
        await results(
          check("a", async () => warn("careful")),
          check("b", async () => skipped("why")),
        )
      ).code,
    ).toBe(0);
  });

  it("goes on after a check that throws, and gives up after three that get no answer", async () => {
    const silence = async () => Promise.reject(new NoAnswer("timeout", "no answer within 1 s"));
    const { all } = await results(
      check("a", async () => Promise.reject(new Ended(fail("inside")))),
      check("b", async () => Promise.reject(new Error("a fault"))),
      check("c", silence),
      check("d", silence),
      check("e", silence),
      check("f", async () => ok("unused")),
    );
    expect(all.map(([name, outcome, detail]) => [name, outcome, detail])).toEqual([
      ["a", "fail", "inside"],
      ["b", "fail", "the check itself failed: a fault"],
      ...["c", "d", "e"].map((name) => [name, "fail", "no answer within 1 s"]),
      ["f", "skipped", "3 checks got no answer"],
      CLEAN_UP,
    ]);
  });

  it("prints a line for each check, with its remedy below and no control characters", () => {
    expect(formatResult({ name: "paths", outcome: "fail", detail: "two\nlines\u001b", remedy: "change it" })).toBe(
      `FAIL     paths               two\n${" ".repeat(29)}lines?\n${" ".repeat(29)}→ change it\n`,
    );
  });
});

it("work on many items ends after a failure, once what is under way has ended", async () => {
  const done: number[] = [];
  const work = async (item: number) => {
    await Promise.resolve();
    if (item === 1) throw new Error("one");
    done.push(item);
  };
  await expect(inGroups([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], work)).rejects.toThrow("one");
  expect(done.length).toBeLessThan(9);
});

describe("--endpoint", () => {
  it.each(["http://127.0.0.1:8787", "https://s3.example.com/", "http://[::1]:9000"])("takes %s", (text) => {
    expect(parseEndpoint(text).pathname).toBe("/");
  });

  it.each(["s3.example.com", "ftp://a", "https://a/b", "https://a?x", "https://u:p@a"])("refuses %s", (text) => {
    expect(() => parseEndpoint(text)).toThrow("--endpoint takes");
  });
});

describe("checks", () => {
  const page = readFileSync(join(import.meta.dirname, "../../../docs/doctor.md"), "utf8");
  const names = CHECKS.map(({ name }) => name);

  it("are described by docs/doctor.md in the words of the code", () => {
    const [, checks = ""] = page.split("\n## Checks\n");
    const rows = checks
      .split("\n")
      .filter((line) => line.startsWith("| `"))
      .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()));
    const cell = (text: string) => text.replaceAll("|", "\\|");
    expect(rows.map(([, ...cells]) => cells.slice(0, 4))).toEqual(
      CHECKS.map(({ name, sends, expects, remedy }) => [`\`${name}\``, cell(sends), cell(expects), cell(remedy)]),
    );
  });

  it("have different names, and need checks that come before them", () => {
    expect(new Set(names).size).toBe(names.length);
    for (const [index, { needs = [] }] of CHECKS.entries()) {
      for (const need of needs) expect(names.slice(0, index)).toContain(need);
    }
  });

  it("are those that docs/deploy.md names", () => {
    const deploy = readFileSync(join(import.meta.dirname, "../../../docs/deploy.md"), "utf8");
    const [, table = ""] = deploy.split("## What to check on your account");
    const named = table.split("\n").flatMap((line) => {
      const cell = /^\|[^|]*\|([^|]*)\|/.exec(line)?.[1] ?? "";
      return [...cell.matchAll(/`([a-z0-9-]+)`/g)].map(([, name = ""]) => name).filter((name) => name !== "doctor");
    });
    expect(named.length).toBeGreaterThan(10);
    for (const name of named) expect(names).toContain(name);
  });
});
