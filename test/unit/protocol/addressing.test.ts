import { describe, expect, it } from "vitest";
import {
  findWebsiteHost,
  hostOf,
  isValidBucketName,
  parseAddress,
  validateBucketName,
} from "../../../src/protocol/addressing.ts";
import { parseRawUrl } from "../../../src/protocol/request-target.ts";
import { failure } from "./failure.ts";

const DOMAINS = ["s3.example", "eu.s3.example", "s3.localhost"];

function address(host: string, path: string) {
  return parseAddress(parseRawUrl(`http://${host}${path}`), host, DOMAINS);
}

const bucket = (name: string) => ({ kind: "bucket", bucket: name });
const object = (name: string, key: string) => ({ kind: "object", bucket: name, key });

describe("parseAddress", () => {
  it.each([
    ["/", { kind: "service" }],
    ["/b", bucket("b")],
    ["/b/", bucket("b")],
    ["/b/k", object("b", "k")],
    ["/b//", object("b", "/")],
    ["/b//x", object("b", "/x")],
    ["/b/x/", object("b", "x/")],
    ["/b/x//y", object("b", "x//y")],
    ["/b/./a", object("b", "./a")],
    ["/b/../a", object("b", "../a")],
    ["/b/%2e%2E/a", object("b", "../a")],
    ["/b/%2F", object("b", "/")],
    ["/b/a%2fb", object("b", "a/b")],
    ["/b/%2541", object("b", "%41")],
    ["/b/a+b", object("b", "a b")],
    ["/b/a%2Bb", object("b", "a+b")],
    ["/b/%2B++%2b", object("b", "+  +")],
    ["/b/a%20b%00", object("b", "a b\0")],
    ["/b/%C3%BC", object("b", "ü")],
    ["/b/ü", object("b", "ü")],
    ["/b/%F0%9F%98%80", object("b", "😀")],
    ["/b/?prefix=/x", bucket("b")],
    ["/b?a/b", bucket("b")],
    ["/%62/k", object("b", "k")],
    ["/B_/k", object("B_", "k")],
    ["/b/cdn-cgi", object("b", "cdn-cgi")],
  ])("reads %s in path style", (path, resource) => {
    for (const host of [
      "s3.example",
      "127.0.0.1:8787",
      "other.example",
      "s3.example.",
      "eu.s3.example",
      "xs3.example",
    ]) {
      expect(address(host, path)).toEqual({ style: "path", resource });
    }
  });

  it.each([
    ["b.s3.example", "/", bucket("b")],
    ["b.s3.example", "/k", object("b", "k")],
    ["b.s3.example", "//k", object("b", "/k")],
    ["b.s3.example", "/k/", object("b", "k/")],
    ["B.S3.Example:8787", "/K", object("b", "K")],
    ["b.s3.example.", "/k", object("b", "k")],
    ["my.dotted.name.s3.example", "/k", object("my.dotted.name", "k")],
    ["b.eu.s3.example", "/k", object("b", "k")],
    ["b.s3.localhost:8787", "/", bucket("b")],
  ])("reads http://%s%s in virtual-host style", (host, path, resource) => {
    expect(address(host, path)).toEqual({ style: "virtual-host", resource });
  });

  it("uses the host of the URL without a Host header", () => {
    const url = parseRawUrl("http://b.s3.example:80/k");
    expect(parseAddress(url, null, DOMAINS).resource).toEqual(object("b", "k"));
  });

  it.each(["/b/%", "/b/%zz", "/b/%C3", "/b/%ED%A0%80", "/b/%FF", "/%zz"])("refuses %s with InvalidURI", (path) => {
    expect(failure(() => address("s3.example", path)).code).toBe("InvalidURI");
  });

  it.each(["/-", "/-/health", "/cdn-cgi/trace", "//k", "//"])("refuses %s with InvalidBucketName", (path) => {
    expect(failure(() => address("s3.example", path)).code).toBe("InvalidBucketName");
  });

  it("accepts a key of 1,024 bytes and refuses a longer one with KeyTooLongError", () => {
    const fits = "ü".repeat(512);
    expect(address("s3.example", `/b/${encodeURIComponent(fits)}`).resource).toEqual(object("b", fits));
    const error = failure(() => address("s3.example", `/b/${encodeURIComponent(fits)}x`));
    expect(error.code).toBe("KeyTooLongError");
    expect(error.details).toEqual({ Size: "1025", MaxSizeAllowed: "1024" });
    expect(failure(() => address("s3.example", `/b/${"€".repeat(1025)}`)).details.Size).toBe("3075");
  });
});

// "General purpose bucket naming rules".
describe("bucket names", () => {
  it.each(["abc", "a1b", "123", "my.bucket", "my-bucket", "a--b", "a.-b", "1.2.3", "1.2.3.4.5", "a".repeat(63)])(
    "accepts %s",
    (name) => {
      expect(isValidBucketName(name)).toBe(true);
      expect(() => validateBucketName(name)).not.toThrow();
    },
  );

  it.each([
    "",
    "ab",
    "a".repeat(64),
    "Abc",
    "a_b",
    "-abc",
    "abc-",
    ".abc",
    "abc.",
    "a..b",
    "192.168.5.4",
    "xn--abc",
    "sthree-abc",
    "amzn-s3-demo-bucket",
    "abc-s3alias",
    "abc--ol-s3",
    "abc.mrap",
    "abc--x-s3",
    "abc--table-s3",
    "abc\n",
    "äbc",
    "cdn-cgi",
  ])("refuses %j with InvalidBucketName", (name) => {
    expect(isValidBucketName(name)).toBe(false);
    const error = failure(() => validateBucketName(name));
    expect(error.code).toBe("InvalidBucketName");
    expect(error.details).toEqual({ BucketName: name });
  });
});

describe("findWebsiteHost", () => {
  const domains = {
    website: ["website.localhost", "www.example.com", "example.org"],
    s3: ["s3.localhost", "s3.example.org"],
  };
  const find = (host: string) => findWebsiteHost(parseRawUrl(`http://${host}/key`), host, domains);

  it.each([
    ["site.website.localhost", "site", "site.website.localhost"],
    ["Site.Website.LOCALHOST:8787", "site", "site.website.localhost:8787"],
    ["a.b.website.localhost", "a.b", "a.b.website.localhost"],
    ["site.website.localhost.", "site", "site.website.localhost"],
    ["www.example.com", "www.example.com", "www.example.com"],
    ["www.example.com:80", "www.example.com", "www.example.com:80"],
    ["site.www.example.com", "site", "site.www.example.com"],
    ["example.org", "example.org", "example.org"],
  ])("%s serves the website of %s", (header, bucket, host) => {
    expect(find(header)).toEqual({ bucket, host });
  });

  it.each([
    ["an S3 domain", "s3.localhost"],
    ["a bucket of an S3 domain", "site.s3.localhost"],
    ["an S3 domain below a website domain", "s3.example.org"],
    ["a bucket of an S3 domain below a website domain", "site.s3.example.org"],
    ["any other host, whatever buckets there are", "example.com"],
    ["a domain that only ends alike", "evilwebsite.localhost"],
    ["an address", "127.0.0.1:8787"],
    ["nothing", ""],
  ])("%s is not a website: %s", (_what, host) => {
    expect(find(host)).toBeUndefined();
  });

  it("prefers the Host header to the URL", () => {
    const url = parseRawUrl("http://127.0.0.1:8787/");
    expect(findWebsiteHost(url, "site.website.localhost", domains)?.bucket).toBe("site");
    expect(findWebsiteHost(parseRawUrl("http://site.website.localhost/"), null, domains)?.bucket).toBe("site");
  });
});

describe("hostOf", () => {
  const url = parseRawUrl("http://127.0.0.1:8787/");
  it.each(["s3.localhost:8787", "[::1]:80", "EXAMPLE.com"])("returns %s in lower case", (host) => {
    expect(hostOf(url, host)).toBe(host.toLowerCase());
  });

  it.each(["", "evil.example/path", "a@b", "a b", 'a"', "a:port"])("does not return %j", (host) => {
    expect(hostOf(url, host)).toBe("127.0.0.1:8787");
  });
});
