/**
 * Where a scrub continues. Of all buckets: bucket after bucket, then the rows that belong to none, then what each region has. Of
 * one bucket: the bucket only.
 */
import { S3Error } from "../errors.ts";

/** The next blob; with `annotation`: the annotations behind this name, since all blobs have been read. */
export interface Unread {
  readonly revision: string;
  readonly blob: number;
  readonly annotation?: string;
}

export type Stage =
  /** The first bucket after a name, its row and its documents. */
  | { readonly stage: "next-bucket"; readonly after: string }
  | { readonly stage: "bucket"; readonly bucket: string }
  /** Behind the end of an R2 key. */
  | {
      readonly stage: "entries" | "records";
      readonly bucket: string;
      readonly bucketId: string;
      readonly after: string;
      /** Where the object there has not been read yet, if it is still the same. */
      readonly unread?: Unread;
    }
  | {
      readonly stage: "uploads";
      readonly bucket: string;
      readonly bucketId: string;
      readonly key: string;
      readonly uploadId: string;
    }
  | { readonly stage: "rows" }
  | { readonly stage: "contents"; readonly region: string; readonly place: "entry" | "record"; readonly after: string }
  | { readonly stage: "blobs"; readonly region: string; readonly after: string };

export interface Position {
  /** The only bucket; absent: all. */
  readonly only?: string;
  /** Whether bytes are read. */
  readonly reads?: "bytes";
  readonly at: Stage;
}

export function firstPosition({ bucket, bytes }: { readonly bucket?: string; readonly bytes: boolean }): Position {
  return {
    ...(bucket !== undefined && { only: bucket }),
    ...(bytes && { reads: "bytes" }),
    at: bucket === undefined ? { stage: "next-bucket", after: "" } : { stage: "bucket", bucket },
  };
}

/** For people. */
export function describeStage(at: Stage): string {
  switch (at.stage) {
    case "next-bucket":
      return "buckets";
    case "bucket":
      return `bucket ${at.bucket}`;
    case "entries":
    case "records":
    case "uploads":
      return `${at.stage} of ${at.bucket}`;
    case "rows":
      return "rows of D1";
    case "contents":
    case "blobs":
      return `${at.stage} of ${at.region}`;
    default:
      return at satisfies never;
  }
}

/** The position as a text that a shell passes as it is. */
export function formatCursor(position: Position): string {
  const bytes = new TextEncoder().encode(JSON.stringify(position));
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** @throws S3Error `InvalidRequest` */
export function parseCursor(text: string): Position {
  try {
    const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    const position: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
    if (isPosition(position)) return position;
  } catch {
    // Answered below.
  }
  throw new S3Error("InvalidRequest", { message: "The cursor is not one that a scrub has returned." });
}

const TEXTS: Readonly<Record<Stage["stage"], readonly string[]>> = {
  "next-bucket": ["after"],
  bucket: ["bucket"],
  entries: ["bucket", "bucketId", "after"],
  records: ["bucket", "bucketId", "after"],
  uploads: ["bucket", "bucketId", "key", "uploadId"],
  rows: [],
  contents: ["region", "place", "after"],
  blobs: ["region", "after"],
};

function isPosition(value: unknown): value is Position {
  if (!isRecord(value) || !isRecord(value.at)) return false;
  const { only, reads, at } = value;
  const texts = Object.entries(TEXTS).find(([stage]) => stage === at.stage)?.[1];
  if (texts === undefined || !texts.every((name) => typeof at[name] === "string")) return false;
  if (at.stage === "contents" && at.place !== "entry" && at.place !== "record") return false;
  return (
    isUnread(at.unread) &&
    (only === undefined || typeof only === "string") &&
    (reads === undefined || reads === "bytes")
  );
}

function isUnread(value: unknown): boolean {
  if (value === undefined) return true;
  if (!isRecord(value)) return false;
  const { revision, blob, annotation } = value;
  const isBlob = Number.isSafeInteger(blob) && Number(blob) >= 0;
  return typeof revision === "string" && isBlob && (annotation === undefined || typeof annotation === "string");
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
