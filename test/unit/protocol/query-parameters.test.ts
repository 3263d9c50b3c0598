import { describe, expect, it } from "vitest";
import { newVersionToken } from "../../../src/model/version.ts";
import { parseResponseOverrides } from "../../../src/protocol/object-headers.ts";
import { encodeListed, urlEncode } from "../../../src/protocol/percent-encoding.ts";
import {
  parseEncodingType,
  parseIntegerParameter,
  parseListObjectsParameters,
  parseListObjectsV2Parameters,
  parsePageSize,
  parseVersionId,
  refuseVersionId,
} from "../../../src/protocol/query-parameters.ts";
import { parseQuery } from "../../../src/protocol/request-target.ts";
import { failure } from "./failure.ts";

describe("list parameters", () => {
  it("have defaults", () => {
    const common = { prefix: "", delimiter: "", maxKeys: 1000, encodingType: undefined };
    expect(parseListObjectsParameters(parseQuery(""))).toEqual({ ...common, marker: "" });
    expect(parseListObjectsV2Parameters(parseQuery("list-type=2"))).toEqual({
      ...common,
      startAfter: undefined,
      continuationToken: undefined,
      fetchOwner: false,
    });
  });

  it("are decoded", () => {
    const query = parseQuery(
      "prefix=a%2Fb+c&delimiter=%C3%BC&marker=m&start-after=s&continuation-token=t&max-keys=7&encoding-type=url&fetch-owner=true",
    );
    const common = { prefix: "a/b c", delimiter: "ü", maxKeys: 7, encodingType: "url" };
    expect(parseListObjectsParameters(query)).toEqual({ ...common, marker: "m" });
    expect(parseListObjectsV2Parameters(query)).toEqual({
      ...common,
      startAfter: "s",
      continuationToken: "t",
      fetchOwner: true,
    });
  });

  it.each([
    ["max-keys=0", 0],
    ["max-keys=1", 1],
    ["max-keys=1000", 1000],
    ["max-keys=1001", 1000],
    ["max-keys=2147483647", 1000],
    ["max-keys=", 1000],
    ["", 1000],
  ])("read %s as %i", (query, expected) => {
    expect(parsePageSize(parseQuery(query), "max-keys")).toBe(expected);
  });

  it.each(["a", "1.5", "1e2", "2147483648", "-2147483648", "0x10", " 1", "99999999999999999999"])(
    "refuse max-keys=%s with InvalidArgument",
    (text) => {
      const error = failure(() => parsePageSize(parseQuery(`max-keys=${text}`), "max-keys"));
      expect(error.code).toBe("InvalidArgument");
      expect(error.message).toBe("Provided max-keys not an integer or within integer range");
      expect(error.details).toEqual({ ArgumentName: "max-keys", ArgumentValue: text });
    },
  );

  it("refuse a negative max-keys and a number below its bound with InvalidArgument", () => {
    const error = failure(() => parsePageSize(parseQuery("max-keys=-1"), "max-keys"));
    expect(error.message).toBe("Argument maxKeys must be an integer between 0 and 2147483647");
    expect(error.details).toEqual({ ArgumentName: "maxKeys", ArgumentValue: "-1" });
    expect(failure(() => parsePageSize(parseQuery("max-parts=-1"), "max-parts")).message).toBe(
      "Argument max-parts must be an integer between 0 and 2147483647",
    );
    const bounds = { min: 1, max: 10_000, fallback: 10_000 };
    expect(failure(() => parseIntegerParameter(parseQuery("max-buckets=0"), "max-buckets", bounds)).code).toBe(
      "InvalidArgument",
    );
    expect(parseIntegerParameter(parseQuery("max-buckets=20000"), "max-buckets", bounds)).toBe(10_000);
  });

  it("refuse an unknown encoding-type with InvalidArgument", () => {
    expect(failure(() => parseEncodingType(parseQuery("encoding-type="))).details).toEqual({
      ArgumentName: "encoding-type",
      ArgumentValue: "",
    });
    const error = failure(() => parseEncodingType(parseQuery("encoding-type=base64")));
    expect(error.code).toBe("InvalidArgument");
    expect(error.message).toBe("Invalid Encoding Method specified in Request");
    expect(error.details).toEqual({ ArgumentName: "encoding-type", ArgumentValue: "base64" });
  });
});

describe("urlEncode", () => {
  it.each([
    // API_ListObjectsV2
    ["test_file(3).png", "test_file%283%29.png"],
    ["a/b c", "a/b+c"],
    ["asdf+b", "asdf%2Bb"],
    ["A-Za.z_0*9", "A-Za.z_0*9"],
    ["~!'", "%7E%21%27"],
    ["ü😀", "%C3%BC%F0%9F%98%80"],
    ["\0\u0001\r\n", "%00%01%0D%0A"],
    ["%41&=?#", "%2541%26%3D%3F%23"],
  ])("encodes %j", (text, expected) => {
    expect(urlEncode(text)).toBe(expected);
    expect(encodeListed(text, "url")).toBe(expected);
    expect(encodeListed(text, undefined)).toBe(text);
    expect(decodeURIComponent(urlEncode(text).replaceAll("+", " "))).toBe(text);
  });
});

describe("parseResponseOverrides", () => {
  it("reads the six parameters", () => {
    const query = parseQuery(
      "response-cache-control=a&response-content-disposition=attachment%3B+filename%3D%22x%22&response-content-encoding=c" +
        "&response-content-language=d&response-content-type=text%2Fplain&response-expires=f&versionId=h",
    );
    expect(parseResponseOverrides(query)).toEqual({
      "cache-control": "a",
      "content-disposition": 'attachment; filename="x"',
      "content-encoding": "c",
      "content-language": "d",
      "content-type": "text/plain",
      expires: "f",
    });
    expect(parseResponseOverrides(parseQuery("response-expires=&x"))).toEqual({});
  });

  it.each([
    ["response-content-type=a%0D%0Ab", "Header value contains control characters."],
    ["response-expires=%00", "Header value contains control characters."],
    // AWS's messages, as users report them.
    ["response-content-disposition=%E2%82%AC", "Header value cannot be represented using ISO-8859-1."],
    [
      "response-x=g",
      "response-x is not in the set of overridable response headers. Please refer to the S3 API documentation for a complete list of overridable response headers.",
    ],
  ])("refuses %s with InvalidArgument", (text, message) => {
    const error = failure(() => parseResponseOverrides(parseQuery(text)));
    expect(error.code).toBe("InvalidArgument");
    expect(error.message).toBe(message);
    expect(error.details.ArgumentName).toBe(text.split("=")[0]);
  });
});

describe("versionId", () => {
  const tokenOf = (isNull: boolean) =>
    newVersionToken({ isNull, isMarker: false }, { now: new Date(0), replaced: undefined });

  it("is null, an id, or absent", () => {
    const id = tokenOf(false);
    expect(["", "versionId=null", `versionId=${id}`].map((text) => parseVersionId(parseQuery(text)))).toEqual([
      undefined,
      "null",
      id,
    ]);
  });

  it.each(["abc", "NULL", tokenOf(true), "HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD"])("is not %s", (text) => {
    const error = failure(() => parseVersionId(parseQuery(`versionId=${text}`)));
    expect([error.code, error.message]).toEqual(["InvalidArgument", "Invalid version id specified"]);
    expect(error.details).toEqual({ ArgumentName: "versionId", ArgumentValue: text });
  });

  it("is not empty", () => {
    expect(failure(() => parseVersionId(parseQuery("versionId"))).message).toBe(
      "Version id cannot be the empty string",
    );
  });

  it("is refused, whatever its value, where a request makes a version", () => {
    refuseVersionId(parseQuery("x=y"));
    for (const text of ["versionId", "versionId=null"]) {
      const error = failure(() => refuseVersionId(parseQuery(text)));
      expect([error.code, error.message]).toEqual(["InvalidArgument", "This operation does not accept a version-id."]);
    }
  });
});
