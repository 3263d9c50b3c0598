import { describe, expect, it } from "vitest";
import { decodeUtf8, percentDecode, uriEncode, utf8Length } from "../../../src/protocol/percent-encoding.ts";
import { parseQuery, parseRawUrl } from "../../../src/protocol/request-target.ts";
import { failure } from "./failure.ts";

describe("parseRawUrl", () => {
  it.each([
    ["http://h/", "http", "h", "/", ""],
    ["https://H.Example:8787/B/K", "https", "h.example:8787", "/B/K", ""],
    ["HTTPS://h/x", "https", "h", "/x", ""],
    ["http://h", "http", "h", "/", ""],
    ["http://h?a=b", "http", "h", "/", "a=b"],
    ["http://h?a=/b", "http", "h", "/", "a=/b"],
    ["http://h/b/a//b", "http", "h", "/b/a//b", ""],
    ["http://h//b", "http", "h", "//b", ""],
    ["http://h/b/../c/./%2e%2e", "http", "h", "/b/../c/./%2e%2e", ""],
    ["http://h/b/%2F%c3%bc+?", "http", "h", "/b/%2F%c3%bc+", ""],
    ["http://h/b?x?y", "http", "h", "/b", "x?y"],
    ["http://h/b/k?a=1&b=%2B#fragment", "http", "h", "/b/k", "a=1&b=%2B"],
    ["http://h/b/k#f?x", "http", "h", "/b/k", ""],
    ["http://[::1]:8787/b", "http", "[::1]:8787", "/b", ""],
    ["http://h/a://b", "http", "h", "/a://b", ""],
  ])("splits %s", (url, scheme, host, path, query) => {
    expect(parseRawUrl(url)).toEqual({ scheme, host, path, query });
  });
});

describe("parseQuery", () => {
  it.each([
    ["", []],
    ["a", [["a", ""]]],
    ["a=", [["a", ""]]],
    ["=a", [["", "a"]]],
    ["&&a&", [["a", ""]]],
    ["a=b=c", [["a", "b=c"]]],
    [
      "a=1&A=2&a=3",
      [
        ["a", "1"],
        ["A", "2"],
        ["a", "3"],
      ],
    ],
    ["a+b=c+d%2B%20", [["a b", "c d+ "]]],
    ["%C3%BC=%26", [["ü", "&"]]],
  ])("reads %j", (raw, expected) => {
    expect(parseQuery(raw).entries).toEqual(expected);
  });

  it("reads + as a plus sign on request", () => {
    expect(parseQuery("a+b=c+%20", "plus-is-plus").entries).toEqual([["a+b", "c+ "]]);
  });

  it("returns the first value, and all values", () => {
    const query = parseQuery("a=1&a=2&b");
    expect(query.get("a")).toBe("1");
    expect(query.getAll("a")).toEqual(["1", "2"]);
    expect(query.has("b")).toBe(true);
    expect(query.get("c")).toBeUndefined();
    expect(query.has("constructor")).toBe(false);
  });

  it.each(["%", "a=%zz", "a=%C3"])("refuses %s with InvalidURI", (raw) => {
    expect(failure(() => parseQuery(raw)).code).toBe("InvalidURI");
  });
});

describe("percent-encoding", () => {
  it.each([
    ["azAZ09-._~", "azAZ09-._~"],
    [" +/!'()*", "%20%2B%2F%21%27%28%29%2A"],
    ["ü😀", "%C3%BC%F0%9F%98%80"],
    ["\ud800", "%EF%BF%BD"],
  ])("encodes %j", (text, expected) => {
    expect(uriEncode(text)).toBe(expected);
  });

  it("keeps slashes on request", () => {
    expect(uriEncode("a/b c", "keep-slash")).toBe("a/b%20c");
  });

  it.each([
    ["a+b", "a+b"],
    ["%c3%bc%2F", "ü/"],
    ["%EF%BB%BFx", "\ufeffx"],
  ])("decodes %s", (text, expected) => {
    expect(percentDecode(text)).toBe(expected);
  });

  it.each(["%", "%4", "%zz", "%ff", "%C0%AF", "%ED%A0%80"])("refuses %s with InvalidURI", (text) => {
    const error = failure(() => percentDecode(text));
    expect(error.code).toBe("InvalidURI");
    expect(error.details).toEqual({ URI: text });
  });

  it("counts and decodes UTF-8", () => {
    expect(utf8Length("aü€😀")).toBe(10);
    expect(decodeUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toBe("\ufeffa");
    expect(decodeUtf8(Uint8Array.of(0xff))).toBeUndefined();
  });
});
