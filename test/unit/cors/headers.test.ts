import { describe, expect, it } from "vitest";
import { addCorsHeaders } from "../../../src/cors/rules.ts";
import type { CorsRule } from "../../../src/model/bucket.ts";

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
  addCorsHeaders(answered, { method, headers: new Headers(headers) }, rules);
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
    addCorsHeaders(answered, { method: "GET", headers: new Headers() }, [RULE]);
    expect(answered.get("vary")).toBe(`Accept-Encoding, ${VARY}`);
  });
});
