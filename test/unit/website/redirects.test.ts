import { describe, expect, it } from "vitest";
import type { RoutingRule } from "../../../src/model/website.ts";
import {
  applyRule,
  encodeKey,
  encodeWritten,
  findRuleForError,
  findRuleForKey,
} from "../../../src/website/redirects.ts";

const SITE = { scheme: "http", host: "site.website.localhost:8787", base: "", query: "" } as const;
const PLACE = "http://site.website.localhost:8787";

/** The redirect of a request for the key whose answer would have the status; undefined without a redirect. */
function route(rules: readonly RoutingRule[], key: string, status = 200, query = "") {
  const rule = findRuleForKey(rules, key) ?? findRuleForError(rules, key, status);
  return rule && applyRule(rule, { ...SITE, key, query }, 301);
}

// The examples of "Configuring advanced conditional redirects", and the requests of Ceph's s3-tests on AWS.
const RENAMED: RoutingRule = { condition: { keyPrefix: "docs/" }, redirect: { replaceKeyPrefixWith: "documents/" } };
const DELETED: RoutingRule = {
  condition: { keyPrefix: "images/" },
  redirect: { replaceKeyWith: "folderdeleted.html" },
};
const EC2 = "ec2-11-22-333-44.compute-1.amazonaws.com";
const REPORT = { hostName: EC2, replaceKeyPrefixWith: "report-404/" };
const ON_404: RoutingRule = { condition: { errorCode: 404 }, redirect: REPORT };
const ON_404_IN_IMAGES: RoutingRule = { condition: { errorCode: 404, keyPrefix: "images/" }, redirect: REPORT };

describe("routing rules", () => {
  it.each<[what: string, rule: RoutingRule, key: string, status: number, location: string | undefined]>([
    ["a renamed folder", RENAMED, "docs/", 200, `${PLACE}/documents/`],
    ["a page of a renamed folder", RENAMED, "docs/page.html", 404, `${PLACE}/documents/page.html`],
    ["another key", RENAMED, "x", 404, undefined],
    ["the root", RENAMED, "", 200, undefined],
    ["a prefix in the middle", RENAMED, "a/docs/page.html", 404, undefined],
    ["a deleted folder", DELETED, "images/", 200, `${PLACE}/folderdeleted.html`],
    ["a page of a deleted folder", DELETED, "images/a/b.png", 200, `${PLACE}/folderdeleted.html`],
    ["a missing page", ON_404, "x", 404, `http://${EC2}/report-404/x`],
    ["a missing page of a folder", ON_404, "images/x", 404, `http://${EC2}/report-404/images/x`],
    ["a page that is there", ON_404, "x", 200, undefined],
    ["a page one may not see", ON_404, "x", 403, undefined],
    ["prefix and error", ON_404_IN_IMAGES, "images/x", 404, `http://${EC2}/report-404/x`],
    ["the error without the prefix", ON_404_IN_IMAGES, "x", 404, undefined],
    ["the prefix without the error", ON_404_IN_IMAGES, "images/x", 200, undefined],
  ])("AWS's examples: %s", (_what, rule, key, status, location) => {
    expect(route([rule], key, status)).toEqual(location && { status: 301, location });
  });

  it.each<[what: string, rule: RoutingRule, location: string]>([
    ["only the protocol", { redirect: { protocol: "https" } }, "https://site.website.localhost:8787/docs/a%20b"],
    ["only the host", { redirect: { hostName: "a.example" } }, "http://a.example/docs/a%20b"],
    ["host with a path", { redirect: { hostName: "a.example/b" } }, "http://a.example/b/docs/a%20b"],
    ["only the status", { redirect: { statusCode: 301 } }, `${PLACE}/docs/a%20b`],
    [
      "an empty prefix, which cuts off",
      { condition: { keyPrefix: "docs/" }, redirect: { replaceKeyPrefixWith: "" } },
      `${PLACE}/a%20b`,
    ],
    ["a prefix and no condition", { redirect: { replaceKeyPrefixWith: "new/" } }, `${PLACE}/new/docs/a%20b`],
    ["a fragment, for sites of one page", { redirect: { replaceKeyPrefixWith: "#!/" } }, `${PLACE}/#!/docs/a%20b`],
    ["a key with a query", { redirect: { replaceKeyWith: "index.html?from=old" } }, `${PLACE}/index.html?from=old`],
    [
      "escapes and what must be escaped",
      { redirect: { replaceKeyWith: 'a%20b c%zz"ü\u0001' } },
      `${PLACE}/a%20b%20c%25zz%22%C3%BC%01`,
    ],
  ])("a rule replaces the parts of the URL that it names: %s", (_what, rule, location) => {
    expect(route([rule], "docs/a b")?.location).toBe(location);
  });

  it("the first rule that matches applies, rules for keys before rules for errors", () => {
    const to = (hostName: string): RoutingRule["redirect"] => ({ hostName });
    const rules: RoutingRule[] = [
      { condition: { errorCode: 404 }, redirect: to("error") },
      { condition: { keyPrefix: "a/b" }, redirect: to("first") },
      { condition: { keyPrefix: "a/" }, redirect: to("second") },
      { condition: { errorCode: 403, keyPrefix: "c/" }, redirect: to("third") },
      { condition: { errorCode: 403 }, redirect: to("fourth") },
    ];
    expect(route(rules, "a/b", 404)?.location).toBe("http://first/a/b");
    expect(route(rules, "a/c", 404)?.location).toBe("http://second/a/c");
    expect(route(rules, "d", 404)?.location).toBe("http://error/d");
    expect(route(rules, "c/d", 403)?.location).toBe("http://third/c/d");
    expect(route(rules, "d", 403)?.location).toBe("http://fourth/d");
    expect(route(rules, "d", 416)).toBeUndefined();
  });

  it("a rule without condition matches every request", () => {
    const rules = [{ redirect: { hostName: "a.example" } }];
    expect(route(rules, "")?.location).toBe("http://a.example/");
    expect(route(rules, "x", 404)?.location).toBe("http://a.example/x");
  });

  it.each([301, 302, 303, 304, 305, 307, 308])("HttpRedirectCode %i sets the status", (statusCode) => {
    expect(route([{ redirect: { statusCode } }], "x")?.status).toBe(statusCode);
  });

  it("the caller sets the default status", () => {
    const asked = { ...SITE, key: "x", query: "" };
    expect(applyRule(ON_404, asked, 301).status).toBe(301);
    expect(applyRule(ON_404, asked, 302).status).toBe(302);
  });

  it("the query is kept unless the rule replaces the whole key", () => {
    expect(route([RENAMED], "docs/x", 200, "a=1&b=%20")?.location).toBe(`${PLACE}/documents/x?a=1&b=%20`);
    expect(route([ON_404], "x", 404, "a")?.location).toBe(`http://${EC2}/report-404/x?a`);
    expect(route([DELETED], "images/x", 200, "a=1")?.location).toBe(`${PLACE}/folderdeleted.html`);
    expect(route([RENAMED], "docs/x", 200, 'a="<\\')?.location).toBe(`${PLACE}/documents/x?a=%22%3C%5C`);
  });

  it("a path-style host keeps the bucket in the path, another host does not", () => {
    const asked = { ...SITE, key: "x", base: "bucket/" };
    expect(applyRule(RENAMED, { ...asked, key: "docs/x" }, 302).location).toBe(`${PLACE}/bucket/documents/x`);
    expect(applyRule(ON_404, asked, 302).location).toBe(`http://${EC2}/report-404/x`);
  });
});

describe("Location", () => {
  it.each([
    ["a b", "a%20b"],
    ["a/b//c", "a/b//c"],
    ["/evil.example", "%2Fevil.example"],
    ["//evil.example/", "%2F%2Fevil.example/"],
    ["\\evil.example", "%5Cevil.example"],
    ["a\r\nSet-Cookie: b=c", "a%0D%0ASet-Cookie%3A%20b%3Dc"],
    ["?a#b%", "%3Fa%23b%25"],
    ["ünï😀", "%C3%BCn%C3%AF%F0%9F%98%80"],
    ["javascript:alert(1)", "javascript%3Aalert%281%29"],
  ])("encodes a key so that it stays a path: %j", (key, encoded) => {
    expect(encodeKey(key)).toBe(encoded);
  });

  it.each([
    ["a/b?c=d#e&f=%20", "a/b?c=d#e&f=%20"],
    ["a\r\nb\tc", "a%0D%0Ab%09c"],
    ["100%", "100%25"],
    ["%4", "%254"],
    ["ü\ud800", "%C3%BC%EF%BF%BD"],
  ])("keeps the text of the owner, except characters that no URL may contain: %j", (text, encoded) => {
    expect(encodeWritten(text)).toBe(encoded);
    expect(() => new Headers({ location: encoded })).not.toThrow();
  });
});
