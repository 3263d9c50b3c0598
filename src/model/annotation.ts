/** Annotations of objects: named texts that are kept with a version (API_PutObjectAnnotation). */
import { S3Error } from "../errors.ts";
import type { Checksum } from "./checksum.ts";

export const MAX_ANNOTATIONS = 1000;
export const MAX_ANNOTATION_BYTES = 1024 * 1024;
export const MAX_ANNOTATION_NAME_BYTES = 512;

export interface Annotation {
  readonly name: string;
  /** Without quotes. */
  readonly etag: string;
  readonly sizeBytes: number;
  readonly lastModified: Date;
  readonly checksum: Checksum | undefined;
}

/**
 * "Annotation names are UTF-8 encoded and cannot start with aws or s3 (case-insensitive)", "Maximum length of 512 bytes". Control
 * characters are refused too: XML cannot contain them.
 * @throws S3Error `InvalidAnnotationName`, `AnnotationNameTooLong`
 */
export function requireAnnotationName(name: string | undefined): string {
  if (name === undefined || name === "" || /^(aws|s3)|\p{Cc}|[\ufffe\uffff]/iu.test(name) || !name.isWellFormed()) {
    throw new S3Error("InvalidAnnotationName");
  }
  if (new TextEncoder().encode(name).byteLength > MAX_ANNOTATION_NAME_BYTES) throw new S3Error("AnnotationNameTooLong");
  return name;
}
