import { describe, expect, it } from "vitest";
import type { Tag } from "../../../../src/model/object.ts";
import { parseTaggingHeader } from "../../../../src/protocol/tags.ts";
import { formatTagging, parseTagging, parseTaggingField } from "../../../../src/protocol/xml/tagging.ts";
import { failure } from "../failure.ts";
import { bytes, golden } from "./golden.ts";

const tags = (count: number): Tag[] => Array.from({ length: count }, (_, index) => ({ key: `k${index}`, value: "v" }));

describe("Tagging", () => {
  it("is written and read back", () => {
    const set = [
      { key: "Project", value: " Blue + Green " },
      { key: "ünï:/=.-_@", value: "" },
    ];
    const document = formatTagging(set);
    expect(document).toBe(
      golden(
        "Tagging",
        `<TagSet><Tag><Key>Project</Key><Value> Blue + Green </Value></Tag>
         <Tag><Key>ünï:/=.-_@</Key><Value/></Tag></TagSet>`,
      ),
    );
    expect(parseTagging(bytes(document), "object")).toEqual(set);
  });

  it.each(["<Tagging/>", '<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"> </Tagging>'])(
    "%s without a TagSet has no tags",
    (document) => {
      expect(parseTagging(bytes(document), "object")).toEqual([]);
      expect(parseTagging(bytes(document), "bucket")).toEqual([]);
    },
  );

  it("a form's field with another root has no tags", () => {
    expect(parseTaggingField("<Other><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Other>")).toEqual([]);
    expect(parseTaggingField(formatTagging([{ key: "k", value: "v" }]))).toEqual([{ key: "k", value: "v" }]);
    for (const text of ["", "k=v", "<Other>", "<Tagging><Other/></Tagging>"]) {
      expect(failure(() => parseTaggingField(text)).code).toBe("MalformedXML");
    }
  });

  it("is written without tags", () => {
    expect(formatTagging([])).toBe(golden("Tagging", "<TagSet/>"));
    expect(parseTagging(bytes("<Tagging><TagSet/></Tagging>"), "object")).toEqual([]);
  });

  it.each([
    "<Tagging><TagSet><Tag><Key>k</Key></Tag></TagSet></Tagging>",
    "<Tagging><TagSet><Tag><Value>v</Value></Tag></TagSet></Tagging>",
    "<Tagging><TagSet><Other/></TagSet></Tagging>",
    "<Tagging><TagSet/><TagSet/></Tagging>",
    "<TagSet/>",
  ])("refuses %s with MalformedXML", (document) => {
    expect(failure(() => parseTagging(bytes(document), "object")).code).toBe("MalformedXML");
  });
});

describe("limits of tags", () => {
  it.each([
    ["object", 10],
    ["bucket", 50],
  ] as const)("%s: accepts %i tags and refuses more with BadRequest", (scope, limit) => {
    expect(parseTagging(bytes(formatTagging(tags(limit))), scope).length).toBe(limit);
    const error = failure(() => parseTagging(bytes(formatTagging(tags(limit + 1))), scope));
    expect(error.code).toBe("BadRequest");
  });

  it.each([
    [[{ key: "", value: "v" }], "The TagKey you have provided is invalid"],
    [[{ key: "k".repeat(129), value: "v" }], "The TagKey you have provided is invalid"],
    [[{ key: "k", value: "v".repeat(257) }], "The TagValue you have provided is invalid"],
    [[{ key: "k<", value: "v" }], "The TagKey you have provided is invalid"],
    [[{ key: "k", value: "a\rb" }], "The TagValue you have provided is invalid"],
    [[{ key: "aws:x", value: "v" }], "Your TagKey cannot be prefixed with aws:"],
    [[...tags(2), ...tags(1)], "Cannot provide multiple Tags with the same key"],
  ])("refuses %j with InvalidTag", (set, message) => {
    const error = failure(() => parseTagging(bytes(formatTagging(set)), "object"));
    expect(error.code).toBe("InvalidTag");
    expect(error.message).toBe(message);
  });

  it("refuses the reserved prefix of a bucket's tags with AWS's message", () => {
    const error = failure(() => parseTagging(bytes(formatTagging([{ key: "aws:x", value: "v" }])), "bucket"));
    expect(error.message).toBe("System tags cannot be added/updated by requester");
  });

  it("accepts the longest key and value", () => {
    const set = [{ key: "k".repeat(128), value: "v".repeat(256) }];
    expect(parseTagging(bytes(formatTagging(set)), "object")).toEqual(set);
  });
});

describe("parseTaggingHeader", () => {
  it.each([
    [null, []],
    ["", []],
    ["&&", []],
    ["k=v", [{ key: "k", value: "v" }]],
    ["k", [{ key: "k", value: "" }]],
    [
      "Project=Blue%20x&Owner=a+b",
      [
        { key: "Project", value: "Blue x" },
        { key: "Owner", value: "a b" },
      ],
    ],
  ])("reads %j", (header, expected) => {
    expect(parseTaggingHeader(header)).toEqual(expected);
  });

  it.each([
    ["k=%zz", "InvalidArgument"],
    ["k=v&k=w", "InvalidArgument"],
    ["=v", "InvalidArgument"],
    ["a=b,c=d", "InvalidArgument"],
    ["k=v&%6B=w", "InvalidArgument"],
    ["k=a,b", "InvalidTag"],
    ["aws:k=v", "InvalidTag"],
    [Array.from({ length: 11 }, (_, index) => `k${index}=v`).join("&"), "BadRequest"],
  ])("refuses %j with %s", (header, code) => {
    expect(failure(() => parseTaggingHeader(header)).code).toBe(code);
  });
});
