/** The requests that are measured. All servers get the same ones; the floor, which knows no S3, gets those of R2. */
import { randomBytes } from "node:crypto";
import { chunked, hashed } from "./framing.ts";
import type { PreparedRequest } from "./http-client.ts";

export const KiB = 1024;
export const MiB = 1024 * KiB;
export const BUCKET = "bench";

export interface RequestCase {
  readonly name: string;
  readonly connections: number;
  /** What has to be there. */
  readonly objects?: () => readonly PreparedRequest[];
  /** Sent over and over, in this order. */
  readonly requests: () => readonly PreparedRequest[];
  /** Where those of the floor differ. */
  readonly floorRequests?: () => readonly PreparedRequest[];
  /** Each request has an effect once, and this one has to be sent before it. */
  readonly before?: (index: number) => PreparedRequest;
  readonly once?: (index: number) => PreparedRequest;
}

const kibibyte = randomBytes(KiB);
const mebibyte = randomBytes(MiB);
const eightMebibytes = randomBytes(8 * MiB);
const listed = Buffer.from("x");

/** More than one key, so that concurrent writers do not conflict. */
const puts = (count: number, prefix: string, framed: Pick<PreparedRequest, "headers" | "body">) =>
  Array.from({ length: count }, (_, index) => ({ method: "PUT", path: `/${BUCKET}/${prefix}/${index}`, ...framed }));

const oneKibibyte = () => [{ method: "PUT", path: `/${BUCKET}/1k`, body: kibibyte }];
const eightMebibytesOnce = () => [{ method: "PUT", path: `/${BUCKET}/8m`, body: eightMebibytes }];
const thousandKeys = () =>
  Array.from({ length: 1_000 }, (_, index) => ({
    method: "PUT",
    path: `/${BUCKET}/list/${String(index).padStart(6, "0")}`,
    body: listed,
  }));
const put8Mebibytes = () => puts(4, "8m", { body: eightMebibytes });
const range = { range: `bytes=${MiB}-${2 * MiB - 1}` };

export const CASES: readonly RequestCase[] = [
  {
    name: "GET 1 KiB",
    connections: 16,
    objects: oneKibibyte,
    requests: () => [{ method: "GET", path: `/${BUCKET}/1k` }],
  },
  {
    name: "HEAD 1 KiB",
    connections: 16,
    objects: oneKibibyte,
    requests: () => [{ method: "HEAD", path: `/${BUCKET}/1k` }],
  },
  { name: "PUT 1 KiB", connections: 8, requests: () => puts(64, "put", { body: kibibyte }) },
  {
    name: "DELETE",
    connections: 8,
    requests: () => [],
    // In no folder: s3rver fails when it removes a folder that another request has just removed.
    before: (index) => ({ method: "PUT", path: `/${BUCKET}/deleted-${index}`, body: listed }),
    once: (index) => ({ method: "DELETE", path: `/${BUCKET}/deleted-${index}` }),
  },
  {
    name: "list of 1,000 keys",
    connections: 2,
    objects: thousandKeys,
    requests: () => [{ method: "GET", path: `/${BUCKET}?list-type=2&prefix=list%2F` }],
    floorRequests: () => [{ method: "GET", path: `/?prefix=${BUCKET}%2Flist%2F` }],
  },
  {
    name: "GET 8 MiB",
    connections: 2,
    objects: eightMebibytesOnce,
    requests: () => [{ method: "GET", path: `/${BUCKET}/8m` }],
  },
  {
    name: "range of 1 MiB",
    connections: 4,
    objects: eightMebibytesOnce,
    requests: () => [{ method: "GET", path: `/${BUCKET}/8m`, headers: range }],
  },
  {
    name: "PUT 1 MiB, signed SHA-256",
    connections: 2,
    requests: () => puts(8, "1m", hashed(mebibyte)),
    floorRequests: () => puts(8, "1m", { body: mebibyte }),
  },
  { name: "PUT 8 MiB, unsigned", connections: 2, requests: put8Mebibytes },
  {
    name: "PUT 8 MiB, CRC32 trailer",
    connections: 2,
    requests: () => puts(4, "8m", chunked(eightMebibytes, "crc32")),
    floorRequests: put8Mebibytes,
  },
  {
    name: "PUT 8 MiB, CRC64NVME trailer",
    connections: 2,
    requests: () => puts(4, "8m", chunked(eightMebibytes, "crc64nvme")),
    floorRequests: put8Mebibytes,
  },
];
