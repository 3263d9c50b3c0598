import { expect, it } from "vitest";
import { formatAnnotationList, formatPutObjectAnnotation } from "../../../../src/protocol/xml/object-annotations.ts";

const HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n';
const NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';

it("formatPutObjectAnnotation writes key and name", () => {
  expect(formatPutObjectAnnotation("a&b", "<n>")).toBe(
    `${HEAD}<PutObjectAnnotationOutput ${NAMESPACE}><Key>a&amp;b</Key><AnnotationName>&lt;n&gt;</AnnotationName></PutObjectAnnotationOutput>`,
  );
});

it("formatAnnotationList writes the elements of the SDK's model in its order", () => {
  const list = formatAnnotationList({
    bucket: "b",
    key: "k",
    prefix: "n",
    limit: 1,
    continuationToken: "t",
    nextContinuationToken: "u",
    annotations: [
      {
        name: "n1",
        etag: "e",
        sizeBytes: 2,
        lastModified: new Date("2026-01-02T03:04:05.678Z"),
        checksum: { algorithm: "CRC32", value: "AAAAAA==", type: "FULL_OBJECT" },
      },
    ],
  });
  expect(list).toBe(
    `${HEAD}<ListObjectAnnotationsOutput ${NAMESPACE}><Annotations><AnnotationEntry><AnnotationName>n1</AnnotationName>` +
      "<LastModified>2026-01-02T03:04:05.000Z</LastModified><Size>2</Size><ETag>&quot;e&quot;</ETag>" +
      "<ChecksumAlgorithm>CRC32</ChecksumAlgorithm></AnnotationEntry></Annotations><Bucket>b</Bucket><Key>k</Key>" +
      "<AnnotationPrefix>n</AnnotationPrefix><MaxAnnotationResults>1</MaxAnnotationResults><AnnotationCount>1</AnnotationCount>" +
      "<ContinuationToken>t</ContinuationToken><NextContinuationToken>u</NextContinuationToken></ListObjectAnnotationsOutput>",
  );
});
