import { describe, expect, it } from "vitest";
import { toObjectHeaders } from "../../../../src/protocol/post-form/form-headers.ts";
import { parseBoundary } from "../../../../src/protocol/post-form/part-headers.ts";
import { formatRedirect, parseSuccessAction } from "../../../../src/protocol/post-form/post-form.ts";
import { formatPostResponse } from "../../../../src/protocol/xml/object-results.ts";
import { failure } from "../failure.ts";

describe("parseBoundary", () => {
  it.each([
    ["multipart/form-data; boundary=abc", "abc"],
    ["multipart/form-data;boundary=----WebKitFormBoundaryABC123", "----WebKitFormBoundaryABC123"],
    ["Multipart/Form-Data ; charset=utf-8 ; BOUNDARY=abc;", "abc"],
    ['multipart/form-data; boundary="a b:c"', "a b:c"],
    ['multipart/form-data; x="; boundary=fake"; boundary=real', "real"],
    ["multipart/form-data; boundary=a'()+_,-./:=?z", "a'()+_,-./:=?z"],
    [`multipart/form-data; boundary=${"b".repeat(70)}`, "b".repeat(70)],
  ])("reads the boundary of %j: %j", (header, boundary) => {
    expect(parseBoundary(header)).toBe(boundary);
  });

  it.each([
    "multipart/form-data",
    "multipart/form-data; boundary",
    "multipart/form-data; boundary=",
    'multipart/form-data; boundary=""',
    'multipart/form-data; boundary="a ',
    'multipart/form-data; boundary="a "',
    "multipart/form-data; boundary=a; boundary=b",
    "multipart/form-data; boundary=a[b",
    `multipart/form-data; boundary=${"b".repeat(71)}`,
    "multipart/form-data; boundary=a b",
  ])("refuses %j with MalformedPOSTRequest", (header) => {
    expect(failure(() => parseBoundary(header)).code).toBe("MalformedPOSTRequest");
  });
});

describe("toObjectHeaders", () => {
  const meant = (fields: Record<string, string>, sent: Record<string, string> = {}) =>
    Object.fromEntries(toObjectHeaders(new Map(Object.entries(fields)), new Headers(sent)));

  it("takes the fields that are headers of a PUT", () => {
    const fields = {
      "cache-control": "no-cache",
      "content-disposition": "attachment",
      "content-encoding": "gzip",
      "content-language": "de",
      "content-md5": "x",
      "content-type": "text/plain",
      expires: "0",
      "x-amz-storage-class": "STANDARD_IA",
      "x-amz-website-redirect-location": "/x",
      "x-amz-checksum-crc32": "AAAAAA==",
      "x-amz-grant-read": "id=1",
      "x-amz-object-lock-mode": "GOVERNANCE",
      "x-amz-server-side-encryption": "AES256",
      "x-amz-server-side-encryption-customer-algorithm": "AES256",
    };
    expect(meant(fields)).toEqual(fields);
    expect(meant({ acl: "private" })).toEqual({ "x-amz-acl": "private" });
    expect(meant({ "x-amz-acl": "private" })).toEqual({ "x-amz-acl": "private" });
  });

  it("drops all other fields", () => {
    expect(
      meant({
        key: "k",
        bucket: "b",
        policy: "p",
        "x-amz-signature": "s",
        "x-amz-meta-a": "b",
        "x-amz-copy-source": "/other/secret",
        "x-amz-copy-source-if-match": "x",
        "x-amz-decoded-content-length": "1",
        "x-amz-trailer": "x-amz-checksum-crc32",
        "x-amz-content-sha256": "x",
        "x-amz-expected-bucket-owner": "000000000000",
        host: "evil.example",
        "cf-connecting-ip": "1.2.3.4",
        referer: "https://evil.example/",
        authorization: "x",
        "content-length": "1",
      }),
    ).toEqual({});
  });

  it("keeps the headers of the request that do not describe the object", () => {
    const sent = {
      host: "b.s3.example",
      "content-length": "100",
      referer: "https://example.com/",
      "user-agent": "x",
      "x-amz-expected-bucket-owner": "111122223333",
    };
    const dropped = {
      "content-type": "multipart/form-data; boundary=b",
      "content-encoding": "gzip",
      "x-amz-acl": "public-read",
      "x-amz-meta-a": "b",
      "x-amz-copy-source": "/other/secret",
      "x-amz-checksum-crc32": "AAAAAA==",
    };
    expect(meant({}, { ...sent, ...dropped })).toEqual(sent);
  });

  it("replaces characters beyond Latin-1", () => {
    expect(meant({ "cache-control": "a—é👑b" })).toEqual({ "cache-control": "a é b" });
  });

  it.each(["a\r\nSet-Cookie: b", "a\nb", "a\0b", "\u007f"])("refuses %j with InvalidArgument", (value) => {
    const { code, details } = failure(() => meant({ "content-type": value }));
    expect([code, details]).toEqual(["InvalidArgument", { ArgumentName: "content-type", ArgumentValue: value }]);
  });

  it("refuses a repeated ACL", () => {
    expect(failure(() => meant({ acl: "private", "x-amz-acl": "public-read" })).code).toBe("InvalidArgument");
  });
});

describe("parseSuccessAction", () => {
  const action = (fields: Record<string, string>) => parseSuccessAction(new Map(Object.entries(fields)));
  const status = (code: number) => ({ kind: "status", status: code });

  it.each([
    ["200", 200],
    ["201", 201],
    ["204", 204],
    ["404", 204],
    ["", 204],
    ["201 ", 204],
  ])("reads success_action_status %j as %i", (value, code) => {
    expect(action({ success_action_status: value })).toEqual(status(code));
  });

  it.each(["http://example.com", "https://example.com/a?b=c#d", "HTTP://localhost:8000/x"])(
    "redirects to %s",
    (url) => {
      expect(action({ success_action_redirect: url, success_action_status: "201" })).toEqual({ kind: "redirect", url });
      expect(action({ redirect: url })).toEqual({ kind: "redirect", url });
    },
  );

  it.each([
    "",
    "/relative",
    "//example.com/",
    "example.com",
    "ftp://example.com/",
    "javascript:alert(1)",
    "data:text/html,x",
    "http://",
    "http://exa mple.com/",
    "http://example.com/\r\nSet-Cookie: a=b",
    "http://example.com/ü",
    " http://example.com/",
  ])("does not redirect to %j", (url) => {
    expect(action({ success_action_redirect: url })).toEqual(status(204));
    expect(action({ success_action_redirect: url, success_action_status: "201" })).toEqual(status(201));
  });

  it("prefers the new name of the field", () => {
    const url = "http://new.example/";
    expect(action({ success_action_redirect: url, redirect: "http://old.example/" })).toEqual({
      kind: "redirect",
      url,
    });
  });
});

describe("formatRedirect", () => {
  const stored = { bucket: "b", key: "a/ü &?", etag: '"1f"' };
  const query = "bucket=b&key=a%2F%C3%BC%20%26%3F&etag=%221f%22";

  it.each([
    ["http://example.com", `http://example.com?${query}`],
    ["http://example.com/x?y=z", `http://example.com/x?y=z&${query}`],
    ["http://example.com/x#part", `http://example.com/x?${query}#part`],
    ["http://example.com/x?y#part?no", `http://example.com/x?y&${query}#part?no`],
  ])("extends %s", (url, expected) => {
    expect(formatRedirect(url, stored)).toBe(expected);
  });
});

describe("formatPostResponse", () => {
  it("has no namespace", () => {
    expect(formatPostResponse({ location: "http://b.s3.example/a%2Fb", bucket: "b", key: "a/b&c", etag: '"1f"' })).toBe(
      '<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse><Location>http://b.s3.example/a%2Fb</Location>' +
        "<Bucket>b</Bucket><Key>a/b&amp;c</Key><ETag>&quot;1f&quot;</ETag></PostResponse>",
    );
  });
});
