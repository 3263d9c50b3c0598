import { describe, expect, it } from "vitest";
import { addCorsHeaders, evaluateCors, parseHeaderNames } from "../../../src/cors/rules.ts";
import type { CorsRule } from "../../../src/model/bucket.ts";

const rule = (origins: string[], changes: Partial<CorsRule> = {}): CorsRule => ({
  allowedOrigins: origins,
  allowedMethods: ["GET"],
  allowedHeaders: [],
  exposeHeaders: [],
  ...changes,
});
const ask = (origin: string, method = "GET", requestHeaders: readonly string[] = []) => ({
  origin,
  method,
  requestHeaders,
});

describe("origins", () => {
  it.each<[pattern: string, origin: string, allowOrigin: string | undefined]>([
    ["http://www.example.com", "http://www.example.com", "http://www.example.com"],
    ["http://www.example.com", "https://www.example.com", undefined],
    ["http://www.example.com", "http://www.example.com:80", undefined],
    ["http://www.example.com", "http://www.example.com/", undefined],
    ["http://www.example.com", "http://WWW.example.com", undefined],
    ["http://www.example.com", "http://www.example.com.evil.org", undefined],
    ["http://www.example.com", "evil://http://www.example.com", undefined],
    ["http://www.example.com", "null", undefined],
    ["null", "null", "null"],
    ["*", "http://www.example.com", "*"],
    ["*", "null", "*"],
    ["http://*.example.com", "http://a.b.example.com", "http://a.b.example.com"],
    ["http://*.example.com", "http://example.com", undefined],
    ["http://*.example.com", "http://.example.com", "http://.example.com"],
    ["http://*.example.com", "http://evilexample.com", undefined],
    ["http://*.example.com", "https://a.example.com", undefined],
    ["http://localhost:*", "http://localhost:3000", "http://localhost:3000"],
    ["https://*", "https://anything", "https://anything"],
    // The text before and after the * must not overlap.
    ["http://aa*aa", "http://aaa", undefined],
    ["http://aa*aa", "http://aaaa", "http://aaaa"],
    // Only the * is special.
    ["http://a.b", "http://axb", undefined],
    ["http://[a-z]+", "http://abc", undefined],
    ["", "", undefined],
    ["*", "", undefined],
    ["*", "http://a\r\nSet-Cookie: b", undefined],
    ["http://*", "http://a\u0000", undefined],
  ])("the pattern %j answers the origin %j with %j", (pattern, origin, allowOrigin) => {
    expect(evaluateCors([rule([pattern])], ask(origin))?.allowOrigin).toBe(allowOrigin);
  });

  // ceph/s3-tests, test_cors_origin_response, which passes on AWS.
  const rules = [
    rule(["*suffix"]),
    rule(["start*end"]),
    rule(["prefix*"]),
    rule(["*.put"], { allowedMethods: ["PUT"] }),
  ];
  it.each([
    ["foo.suffix", "GET", true],
    ["foo.bar", "GET", false],
    ["foo.suffix.get", "GET", false],
    ["startend", "GET", true],
    ["start1end", "GET", true],
    ["start12end", "GET", true],
    ["0start12end", "GET", false],
    ["prefix", "GET", true],
    ["prefix.suffix", "GET", true],
    ["bla.prefix", "GET", false],
    ["foo.put", "GET", false],
    ["foo.put", "PUT", true],
    ["foo.suffix", "PUT", false],
    ["foo.suffix", "DELETE", false],
  ])("s3-tests: %s %s matches a rule: %s", (origin, method, allowed) => {
    expect(evaluateCors(rules, ask(origin, method)) !== undefined).toBe(allowed);
  });
});

describe("methods", () => {
  const all = rule(["*"], { allowedMethods: ["GET", "PUT", "HEAD", "POST", "DELETE"] });

  it.each(["GET", "PUT", "HEAD", "POST", "DELETE"])("%s must be listed in the rule", (method) => {
    expect(evaluateCors([all], ask("http://a", method))).toBeDefined();
    const others = { ...all, allowedMethods: all.allowedMethods.filter((other) => other !== method) };
    expect(evaluateCors([others], ask("http://a", method))).toBeUndefined();
  });

  it.each(["get", "OPTIONS", "PATCH", "", "GET "])("%j is never allowed", (method) => {
    expect(evaluateCors([all], ask("http://a", method))).toBeUndefined();
  });
});

describe("requested headers", () => {
  it.each<[allowed: string[], asked: string[], answered: string[] | undefined]>([
    [[], [], []],
    [["*"], [], []],
    [[], ["x-amz-meta-a"], undefined],
    [["*"], ["content-type", "x-amz-meta-a"], ["content-type", "x-amz-meta-a"]],
    [["x-amz-*"], ["x-amz-meta-a", "x-amz-"], ["x-amz-meta-a", "x-amz-"]],
    [["x-amz-*"], ["x-amz-meta-a", "content-type"], undefined],
    [
      ["x-amz-*", "Content-Type"],
      ["X-AMZ-Date", "content-TYPE"],
      ["x-amz-date", "content-type"],
    ],
    [["x-amz-meta-a"], ["x-amz-meta-ab"], undefined],
    [["*-a"], ["x-a", "x-b"], undefined],
    [["*"], ["b", "a", "B"], ["b", "a"]],
    [["*"], ["a b"], undefined],
    [["*"], ["a\r\nset-cookie: b"], undefined],
    [["*"], ["é"], undefined],
  ])("%j allows %j: %j", (allowedHeaders, asked, answered) => {
    expect(evaluateCors([rule(["*"], { allowedHeaders })], ask("http://a", "GET", asked))?.allowHeaders).toEqual(
      answered,
    );
  });

  it.each([
    [null, []],
    ["", []],
    ["content-type,x-amz-date", ["content-type", "x-amz-date"]],
    [" a , b\t,, c,", ["a", "b", "c"]],
  ])("are parsed from %j", (list, names) => {
    expect(parseHeaderNames(list)).toEqual(names);
  });

  it("are refused if there are more than a browser asks for", () => {
    const named = (count: number) => Array.from({ length: count }, (_unused, index) => `a${index}`).join(",");
    expect(parseHeaderNames(named(100))).toHaveLength(100);
    expect(parseHeaderNames(named(101))).toBeUndefined();
    expect(parseHeaderNames(`${" ".repeat(8_192)}a`)).toBeUndefined();
    const asked = { origin: "http://a", method: "GET", requestHeaders: undefined };
    expect(evaluateCors([rule(["*"], { allowedHeaders: ["*"] })], asked)).toBeUndefined();
  });
});

describe("evaluateCors takes the first rule that matches origin, method and headers", () => {
  const origin = rule(["http://b"], { id: "origin" });
  const method = rule(["http://a"], { id: "method", allowedMethods: ["PUT"] });
  const header = rule(["http://a"], { id: "header", allowedHeaders: ["x-a"] });
  const last = rule(["*"], { id: "last", allowedHeaders: ["*"] });

  it.each<[CorsRule[], string]>([
    [[origin, method, header, last], "last"],
    [[last, header], "last"],
    [[header, { ...header, id: "twin", allowedHeaders: ["x-b"] }], "twin"],
  ])("%#", (rules, id) => {
    expect(evaluateCors(rules, ask("http://a", "GET", ["x-b"]))?.rule.id).toBe(id);
  });

  it("matches nothing without rules", () => {
    expect(evaluateCors([], ask("http://a"))).toBeUndefined();
  });

  it("answers with the first origin of the rule that matches", () => {
    expect(evaluateCors([rule(["http://a", "*"])], ask("http://a"))?.allowOrigin).toBe("http://a");
    expect(evaluateCors([rule(["*", "http://a"])], ask("http://a"))?.allowOrigin).toBe("*");
  });
});

const VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";
const SITE = "https://localhost:4200";
const RULE: CorsRule = {
  allowedOrigins: [SITE],
  allowedMethods: ["GET", "PUT"],
  allowedHeaders: ["x-amz-*"],
  exposeHeaders: ["ETag", "x-amz-request-id"],
  maxAgeSeconds: 3000,
};
const GRANTED = {
  "access-control-allow-credentials": "true",
  "access-control-allow-methods": "GET, PUT",
  "access-control-allow-origin": SITE,
  "access-control-expose-headers": "ETag, x-amz-request-id",
  "access-control-max-age": "3000",
  vary: VARY,
};

function answer(rules: readonly CorsRule[] | undefined, method: string, headers: Record<string, string>) {
  const answered = new Headers();
  addCorsHeaders({ headers: answered }, { method, headers: new Headers(headers) }, rules);
  return Object.fromEntries(answered);
}

describe("addCorsHeaders", () => {
  // Rows with an origin and a method are LocalStack's recordings of AWS, except Vary where no rule matches.
  it.each<[why: string, method: string, headers: Record<string, string>, expected: Record<string, string>]>([
    ["a rule matches", "GET", { origin: SITE }, GRANTED],
    ["no origin", "GET", {}, { vary: VARY }],
    ["an empty origin", "GET", { origin: "" }, { vary: VARY }],
    ["another origin", "GET", { origin: "http://localhost:4200" }, { vary: VARY }],
    ["another method", "DELETE", { origin: SITE }, { vary: VARY }],
    [
      "a requested method that differs from the method of the request",
      "GET",
      { origin: SITE, "access-control-request-method": "DELETE" },
      { vary: VARY },
    ],
    [
      "the method asked for is the one that counts",
      "DELETE",
      { origin: SITE, "access-control-request-method": "PUT" },
      GRANTED,
    ],
    [
      "headers asked for that no rule has",
      "GET",
      { origin: SITE, "access-control-request-headers": "range" },
      { vary: VARY },
    ],
    ["real headers do not count", "GET", { origin: SITE, range: "bytes=0-1" }, GRANTED],
    [
      "a preflight",
      "OPTIONS",
      {
        origin: SITE,
        "access-control-request-method": "PUT",
        "access-control-request-headers": "x-AMZ-Date,x-amz-meta-a",
      },
      { ...GRANTED, "access-control-allow-headers": "x-amz-date, x-amz-meta-a" },
    ],
    ["a preflight without method", "OPTIONS", { origin: SITE }, { vary: VARY }],
  ])("adds headers: %s", (_why, method, headers, expected) => {
    expect(answer([RULE], method, headers)).toEqual(expected);
  });

  it("adds only headers that the rule has", () => {
    const bare: CorsRule = { allowedOrigins: ["*"], allowedMethods: ["GET"], allowedHeaders: [], exposeHeaders: [] };
    expect(answer([bare], "GET", { origin: "http://random:1234" })).toEqual({
      "access-control-allow-methods": "GET",
      "access-control-allow-origin": "*",
      vary: VARY,
    });
  });

  it("adds nothing for a bucket without rules", () => {
    expect(answer(undefined, "GET", { origin: SITE })).toEqual({});
  });

  it("keeps existing values of Vary", () => {
    const answered = new Headers({ vary: "Accept-Encoding" });
    addCorsHeaders({ headers: answered }, { method: "GET", headers: new Headers() }, [RULE]);
    expect(answered.get("vary")).toBe(`Accept-Encoding, ${VARY}`);
  });
});
