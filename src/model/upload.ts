import type { Checksum, ChecksumAlgorithm, ChecksumType } from "./checksum.ts";
import type { StorageClass } from "./object.ts";

/** The checksum for which an upload was created; every part then has one of the same algorithm. */
export interface UploadChecksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly type: ChecksumType;
}

/** An upload that is neither completed nor aborted. */
export interface OpenUpload {
  readonly key: string;
  readonly uploadId: string;
  readonly initiatedAt: Date;
  /** Canonical user id of the initiator, who will own the object. */
  readonly ownerId: string;
  readonly storageClass: StorageClass;
  readonly checksum?: UploadChecksum;
}

export interface UploadedPart {
  /** 1..10000. */
  readonly partNumber: number;
  readonly sizeBytes: number;
  /** Hex MD5, without quotes. */
  readonly etag: string;
  readonly lastModified: Date;
  readonly checksum?: PartChecksum;
}

export interface PartChecksum {
  readonly algorithm: ChecksumAlgorithm;
  /** Base64. */
  readonly value: string;
}

export interface PartsPage {
  readonly upload: OpenUpload;
  /** Ascending part numbers. */
  readonly parts: readonly UploadedPart[];
  readonly isTruncated: boolean;
}

export interface UploadListQuery {
  readonly prefix: string;
  /** Empty: no grouping. */
  readonly delimiter: string;
  readonly keyMarker: string;
  /** Only with a key marker: uploads of that key with ids after this one are listed too. */
  readonly uploadIdMarker: string;
  /** 0..1000, uploads and common prefixes together. */
  readonly maxUploads: number;
}

export interface UploadsPage {
  /** By key in UTF-8 byte order, then by time of initiation. */
  readonly uploads: readonly OpenUpload[];
  readonly commonPrefixes: readonly string[];
  readonly isTruncated: boolean;
  /** The last upload of the page; empty where it ends in a common prefix. */
  readonly nextKeyMarker: string;
  readonly nextUploadIdMarker: string;
}

/** A part as the request to complete names it. */
export interface CompletedPart {
  readonly partNumber: number;
  /** Without quotes. */
  readonly etag: string;
  /** The checksums that were stated; each must equal the part's. */
  readonly checksums: readonly PartChecksum[];
}

export interface CompletionRequest {
  readonly parts: readonly CompletedPart[];
  /** `x-amz-checksum-*`: the value the finished object must have. */
  readonly checksum?: Omit<Checksum, "type">;
  /** `x-amz-checksum-type`. */
  readonly checksumType?: ChecksumType;
  /** `x-amz-mp-object-size`, bytes. */
  readonly objectSizeBytes?: number;
}
