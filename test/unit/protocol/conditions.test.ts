import { describe, expect, it } from "vitest";
import { evaluateReadConditions, parseDeleteCondition, parseWriteCondition } from "../../../src/protocol/conditions.ts";
import { failure } from "./failure.ts";

const ETAG = "d41d8cd98f00b204e9800998ecf8427e";
const SUBJECT = { etag: ETAG, lastModified: new Date("2024-05-05T05:05:05.750Z") };
const SAME = "Sun, 05 May 2024 05:05:05 GMT";
const BEFORE = "Sun, 05 May 2024 05:05:04 GMT";
const AFTER = "Sun, 05 May 2024 05:05:06 GMT";
const NOW = "Sun, 05 May 2024 06:00:00 GMT";
const LATER = "Sun, 05 May 2024 06:00:01 GMT";
const now = new Date("2024-05-05T06:00:00.100Z");

const ROWS: readonly (readonly [Record<string, string>, "proceed" | "not-modified" | "precondition-failed"])[] = [
  [{}, "proceed"],

  [{ "if-match": `"${ETAG}"` }, "proceed"],
  [{ "if-match": ETAG }, "proceed"],
  [{ "if-match": "*" }, "proceed"],
  [{ "if-match": `"x", "${ETAG}"` }, "proceed"],
  [{ "if-match": `x,${ETAG}` }, "proceed"],
  [{ "if-match": '"x"' }, "precondition-failed"],
  [{ "if-match": "" }, "precondition-failed"],
  [{ "if-match": ETAG.toUpperCase() }, "precondition-failed"],
  [{ "if-match": `W/"${ETAG}"` }, "precondition-failed"],
  [{ "if-match": `"*"` }, "precondition-failed"],

  [{ "if-none-match": `"${ETAG}"` }, "not-modified"],
  [{ "if-none-match": ETAG }, "not-modified"],
  [{ "if-none-match": `W/"${ETAG}"` }, "not-modified"],
  [{ "if-none-match": "*" }, "not-modified"],
  [{ "if-none-match": `"x", "${ETAG}"` }, "not-modified"],
  [{ "if-none-match": '"x"' }, "proceed"],

  [{ "if-modified-since": BEFORE }, "proceed"],
  [{ "if-modified-since": SAME }, "not-modified"],
  [{ "if-modified-since": AFTER }, "not-modified"],
  [{ "if-modified-since": NOW }, "not-modified"],
  [{ "if-modified-since": LATER }, "proceed"],
  [{ "if-match": ETAG, "if-modified-since": LATER }, "proceed"],
  [{ "if-unmodified-since": LATER }, "proceed"],
  [{ "if-modified-since": "Sunday, 05-May-24 05:05:06 GMT" }, "not-modified"],
  [{ "if-modified-since": "rubbish" }, "proceed"],

  [{ "if-unmodified-since": BEFORE }, "precondition-failed"],
  [{ "if-unmodified-since": SAME }, "proceed"],
  [{ "if-unmodified-since": AFTER }, "proceed"],
  [{ "if-unmodified-since": "rubbish" }, "proceed"],

  // API_GetObject: "If both of the If-Match and If-Unmodified-Since headers are present …: 200 OK".
  [{ "if-match": ETAG, "if-unmodified-since": BEFORE }, "proceed"],
  [{ "if-match": "x", "if-unmodified-since": AFTER }, "precondition-failed"],
  // API_GetObject: "If both of the If-None-Match and If-Modified-Since headers are present …: 304 Not Modified".
  [{ "if-none-match": ETAG, "if-modified-since": BEFORE }, "not-modified"],
  [{ "if-none-match": "x", "if-modified-since": AFTER }, "proceed"],
  // RFC 9110, 13.2.2: failures come before 304.
  [{ "if-match": "x", "if-none-match": ETAG }, "precondition-failed"],
  [{ "if-match": ETAG, "if-none-match": ETAG }, "not-modified"],
  [{ "if-unmodified-since": BEFORE, "if-none-match": ETAG }, "precondition-failed"],
  [{ "if-match": ETAG, "if-modified-since": SAME }, "not-modified"],
];

describe("evaluateReadConditions", () => {
  it.each(ROWS)("evaluates %j: %s", (headers, expected) => {
    expect(evaluateReadConditions({ headers: new Headers(headers), now }, SUBJECT)).toBe(expected);
  });

  it.each(ROWS)("evaluates conditions of a copy source, %j: %s", (headers, expected) => {
    const prefixed = Object.entries(headers).map(([name, value]) => [`x-amz-copy-source-${name}`, value] as const);
    const opposite = { "if-match": "other", "if-unmodified-since": BEFORE };
    expect(
      evaluateReadConditions(
        { headers: new Headers({ ...opposite, ...Object.fromEntries(prefixed) }), now, prefix: "x-amz-copy-source-" },
        SUBJECT,
      ),
    ).toBe(expected);
  });
});

describe("parseWriteCondition", () => {
  it.each([
    [{}, undefined],
    [{ "if-none-match": "*" }, { kind: "if-none-match-any" }],
    [{ "if-none-match": " * " }, { kind: "if-none-match-any" }],
    [{ "if-match": `"${ETAG}"` }, { kind: "if-match", etag: ETAG }],
    [{ "if-match": ETAG }, { kind: "if-match", etag: ETAG }],
    [{ "if-match": "*" }, { kind: "if-match", etag: "*" }],
  ])("reads %j", (headers, expected) => {
    expect(parseWriteCondition(new Headers(headers as Record<string, string>))).toEqual(expected);
  });

  it.each([
    [{ "if-none-match": `"${ETAG}"` }, "If-None-Match"],
    [{ "if-none-match": "" }, "If-None-Match"],
    [{ "if-match": '"a", "b"' }, "If-Match"],
    [{ "if-match": 'W/"a"' }, "If-Match"],
    [{ "if-match": '""' }, "If-Match"],
    [{ "if-match": ETAG, "if-none-match": "*" }, "If-Match,If-None-Match"],
    [{ "if-modified-since": SAME }, "If-Modified-Since"],
    [{ "if-unmodified-since": SAME }, "If-Unmodified-Since"],
  ])("refuses %j with NotImplemented", (headers, header) => {
    const error = failure(() => parseWriteCondition(new Headers(headers as Record<string, string>)));
    expect(error.code).toBe("NotImplemented");
    expect(error.status).toBe(501);
    expect(error.message).toBe("A header you provided implies functionality that is not implemented");
    expect(error.details.Header).toBe(header);
  });
});

describe("parseDeleteCondition", () => {
  const SIZE = "x-amz-if-match-size";
  const TIME = "x-amz-if-match-last-modified-time";

  it.each([
    [{}, undefined],
    [{ "if-match": "*" }, { expected: { etag: "*" }, mustExist: true }],
    [
      { "if-match": `"${ETAG}"`, [SIZE]: "0" },
      { expected: { etag: ETAG, sizeBytes: 0 }, mustExist: true },
    ],
    [{ [SIZE]: " 12 " }, { expected: { etag: "*", sizeBytes: 12 }, mustExist: false }],
    [{ [TIME]: SAME }, { expected: { etag: "*", lastModified: new Date(SAME) }, mustExist: false }],
    [{ [TIME]: "2024-05-05T05:05:05Z" }, { expected: { etag: "*", lastModified: new Date(SAME) }, mustExist: false }],
  ])("reads %j", (headers, expected) => {
    expect(parseDeleteCondition(new Headers(headers as Record<string, string>))).toEqual(expected);
  });

  it.each([
    [{ [SIZE]: "1e3" }, "InvalidArgument"],
    [{ [SIZE]: "" }, "InvalidArgument"],
    [{ [TIME]: "yesterday" }, "InvalidArgument"],
    [{ "if-none-match": "*" }, "NotImplemented"],
    [{ "if-unmodified-since": SAME }, "NotImplemented"],
  ])("refuses %j with %s", (headers, code) => {
    expect(failure(() => parseDeleteCondition(new Headers(headers as Record<string, string>))).code).toBe(code);
  });
});
