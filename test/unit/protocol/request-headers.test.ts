import { describe, expect, it } from "vitest";
import { parseCopySource } from "../../../src/protocol/copy-source.ts";
import { parseETag } from "../../../src/protocol/header-values.ts";
import { parseContentHeaders, parseStorageClass } from "../../../src/protocol/object-headers.ts";
import { failure } from "./failure.ts";

describe("parseContentHeaders", () => {
  it.each([
    [{}, { contentType: "binary/octet-stream" }],
    [{ "Content-Type": "" }, { contentType: "binary/octet-stream" }],
    [
      {
        "Content-Type": "text/plain; charset=x",
        "Cache-Control": "no-cache",
        "Content-Disposition": 'attachment; filename="a;b"',
        "Content-Encoding": "gzip",
        "Content-Language": "de, en",
        Expires: "whenever",
      },
      {
        contentType: "text/plain; charset=x",
        cacheControl: "no-cache",
        contentDisposition: 'attachment; filename="a;b"',
        contentEncoding: "gzip",
        contentLanguage: "de, en",
        expires: "whenever",
      },
    ],
    [{ "Content-Encoding": "aws-chunked" }, { contentType: "binary/octet-stream" }],
    [{ "Content-Encoding": "AWS-Chunked, gzip" }, { contentType: "binary/octet-stream", contentEncoding: "gzip" }],
    [{ "Content-Encoding": "gzip,aws-chunked" }, { contentType: "binary/octet-stream", contentEncoding: "gzip" }],
    [{ "Content-Encoding": "a, b" }, { contentType: "binary/octet-stream", contentEncoding: "a, b" }],
  ])("reads %j", (headers, expected) => {
    expect(parseContentHeaders(new Headers(headers as Record<string, string>))).toEqual(expected);
  });

  it("refuses control characters with InvalidArgument", () => {
    const error = failure(() => parseContentHeaders(new Headers({ "Cache-Control": "a\u0001b" })));
    expect(error.code).toBe("InvalidArgument");
    expect(error.details.ArgumentName).toBe("Cache-Control");
  });
});

describe("parseStorageClass", () => {
  it.each([
    [undefined, "STANDARD"],
    ["", "STANDARD"],
    ["STANDARD", "STANDARD"],
    ["STANDARD_IA", "STANDARD_IA"],
    ["REDUCED_REDUNDANCY", "REDUCED_REDUNDANCY"],
  ])("reads %j", (header, expected) => {
    const headers = new Headers(header === undefined ? {} : { "x-amz-storage-class": header });
    expect(parseStorageClass(headers)).toBe(expected);
  });

  it.each(["GLACIER", "standard", "constructor"])("refuses %s with InvalidStorageClass", (header) => {
    const error = failure(() => parseStorageClass(new Headers({ "x-amz-storage-class": header })));
    expect(error.code).toBe("InvalidStorageClass");
    expect(error.details).toEqual({ StorageClassRequested: header });
  });
});

describe("parseCopySource", () => {
  it.each([
    ["b/k", { bucket: "b", key: "k" }],
    ["/b/k", { bucket: "b", key: "k" }],
    ["/b//k", { bucket: "b", key: "/k" }],
    ["/b/k/", { bucket: "b", key: "k/" }],
    ["b%2Fa%2Fk", { bucket: "b", key: "a/k" }],
    ["%2Fb%2Fk", { bucket: "b", key: "k" }],
    ["/b/%C3%BC%20%26%3D%2B+%2541", { bucket: "b", key: "ü &=+ %41" }],
    ["b/my+file.txt", { bucket: "b", key: "my file.txt" }],
    ["b%2Fmy+file.txt", { bucket: "b", key: "my file.txt" }],
    ["b/c%2B%2B.txt", { bucket: "b", key: "c++.txt" }],
    ["http://127.0.0.1:8787/b/k", { bucket: "b", key: "k" }],
    ["https://s3.amazonaws.com/b/a%2Fmy+k", { bucket: "b", key: "a/my k" }],
    ["HTTPS://s3.amazonaws.com/b/k?versionId=null", { bucket: "b", key: "k", versionId: "null" }],
    ["b/https://host/k", { bucket: "b", key: "https://host/k" }],
    ["/b/k?versionId=v%2B1", { bucket: "b", key: "k", versionId: "v+1" }],
    ["/b/k?versionId=null", { bucket: "b", key: "k", versionId: "null" }],
    ["/b/%3FversionId", { bucket: "b", key: "?versionId" }],
    ["/b/%3FversionId%3Dx?versionId=v", { bucket: "b", key: "?versionId=x", versionId: "v" }],
  ])("reads %s", (header, expected) => {
    expect(parseCopySource(header)).toEqual(expected);
  });

  it("refuses an empty header, which names no bucket, with InvalidArgument", () => {
    const error = failure(() => parseCopySource(""));
    expect([error.code, error.message]).toEqual(["InvalidArgument", "Invalid copy source bucket name"]);
  });

  it.each(["/", "b", "/b", "b/", "/b/", "https://", "https://host", "https://host/b", "https://host/b/", "b?x/k"])(
    "refuses %j, which names no key, with InvalidArgument",
    (header) => {
      const error = failure(() => parseCopySource(header));
      expect([error.code, error.message]).toEqual(["InvalidArgument", "Invalid copy source object key"]);
      expect(error.details).toEqual({ ArgumentName: "x-amz-copy-source", ArgumentValue: "x-amz-copy-source" });
    },
  );

  it.each([
    ["//k", "Invalid copy source bucket name"],
    ["https://host//k", "Invalid copy source bucket name"],
    ["/b/%zz", "Invalid copy source encoding"],
    ["/b/a\tb", "Invalid copy source encoding"],
    ["/b/%FF", "Invalid copy source encoding"],
    ["/b/k?", "Invalid version id specified"],
    ["/b/k?x=y", "Invalid version id specified"],
  ])("refuses %j with InvalidArgument: %s", (header, message) => {
    const error = failure(() => parseCopySource(header));
    expect([error.code, error.message]).toEqual(["InvalidArgument", message]);
    expect(error.details).toEqual({ ArgumentName: "x-amz-copy-source", ArgumentValue: header });
  });

  it("refuses an empty version id with InvalidArgument", () => {
    const error = failure(() => parseCopySource("/b/k?versionId="));
    expect([error.code, error.message]).toEqual(["InvalidArgument", "Version id cannot be the empty string"]);
    expect(error.details).toEqual({ ArgumentName: "x-amz-copy-source", ArgumentValue: "" });
  });

  it("refuses a long key with KeyTooLongError", () => {
    expect(failure(() => parseCopySource(`/b/${"k".repeat(1025)}`)).code).toBe("KeyTooLongError");
  });
});

describe("parseETag", () => {
  it.each([
    ['"a"', "a"],
    ["a", "a"],
    [' "a" ', "a"],
    ['"', '"'],
    ['""', ""],
    ['W/"a"', 'W/"a"'],
  ])("reads %j", (text, expected) => {
    expect(parseETag(text)).toBe(expected);
  });
});
