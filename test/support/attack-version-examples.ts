/**
 * The operations that can name a version, with the permissions that AWS's documentation requires then. The object of a bucket
 * that was never versioned is its version `null`.
 */
import { type AttackExample, type AttackWorld, exampleOf, type Need } from "./attack-examples.ts";

const VERSION = "versionId=null";

/** The example of the operation with the version in its query. */
function ofVersion(name: Parameters<typeof exampleOf>[0], ...actions: readonly Need["action"][]): AttackExample {
  const example = exampleOf(name);
  const query = (world: AttackWorld) => {
    const rest = example.query?.(world) ?? "";
    return rest === "" ? VERSION : `${rest}&${VERSION}`;
  };
  return { ...example, query, needs: actions.map((action) => ({ action, on: "object" })) };
}

function fromVersion(name: "CopyObject" | "UploadPartCopy"): AttackExample {
  return {
    ...exampleOf(name),
    headers: ({ source }) => ({ "x-amz-copy-source": `/${source.bucket}/${source.key}?${VERSION}` }),
    needs: [
      { action: "s3:PutObject", on: "object" },
      { action: "s3:GetObjectVersion", on: "source" },
    ],
  };
}

export const VERSION_EXAMPLES: Readonly<Record<string, AttackExample>> = {
  "GetObject of a version": ofVersion("GetObject", "s3:GetObjectVersion"),
  "HeadObject of a version": ofVersion("HeadObject", "s3:GetObjectVersion"),
  "GetObjectAttributes of a version": ofVersion(
    "GetObjectAttributes",
    "s3:GetObjectVersion",
    "s3:GetObjectVersionAttributes",
  ),
  "GetObjectTagging of a version": ofVersion("GetObjectTagging", "s3:GetObjectVersionTagging"),
  "PutObjectTagging of a version": ofVersion("PutObjectTagging", "s3:PutObjectVersionTagging"),
  "DeleteObjectTagging of a version": ofVersion("DeleteObjectTagging", "s3:DeleteObjectVersionTagging"),
  "PutObjectAnnotation of a version": ofVersion("PutObjectAnnotation", "s3:PutObjectVersionAnnotation"),
  "ListObjectAnnotations of a version": ofVersion("ListObjectAnnotations", "s3:ListObjectVersionAnnotations"),
  "GetObjectAnnotation of a version": ofVersion("GetObjectAnnotation", "s3:GetObjectVersionAnnotation"),
  "DeleteObjectAnnotation of a version": ofVersion("DeleteObjectAnnotation", "s3:DeleteObjectVersionAnnotation"),
  "UpdateObjectEncryption of a version": ofVersion("UpdateObjectEncryption", "s3:UpdateObjectEncryption"),
  "GetObjectAcl of a version": ofVersion("GetObjectAcl", "s3:GetObjectVersionAcl"),
  "PutObjectAcl of a version": ofVersion("PutObjectAcl", "s3:PutObjectVersionAcl"),
  "DeleteObject of a version": ofVersion("DeleteObject", "s3:DeleteObjectVersion"),
  "DeleteObjects of a version": {
    ...exampleOf("DeleteObjects"),
    body: ({ key }) => `<Delete><Object><Key>${key}</Key><VersionId>null</VersionId></Object></Delete>`,
    needs: [{ action: "s3:DeleteObjectVersion", on: "object" }],
  },
  "CopyObject from a version": fromVersion("CopyObject"),
  "UploadPartCopy from a version": fromVersion("UploadPartCopy"),
};
