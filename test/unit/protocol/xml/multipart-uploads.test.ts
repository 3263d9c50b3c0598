import { describe, expect, it } from "vitest";
import {
  formatCompleteMultipartUploadResult,
  formatInitiateMultipartUploadResult,
  formatListMultipartUploadsResult,
  formatListPartsResult,
  parseCompleteMultipartUpload,
} from "../../../../src/protocol/xml/multipart-uploads.ts";
import { requireChildText } from "../../../../src/protocol/xml/reader.ts";
import { failure } from "../failure.ts";
import { bytes, DATE, DATE_XML, golden, HOSTILE_KEYS, OWNER, OWNER_XML, reread } from "./golden.ts";

describe("InitiateMultipartUploadResult", () => {
  it("has bucket, key and upload id", () => {
    expect(formatInitiateMultipartUploadResult({ bucket: "b", key: "a b", uploadId: "u" })).toBe(
      golden("InitiateMultipartUploadResult", "<Bucket>b</Bucket><Key>a b</Key><UploadId>u</UploadId>"),
    );
  });

  it.each(HOSTILE_KEYS)("escapes %j", (key) => {
    const document = formatInitiateMultipartUploadResult({ bucket: "b", key, uploadId: "u" });
    expect(requireChildText(reread(document, "InitiateMultipartUploadResult"), "Key")).toBe(key);
  });
});

describe("CompleteMultipartUpload", () => {
  const parse = (content: string) => parseCompleteMultipartUpload(bytes(golden("CompleteMultipartUpload", content)));

  it("reads parts in the order given, ETags with and without quotes, and checksums", () => {
    expect(
      parse(`
        <Part><PartNumber>2</PartNumber><ETag>&quot;e2&quot;</ETag></Part>
        <Part><ETag>"e1"</ETag><PartNumber> 1 </PartNumber><ChecksumCRC32>AAAAAA==</ChecksumCRC32></Part>
        <Part><ETag>e10</ETag><PartNumber>10000</PartNumber><ChecksumSHA256>x</ChecksumSHA256></Part>`),
    ).toEqual([
      { partNumber: 2, etag: "e2", checksums: [] },
      { partNumber: 1, etag: "e1", checksums: [{ algorithm: "CRC32", value: "AAAAAA==" }] },
      { partNumber: 10000, etag: "e10", checksums: [{ algorithm: "SHA256", value: "x" }] },
    ]);
  });

  it.each([
    ["", "InvalidRequest"],
    ["<Other/>", "MalformedXML"],
    ["<Part/>", "MalformedXML"],
    ["<Part><PartNumber>1</PartNumber></Part>", "MalformedXML"],
    ["<Part><ETag>e</ETag></Part>", "MalformedXML"],
    ["<Part><PartNumber>x</PartNumber><ETag>e</ETag></Part>", "MalformedXML"],
    ["<Part><PartNumber>1.5</PartNumber><ETag>e</ETag></Part>", "MalformedXML"],
    ["<Part><PartNumber>1</PartNumber><ETag>e</ETag><ChecksumMD4>x</ChecksumMD4></Part>", "MalformedXML"],
    ["<Part><PartNumber>0</PartNumber><ETag>e</ETag></Part>", "InvalidArgument"],
    ["<Part><PartNumber>-1</PartNumber><ETag>e</ETag></Part>", "InvalidArgument"],
  ])("refuses %j with %s", (content, code) => {
    expect(failure(() => parse(content)).code).toBe(code);
  });
});

describe("CompleteMultipartUploadResult", () => {
  it("has location, ETag and checksum", () => {
    expect(
      formatCompleteMultipartUploadResult({
        location: "http://h/b/a%20b",
        bucket: "b",
        key: "a b",
        etag: "e-2",
        checksum: { algorithm: "CRC64NVME", value: "AAAAAAAAAAA=", type: "FULL_OBJECT" },
      }),
    ).toBe(
      golden(
        "CompleteMultipartUploadResult",
        `<Location>http://h/b/a%20b</Location><Bucket>b</Bucket><Key>a b</Key><ETag>&quot;e-2&quot;</ETag>
         <ChecksumCRC64NVME>AAAAAAAAAAA=</ChecksumCRC64NVME><ChecksumType>FULL_OBJECT</ChecksumType>`,
      ),
    );
  });
});

describe("ListPartsResult", () => {
  it("has the upload and its parts", () => {
    expect(
      formatListPartsResult({
        bucket: "b",
        key: "k",
        uploadId: "u",
        initiator: OWNER,
        owner: OWNER,
        storageClass: "STANDARD",
        partNumberMarker: 1,
        nextPartNumberMarker: 2,
        maxParts: 1,
        isTruncated: true,
        checksum: { algorithm: "SHA1", type: "COMPOSITE" },
        parts: [
          {
            partNumber: 2,
            lastModified: DATE,
            etag: "e2",
            sizeBytes: 7,
            checksum: { algorithm: "SHA1", value: "x" },
          },
        ],
      }),
    ).toBe(
      golden(
        "ListPartsResult",
        `<Bucket>b</Bucket><Key>k</Key><UploadId>u</UploadId><Initiator>${OWNER_XML}</Initiator>
         <Owner>${OWNER_XML}</Owner><StorageClass>STANDARD</StorageClass><PartNumberMarker>1</PartNumberMarker>
         <NextPartNumberMarker>2</NextPartNumberMarker><MaxParts>1</MaxParts><IsTruncated>true</IsTruncated>
         <ChecksumAlgorithm>SHA1</ChecksumAlgorithm><ChecksumType>COMPOSITE</ChecksumType>
         <Part><PartNumber>2</PartNumber><LastModified>${DATE_XML}</LastModified><ETag>&quot;e2&quot;</ETag>
           <Size>7</Size><ChecksumSHA1>x</ChecksumSHA1></Part>`,
      ),
    );
  });
});

describe("ListMultipartUploadsResult", () => {
  it("has uploads and common prefixes, url-encoded on request", () => {
    expect(
      formatListMultipartUploadsResult({
        bucket: "b",
        keyMarker: "m ",
        uploadIdMarker: "",
        nextKeyMarker: "a b",
        nextUploadIdMarker: "u",
        prefix: "p ",
        delimiter: "/",
        encodingType: "url",
        maxUploads: 1,
        isTruncated: true,
        uploads: [
          {
            key: "a b",
            uploadId: "u",
            initiator: OWNER,
            owner: OWNER,
            storageClass: "STANDARD_IA",
            initiated: DATE,
            checksum: { algorithm: "CRC32C", type: "COMPOSITE" },
          },
        ],
        commonPrefixes: ["c d/"],
      }),
    ).toBe(
      golden(
        "ListMultipartUploadsResult",
        `<Bucket>b</Bucket><KeyMarker>m+</KeyMarker><UploadIdMarker/><NextKeyMarker>a+b</NextKeyMarker>
         <NextUploadIdMarker>u</NextUploadIdMarker><Prefix>p+</Prefix><Delimiter>/</Delimiter>
         <EncodingType>url</EncodingType><MaxUploads>1</MaxUploads><IsTruncated>true</IsTruncated>
         <Upload><Key>a+b</Key><UploadId>u</UploadId><Initiator>${OWNER_XML}</Initiator><Owner>${OWNER_XML}</Owner>
           <StorageClass>STANDARD_IA</StorageClass><Initiated>${DATE_XML}</Initiated>
           <ChecksumAlgorithm>CRC32C</ChecksumAlgorithm><ChecksumType>COMPOSITE</ChecksumType></Upload>
         <CommonPrefixes><Prefix>c+d/</Prefix></CommonPrefixes>`,
      ),
    );
  });
});
