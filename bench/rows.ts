/** The cases that are measured. Both sides do the same work; the bare side receives the same bytes unsigned. */
import { createHash, randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";
import type { HttpClient, PreparedRequest, Sign } from "./http-client.ts";
import { type Effort, inParallel, type Pair, type Step } from "./measure.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

export interface Bench {
  readonly ours: HttpClient;
  readonly bare: HttpClient;
  readonly sign: Sign;
}

export interface Row {
  readonly name: string;
  readonly effort: Effort;
  /** Creates what the row needs. @throws NotOffered if our Worker lacks the operation */
  prepare(bench: Bench): Promise<Pair<Step>>;
}

export class NotOffered extends Error {}

const small: Effort = { samples: 200, budgetMs: 4_000, concurrency: 16, bursts: 4, burstSteps: 80 };
const listing: Effort = { samples: 50, budgetMs: 4_000, concurrency: 8, bursts: 3, burstSteps: 16 };
const large: Effort = { samples: 12, budgetMs: 5_000, concurrency: 4, bursts: 2, burstSteps: 6 };
const huge: Effort = { samples: 5, budgetMs: 12_000, concurrency: 0, bursts: 0, burstSteps: 0 };

const BUCKET = "bench";
/** More than one key, so that concurrent writers do not conflict. */
const KEYS_WRITTEN = 32;

const kibibyte = randomBytes(KiB);
const eightMebibytes = randomBytes(8 * MiB);
const PARTS = 8;

/** Once, before the rows. */
export async function prepareStorage({ ours, bare, sign }: Bench): Promise<void> {
  await ours.send(await sign({ method: "PUT", path: `/${BUCKET}` }));
  for (const [key, body] of [
    ["1k", kibibyte],
    ["8m", eightMebibytes],
  ] as const) {
    await ours.send(await sign({ method: "PUT", path: `/${BUCKET}/${key}`, body }));
    await bare.send({ method: "PUT", path: `/${key}`, body });
  }
  const body = Buffer.from("x");
  await inParallel(16, 1_000, async (index) => {
    const key = `list/${String(index).padStart(6, "0")}`;
    await ours.send(await sign({ method: "PUT", path: `/${BUCKET}/${key}`, body }));
    await bare.send({ method: "PUT", path: `/${key}`, body });
  });
}

export const rows: readonly Row[] = [
  reading({ name: "HEAD 1 KiB", method: "HEAD", key: "1k", effort: small }),
  reading({ name: "GET 1 KiB", method: "GET", key: "1k", effort: small }),
  reading({ name: "GET 8 MiB", method: "GET", key: "8m", effort: large }),
  writing({ name: "PUT 1 KiB, UNSIGNED-PAYLOAD", body: kibibyte, effort: small, frame: unsigned }),
  writing({ name: "PUT 1 KiB, SHA-256", body: kibibyte, effort: small, frame: hashed }),
  writing({ name: "PUT 1 KiB, aws-chunked + CRC32", body: kibibyte, effort: small, frame: chunked }),
  writing({ name: "PUT 8 MiB, UNSIGNED-PAYLOAD", body: eightMebibytes, effort: large, frame: unsigned }),
  writing({ name: "PUT 8 MiB, SHA-256", body: eightMebibytes, effort: large, frame: hashed }),
  writing({ name: "PUT 8 MiB, aws-chunked + CRC32", body: eightMebibytes, effort: large, frame: chunked }),
  {
    name: "LIST 1,000 keys",
    effort: listing,
    async prepare({ ours, bare, sign }) {
      const request = await sign({ method: "GET", path: `/${BUCKET}?list-type=2&prefix=list%2F` });
      return {
        ours: sending(ours, () => request),
        bare: sending(bare, () => ({ method: "GET", path: "/?prefix=list%2F" })),
      };
    },
  },
  { name: "multipart upload, 8 × 8 MiB", effort: huge, prepare: uploadInParts },
  { name: "GET of that 64 MiB", effort: huge, prepare: (bench) => afterUpload(bench, readUpload) },
  { name: "CopyObject of that 64 MiB", effort: huge, prepare: (bench) => afterUpload(bench, copyUpload) },
];

function sending(client: HttpClient, request: (index: number) => PreparedRequest): Step {
  return async (index) => {
    await client.send(request(index));
  };
}

interface Reading {
  readonly name: string;
  readonly method: "GET" | "HEAD";
  readonly key: string;
  readonly effort: Effort;
}

function reading({ name, method, key, effort }: Reading): Row {
  return {
    name,
    effort,
    async prepare({ ours, bare, sign }) {
      const request = await sign({ method, path: `/${BUCKET}/${key}` });
      return { ours: sending(ours, () => request), bare: sending(bare, () => ({ method, path: `/${key}` })) };
    },
  };
}

type Framing = (body: Buffer) => { readonly headers: Record<string, string>; readonly body: Buffer };

interface Writing {
  readonly name: string;
  readonly body: Buffer;
  readonly effort: Effort;
  readonly frame: Framing;
}

function writing({ name, body, effort, frame }: Writing): Row {
  return {
    name,
    effort,
    async prepare({ ours, bare, sign }) {
      const framed = frame(body);
      const keys = Array.from({ length: KEYS_WRITTEN }, (_, index) => `put/${index}`);
      const requests = await Promise.all(
        keys.map((key) => sign({ method: "PUT", path: `/${BUCKET}/${key}`, ...framed })),
      );
      return {
        ours: sending(ours, (index) => cycle(requests, index)),
        bare: sending(bare, (index) => ({ method: "PUT", path: `/${cycle(keys, index)}`, body })),
      };
    },
  };
}

function cycle<T>(values: readonly T[], index: number): T {
  const value = values[index % values.length];
  if (value === undefined) throw new RangeError("The list is empty.");
  return value;
}

function unsigned(body: Buffer): ReturnType<Framing> {
  return { headers: {}, body };
}

function hashed(body: Buffer): ReturnType<Framing> {
  return { headers: { "x-amz-content-sha256": createHash("sha256").update(body).digest("hex") }, body };
}

/** As the AWS SDKs frame a stream over TLS: unsigned chunks of 64 KiB and a trailing checksum. */
function chunked(body: Buffer): ReturnType<Framing> {
  const pieces: Buffer[] = [];
  for (let offset = 0; offset < body.length; offset += 64 * KiB) {
    const chunk = body.subarray(offset, offset + 64 * KiB);
    pieces.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from("\r\n"));
  }
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(body));
  pieces.push(Buffer.from(`0\r\nx-amz-checksum-crc32:${checksum.toString("base64")}\r\n\r\n`));
  return {
    headers: {
      "content-encoding": "aws-chunked",
      "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
      "x-amz-decoded-content-length": String(body.length),
      "x-amz-trailer": "x-amz-checksum-crc32",
    },
    body: Buffer.concat(pieces),
  };
}

async function uploadInParts({ ours, bare, sign }: Bench): Promise<Pair<Step>> {
  await requireOffered(ours, await sign({ method: "POST", path: `/${BUCKET}/probe?uploads=` }));
  const partNumbers = Array.from({ length: PARTS }, (_, index) => index + 1);
  return {
    ours: async (_index, watch) => {
      const path = `/${BUCKET}/multipart`;
      const create = await watch.pause(() => sign({ method: "POST", path: `${path}?uploads=` }));
      const uploadId = /<UploadId>([^<]+)/.exec((await ours.send(create)).text())?.[1] ?? "";
      const query = `uploadId=${encodeURIComponent(uploadId)}`;
      const uploads = await watch.pause(() =>
        Promise.all(
          partNumbers.map((number) =>
            sign({ method: "PUT", path: `${path}?partNumber=${number}&${query}`, body: eightMebibytes }),
          ),
        ),
      );
      const answers = await Promise.all(uploads.map((upload) => ours.send(upload)));
      const parts = answers.map(({ headers: { etag } }, index) => {
        return `<Part><PartNumber>${index + 1}</PartNumber><ETag>${String(etag)}</ETag></Part>`;
      });
      const body = Buffer.from(`<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`);
      const complete = await watch.pause(() => sign({ method: "POST", path: `${path}?${query}`, body }));
      const answer = await ours.send(complete);
      // An error may follow a status of 200 (API_CompleteMultipartUpload).
      if (!answer.text().includes("<CompleteMultipartUploadResult")) throw new Error(answer.text());
    },
    bare: async () => {
      const path = "/multipart";
      const created = await bare.send({ method: "POST", path: `${path}?uploads=` });
      const { uploadId } = JSON.parse(created.text()) as { uploadId: string };
      const query = `uploadId=${encodeURIComponent(uploadId)}`;
      const answers = await Promise.all(
        partNumbers.map((number) =>
          bare.send({ method: "PUT", path: `${path}?partNumber=${number}&${query}`, body: eightMebibytes }),
        ),
      );
      const body = Buffer.from(JSON.stringify(answers.map((answer): unknown => JSON.parse(answer.text()))));
      await bare.send({ method: "POST", path: `${path}?${query}`, body });
    },
  };
}

/** Each row about the finished upload creates that upload, so that it can run on its own. */
async function afterUpload(bench: Bench, prepare: Row["prepare"]): Promise<Pair<Step>> {
  const upload = await uploadInParts(bench);
  const untimed = { pausedMs: 0, pause: <T>(work: () => Promise<T>) => work() };
  await Promise.all([upload.ours(0, untimed), upload.bare(0, untimed)]);
  return prepare(bench);
}

function readUpload(bench: Bench): Promise<Pair<Step>> {
  return reading({ name: "", method: "GET", key: "multipart", effort: huge }).prepare(bench);
}

async function copyUpload({ ours, bare, sign }: Bench): Promise<Pair<Step>> {
  const headers = { "x-amz-copy-source": `/${BUCKET}/multipart` };
  const request = await sign({ method: "PUT", path: `/${BUCKET}/copy`, headers });
  await requireOffered(ours, request);
  return {
    ours: sending(ours, () => request),
    bare: sending(bare, () => ({ method: "PUT", path: "/copy", headers: { "x-copy-source": "multipart" } })),
  };
}

async function requireOffered(client: HttpClient, request: PreparedRequest): Promise<void> {
  const { status } = await client.exchange(request);
  if (status === 501) throw new NotOffered();
}
