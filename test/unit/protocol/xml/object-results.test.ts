import { describe, expect, it } from "vitest";
import { S3Error } from "../../../../src/errors.ts";
import { formatErrorResponse } from "../../../../src/protocol/xml/error-response.ts";
import { formatCopyPartResult } from "../../../../src/protocol/xml/multipart-uploads.ts";
import {
  formatCopyObjectResult,
  formatGetObjectAttributesResponse,
} from "../../../../src/protocol/xml/object-results.ts";
import { DATE, DATE_XML, golden } from "./golden.ts";

const CRC32 = { algorithm: "CRC32", value: "AAAAAA==", type: "FULL_OBJECT" } as const;

describe("GetObjectAttributesResponse", () => {
  it("has only the requested attributes", () => {
    expect(formatGetObjectAttributesResponse({ objectSizeBytes: 0 })).toBe(
      golden("GetObjectAttributesResponse", "<ObjectSize>0</ObjectSize>"),
    );
  });

  it("has all attributes, with the ETag without quotes", () => {
    expect(
      formatGetObjectAttributesResponse({
        etag: "e1-2",
        checksum: CRC32,
        objectParts: {
          totalPartsCount: 2,
          page: {
            partNumberMarker: 0,
            nextPartNumberMarker: 1,
            maxParts: 1,
            isTruncated: true,
            parts: [{ partNumber: 1, sizeBytes: 7, checksum: CRC32 }],
          },
        },
        storageClass: "STANDARD",
        objectSizeBytes: 12,
      }),
    ).toBe(
      golden(
        "GetObjectAttributesResponse",
        `<ETag>e1-2</ETag>
         <Checksum><ChecksumCRC32>AAAAAA==</ChecksumCRC32><ChecksumType>FULL_OBJECT</ChecksumType></Checksum>
         <ObjectParts><PartsCount>2</PartsCount><PartNumberMarker>0</PartNumberMarker>
           <NextPartNumberMarker>1</NextPartNumberMarker><MaxParts>1</MaxParts><IsTruncated>true</IsTruncated>
           <Part><ChecksumCRC32>AAAAAA==</ChecksumCRC32><PartNumber>1</PartNumber><Size>7</Size></Part></ObjectParts>
         <StorageClass>STANDARD</StorageClass><ObjectSize>12</ObjectSize>`,
      ),
    );
    expect(formatGetObjectAttributesResponse({ objectParts: { totalPartsCount: 2 } })).toBe(
      golden("GetObjectAttributesResponse", "<ObjectParts><PartsCount>2</PartsCount></ObjectParts>"),
    );
  });
});

describe("Error", () => {
  it("has code, message, details and ids in AWS's order", () => {
    const error = new S3Error("NoSuchKey", { details: { Key: "a\r<b>" } });
    expect(formatErrorResponse(error, { requestId: "R", hostId: "H=" })).toBe(
      golden(
        "Error",
        `<Code>NoSuchKey</Code><Message>The specified key does not exist.</Message><Key>a&#xd;&lt;b&gt;</Key>
         <RequestId>R</RequestId><HostId>H=</HostId>`,
        "",
      ),
    );
  });
});

describe("copy results", () => {
  it("have date, ETag and checksum", () => {
    const copied = `<LastModified>${DATE_XML}</LastModified><ETag>&quot;e1&quot;</ETag>`;
    const result = { etag: "e1", lastModified: DATE };
    expect(formatCopyObjectResult({ ...result, checksum: undefined })).toBe(golden("CopyObjectResult", copied));
    expect(formatCopyObjectResult({ ...result, checksum: CRC32 })).toBe(
      golden(
        "CopyObjectResult",
        `${copied}<ChecksumCRC32>AAAAAA==</ChecksumCRC32><ChecksumType>FULL_OBJECT</ChecksumType>`,
      ),
    );
    expect(formatCopyPartResult({ ...result, checksum: CRC32 })).toBe(
      golden("CopyPartResult", `${copied}<ChecksumCRC32>AAAAAA==</ChecksumCRC32>`),
    );
  });
});
