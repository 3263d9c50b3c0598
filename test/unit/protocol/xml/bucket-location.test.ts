import { describe, expect, it } from "vitest";
import {
  formatLocationConstraint,
  parseCreateBucketConfiguration,
} from "../../../../src/protocol/xml/bucket-location.ts";
import { failure } from "../failure.ts";
import { bytes, golden } from "./golden.ts";

describe("LocationConstraint", () => {
  it("contains the region, and is empty for us-east-1", () => {
    expect(formatLocationConstraint("eu-west-1")).toBe(golden("LocationConstraint", "eu-west-1"));
    expect(formatLocationConstraint("us-east-1")).toBe(
      '<?xml version="1.0" encoding="UTF-8"?>\n<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>',
    );
  });
});

describe("CreateBucketConfiguration", () => {
  it.each([
    ["", { locationConstraint: undefined, tags: [] }],
    ["<CreateBucketConfiguration/>", { locationConstraint: undefined, tags: [] }],
    [
      golden("CreateBucketConfiguration", "<LocationConstraint>eu-west-1</LocationConstraint>"),
      { locationConstraint: "eu-west-1", tags: [] },
    ],
    [
      golden("CreateBucketConfiguration", "<LocationConstraint/><Tags><Tag><Key>k</Key><Value>v</Value></Tag></Tags>"),
      { locationConstraint: "", tags: [{ key: "k", value: "v" }] },
    ],
  ])("reads %s", (document, expected) => {
    expect(parseCreateBucketConfiguration(bytes(document))).toEqual(expected);
  });

  it.each([
    ["<Other/>", "MalformedXML"],
    ["<CreateBucketConfiguration><X/></CreateBucketConfiguration>", "MalformedXML"],
    [
      "<CreateBucketConfiguration><LocationConstraint>a</LocationConstraint><LocationConstraint>b</LocationConstraint></CreateBucketConfiguration>",
      "MalformedXML",
    ],
    [" ", "MalformedXML"],
    [
      "<CreateBucketConfiguration><Bucket><Type>Directory</Type></Bucket></CreateBucketConfiguration>",
      "NotImplemented",
    ],
  ])("refuses %s with %s", (document, code) => {
    expect(failure(() => parseCreateBucketConfiguration(bytes(document))).code).toBe(code);
  });
});
