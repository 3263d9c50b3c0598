import { describe, expect, it } from "vitest";
import {
  formatLocationConstraint,
  parseCreateBucketConfiguration,
} from "../../../../src/protocol/xml/bucket-location.ts";
import { formatListAllMyBucketsResult } from "../../../../src/protocol/xml/listings.ts";
import { failure } from "../failure.ts";
import { bytes, DATE, DATE_XML, golden, OWNER, OWNER_XML } from "./golden.ts";

describe("ListAllMyBucketsResult", () => {
  it("has owner, buckets, token and prefix", () => {
    expect(
      formatListAllMyBucketsResult({
        owner: OWNER,
        buckets: [{ name: "my.bucket", createdAt: DATE, region: "auto", arn: "arn:aws:s3:::my.bucket" }],
        continuationToken: "t",
        prefix: "my",
      }),
    ).toBe(
      golden(
        "ListAllMyBucketsResult",
        `<Owner>${OWNER_XML}</Owner>
         <Buckets><Bucket>
           <Name>my.bucket</Name><CreationDate>${DATE_XML}</CreationDate><BucketRegion>auto</BucketRegion>
           <BucketArn>arn:aws:s3:::my.bucket</BucketArn>
         </Bucket></Buckets>
         <ContinuationToken>t</ContinuationToken>
         <Prefix>my</Prefix>`,
      ),
    );
  });

  it("is written without buckets", () => {
    const empty = { owner: OWNER, buckets: [], continuationToken: undefined, prefix: undefined };
    expect(formatListAllMyBucketsResult(empty)).toBe(
      golden("ListAllMyBucketsResult", `<Owner>${OWNER_XML}</Owner><Buckets/>`),
    );
  });
});

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
