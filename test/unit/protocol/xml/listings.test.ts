import { describe, expect, it } from "vitest";
import type { ListPage } from "../../../../src/model/object.ts";
import {
  formatListAllMyBucketsResult,
  formatListBucketResult,
  formatListBucketResultV2,
} from "../../../../src/protocol/xml/listings.ts";
import { childrenOf, requireChildText } from "../../../../src/protocol/xml/reader.ts";
import { DATE, DATE_XML, golden, HOSTILE_KEYS, OWNER, OWNER_XML, reread } from "./golden.ts";

function listed(key: string) {
  return { key, sizeBytes: 5, etag: "e1", lastModified: DATE, storageClass: "STANDARD", ownerId: OWNER.id } as const;
}

const EMPTY: ListPage = { objects: [], commonPrefixes: [], isTruncated: false, last: "" };
const PAGE: ListPage = {
  objects: [{ ...listed("a b/é"), checksum: { algorithm: "CRC32", type: "FULL_OBJECT" } }],
  commonPrefixes: ["x y/"],
  isTruncated: true,
  last: "x y/",
};

const V1 = {
  bucket: "b",
  prefix: "",
  marker: "",
  delimiter: "",
  maxKeys: 1000,
  encodingType: undefined,
  page: EMPTY,
  nextMarker: undefined,
  ownerOf: () => OWNER,
} as const;

const V2 = {
  bucket: "b",
  prefix: "",
  delimiter: "",
  maxKeys: 1000,
  encodingType: undefined,
  page: EMPTY,
  continuationToken: undefined,
  nextContinuationToken: undefined,
  startAfter: undefined,
  ownerOf: undefined,
} as const;

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

describe("ListBucketResult", () => {
  it("is written without objects", () => {
    expect(formatListBucketResult(V1)).toBe(
      golden(
        "ListBucketResult",
        "<Name>b</Name><Prefix/><Marker/><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>",
      ),
    );
  });

  it("has every element, including owners", () => {
    const all = { ...V1, prefix: "p ", marker: "m ", nextMarker: "x y/", delimiter: "/ ", maxKeys: 2, page: PAGE };
    expect(formatListBucketResult(all)).toBe(
      golden(
        "ListBucketResult",
        `<Name>b</Name><Prefix>p </Prefix><Marker>m </Marker><NextMarker>x y/</NextMarker><MaxKeys>2</MaxKeys>
         <Delimiter>/ </Delimiter><IsTruncated>true</IsTruncated>
         <Contents><Key>a b/é</Key><LastModified>${DATE_XML}</LastModified><ETag>&quot;e1&quot;</ETag>
           <ChecksumAlgorithm>CRC32</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType><Size>5</Size>
           <Owner>${OWNER_XML}</Owner><StorageClass>STANDARD</StorageClass></Contents>
         <CommonPrefixes><Prefix>x y/</Prefix></CommonPrefixes>`,
      ),
    );
  });

  it("encodes keys, prefixes, delimiters and markers with encoding-type=url", () => {
    const all = { ...V1, prefix: "p ", marker: "m ", nextMarker: "x y/", delimiter: "/ ", page: PAGE };
    const document = formatListBucketResult({ ...all, encodingType: "url" });
    expect(document).toContain("<Prefix>p+</Prefix><Marker>m+</Marker><NextMarker>x+y/</NextMarker>");
    expect(document).toContain("<Delimiter>/+</Delimiter><EncodingType>url</EncodingType>");
    expect(document).toContain("<Key>a+b/%C3%A9</Key>");
    expect(document).toContain("<CommonPrefixes><Prefix>x+y/</Prefix></CommonPrefixes>");
  });
});

describe("ListBucketResult, version 2", () => {
  it("is written without objects", () => {
    expect(formatListBucketResultV2(V2)).toBe(
      golden(
        "ListBucketResult",
        "<Name>b</Name><Prefix/><KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>",
      ),
    );
  });

  it("has every element, url-encoded except the tokens", () => {
    expect(
      formatListBucketResultV2({
        ...V2,
        prefix: "p ",
        delimiter: "/ ",
        maxKeys: 2,
        encodingType: "url",
        page: PAGE,
        continuationToken: "t=",
        nextContinuationToken: "n=",
        startAfter: "s ",
        ownerOf: () => OWNER,
      }),
    ).toBe(
      golden(
        "ListBucketResult",
        `<Name>b</Name><Prefix>p+</Prefix><ContinuationToken>t=</ContinuationToken>
         <NextContinuationToken>n=</NextContinuationToken><StartAfter>s+</StartAfter><KeyCount>2</KeyCount>
         <MaxKeys>2</MaxKeys><Delimiter>/+</Delimiter><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>
         <Contents><Key>a+b/%C3%A9</Key><LastModified>${DATE_XML}</LastModified><ETag>&quot;e1&quot;</ETag>
           <ChecksumAlgorithm>CRC32</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType><Size>5</Size>
           <Owner>${OWNER_XML}</Owner><StorageClass>STANDARD</StorageClass></Contents>
         <CommonPrefixes><Prefix>x+y/</Prefix></CommonPrefixes>`,
      ),
    );
  });

  it("leaves owners out and repeats an empty start-after", () => {
    const document = formatListBucketResultV2({ ...V2, startAfter: "", page: PAGE });
    expect(document).not.toContain("<Owner>");
    expect(document).toContain("<StartAfter/>");
  });

  it.each(["url", undefined] as const)("escapes hostile keys, encoding-type %s", (encodingType) => {
    const page = { ...EMPTY, objects: HOSTILE_KEYS.map(listed) };
    const root = reread(formatListBucketResultV2({ ...V2, encodingType, page }), "ListBucketResult");
    const keys = childrenOf(root, "Contents").map((contents) => requireChildText(contents, "Key"));
    const decoded = keys.map((key) => (encodingType ? decodeURIComponent(key.replaceAll("+", " ")) : key));
    expect(decoded).toEqual(HOSTILE_KEYS);
  });
});
