import { describe, expect, it } from "vitest";
import {
  decodeEncodedWords,
  formatEncodedWord,
  formatMetadataToSend,
  formatUserMetadata,
  parseUserMetadata,
} from "../../../src/protocol/metadata.ts";
import { failure } from "./failure.ts";

describe("decodeEncodedWords", () => {
  it.each([
    ["plain", "plain"],
    ["=?UTF-8?B?w7xuw68=?=", "ünï"],
    ["=?utf-8?b?w7xuw68?=", "ünï"],
    ["=?UTF-8?Q?=C3=BCn=C3=AF_x=5F?=", "ünï x_"],
    ["=?ISO-8859-1?Q?=FC?=", "ü"],
    ["=?us-ascii*en?Q?a?=", "a"],
    ["a =?UTF-8?Q?b?= c", "a b c"],
    // RFC 2047, 6.2: white space between adjacent words is not displayed.
    ["=?UTF-8?Q?a?= =?UTF-8?Q?b?=", "ab"],
    ["=?UTF-8?Q?=C3?= =?UTF-8?Q?=BC?=", "ü"],
    ["=?ISO-8859-1?Q?=FC?= =?UTF-8?Q?=C3=BC?=", "üü"],
    ["=?UTF-8?B??=", ""],
    // Not decoded.
    ["=?UTF-8?B?w7x", "=?UTF-8?B?w7x"],
    ["=?UTF-8?B?!!?=", "=?UTF-8?B?!!?="],
    ["=?UTF-8?Q?=FC?=", "=?UTF-8?Q?=FC?="],
    ["=?UTF-8?Q?=G1?=", "=?UTF-8?Q?=G1?="],
    ["=?KOI8-R?Q?=C3?=", "=?KOI8-R?Q?=C3?="],
    ["=?UTF-8?X?a?=", "=?UTF-8?X?a?="],
  ])("reads %j", (text, expected) => {
    expect(decodeEncodedWords(text)).toBe(expected);
  });

  it("reads what formatEncodedWord writes", () => {
    const text = "日本 😀 =?x?=";
    expect(decodeEncodedWords(formatEncodedWord(text))).toBe(text);
  });
});

describe("parseUserMetadata", () => {
  it.each([
    [{}, {}],
    [{ "content-type": "x", "x-amz-metadata-directive": "COPY" }, {}],
    [{ "X-Amz-Meta-Name": "Value" }, { name: "Value" }],
    [
      { "x-amz-meta-a": "", "x-amz-meta-b": " padded " },
      { a: "", b: "padded" },
    ],
    [{ "x-amz-meta-a": "=?UTF-8?B?w7xuw68=?=" }, { a: "ünï" }],
    // Raw UTF-8 is already text and is not decoded again.
    [{ "x-amz-meta-a": "\u00fc" }, { a: "ü" }],
    [{ "x-amz-meta-a": "\u00c3\u00bc" }, { a: "Ã¼" }],
    [{ "x-amz-meta-a": "=?UTF-8?B?AAECAw==?=" }, { a: "\u0000\u0001\u0002\u0003" }],
    [{ "x-amz-meta-a": "=?UTF-8?Q?a=0D=0Ab?=" }, { a: "a\r\nb" }],
    [{ "x-amz-meta-__proto__": "x" }, JSON.parse('{"__proto__":"x"}')],
    [{ "x-amz-meta-a": "tab\tinside" }, { a: "tab\tinside" }],
  ])("reads %j", (headers, expected) => {
    expect(parseUserMetadata(new Headers(headers as Record<string, string>))).toEqual(expected);
  });

  it("accepts 2,048 bytes of names and values and refuses more with MetadataTooLarge", () => {
    // 4 bytes of name, 1,022 characters of 2 bytes.
    const value = formatEncodedWord("ü".repeat(1022));
    expect(parseUserMetadata([["x-amz-meta-name", value]])).toEqual({ name: "ü".repeat(1022) });
    const error = failure(() =>
      parseUserMetadata([
        ["x-amz-meta-name", value],
        ["x-amz-meta-b", ""],
      ]),
    );
    expect(error.code).toBe("MetadataTooLarge");
    expect(error.details).toEqual({ Size: "2049", MaxSizeAllowed: "2048" });
  });

  it.each([
    ["x-amz-meta-a", "a\u0001b"],
    ["x-amz-meta-", "x"],
  ])("refuses %s: %j with InvalidArgument", (name, value) => {
    const error = failure(() => parseUserMetadata([[name, value]]));
    expect(error.code).toBe("InvalidArgument");
    expect(error.details.ArgumentName).toBe(name);
  });
});

describe("formatUserMetadata", () => {
  it.each([
    [{}, {}],
    [
      { a: "plain", b: "" },
      { "x-amz-meta-a": "plain", "x-amz-meta-b": "" },
    ],
    [{ a: "ünï" }, { "x-amz-meta-a": "=?UTF-8?B?w7xuw68=?=" }],
    [{ a: " x" }, { "x-amz-meta-a": "=?UTF-8?Q?_x?=" }],
    [{ a: "x\ty" }, { "x-amz-meta-a": "x\ty" }],
    // Recorded on AWS.
    [
      { a: "test_—_file%E2%80%94_é_2?.pdf", b: "ÄMÄZÕÑ S3", c: "\u0000\u0001\u0002\u0003", d: "\ufffd".repeat(7) },
      {
        "x-amz-meta-a": "=?UTF-8?Q?test=5F=E2=80=94=5Ffile%E2%80%94=5F=C3=A9=5F2=3F.pdf?=",
        "x-amz-meta-b": "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?=",
        "x-amz-meta-c": "=?UTF-8?B?AAECAw==?=",
        "x-amz-meta-d": "=?UTF-8?B?77+977+977+977+977+977+977+9?=",
      },
    ],
    [{ a: "=?UTF-8?Q?b?=" }, { "x-amz-meta-a": "=?UTF-8?Q?b?=" }],
    [{ a: "a\r\nb: c" }, { "x-amz-meta-a": "=?UTF-8?Q?a=0D=0Ab:_c?=" }],
    [
      { a: "1", "b c": "2", ü: "3" },
      { "x-amz-meta-a": "1", "x-amz-missing-meta": "2" },
    ],
  ])("writes %j", (metadata, expected) => {
    expect(formatUserMetadata(metadata as Record<string, string>)).toEqual(expected);
  });

  it.each(["ünï", " x ", "日本 😀", "a\tb", "a=b_c?d", "a\r\nb", "\u0000", ""])(
    "round-trips %j through Headers",
    (value) => {
      const headers = new Headers(formatUserMetadata({ name: value }));
      expect(parseUserMetadata(headers)).toEqual({ name: value });
    },
  );
});

describe("formatMetadataToSend", () => {
  it.each(["ünï", " x ", "=?UTF-8?Q?b?=", "日本 😀", "a\tb", "a=b_c?d", "a\r\nb", "\u0000", "plain"])(
    "sends %j to a reader that decodes it",
    (value) => {
      const headers = new Headers(formatMetadataToSend({ name: value, "no header": "x" }));
      expect(parseUserMetadata(headers)).toEqual({ name: value });
    },
  );
});
