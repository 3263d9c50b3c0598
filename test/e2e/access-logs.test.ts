/**
 * Access logs as those who keep logs read them: GoAccess, with its own format for Amazon S3 (`--log-format=AWSS3`), reads the log
 * objects of a running server, and counts what the clients were answered.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { request as openRequest } from "node:http";
import { join } from "node:path";
import { text as readText } from "node:stream/consumers";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutBucketCorsCommand,
  PutBucketLoggingCommand,
  PutBucketPolicyCommand,
  PutBucketWebsiteCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { afterAll, expect, inject, test } from "vitest";
import { bareEnvironment, describeTool, newBucketName, run, temporaryFolder } from "../clients/support/tools.ts";
import { publicPolicy } from "../clients/support/website.ts";
import { parseLogLine } from "../support/access-log-line.ts";

/** Names of objects that need every kind of encoding. */
const ODD_KEYS = [
  'with "quotes" and spaces.txt',
  "back\\slash [brackets] (round)",
  "ünïcode/€/日本/👑",
  "plus+percent%25 & ampersand=equals?question#hash",
  `${"long/".repeat(180)}name`,
];

const USER_AGENT = 'Tester/1.0 ("quoted" agent; [x] \\y)';
const REFERRER = "https://pages.example.org/a path?q=é";

interface Exchange {
  readonly method: string;
  readonly status: number;
}

describeTool("goaccess", ["--version"], () => {
  const server = inject("devServer");
  const folder = temporaryFolder();
  const { endpoint, region, accessKeyId, secretAccessKey } = server;
  const s3 = new S3Client({
    ...{ endpoint, region, forcePathStyle: true, maxAttempts: 1 },
    credentials: { accessKeyId, secretAccessKey },
  });
  const stranger = new S3Client({
    ...{ endpoint, region, forcePathStyle: true, maxAttempts: 1 },
    credentials: { accessKeyId, secretAccessKey: "not the secret" },
  });
  const bucket = newBucketName("logged");
  const target = newBucketName("logs");
  /** What the clients were answered while the bucket was logged. */
  let seen: Exchange[] = [];

  for (const client of [s3, stranger]) {
    client.middlewareStack.add(
      (next) => async (parameters) => {
        const result = await next(parameters);
        const { method } = parameters.request as { method: string };
        seen.push({ method, status: (result.response as { statusCode: number }).statusCode });
        return result;
      },
      { step: "deserialize", priority: "low" },
    );
  }
  const refused = (operation: Promise<unknown>) => expect(operation).rejects.toThrow();

  /** A request that neither an SDK nor `fetch` sends: any Host, unsigned, any headers. */
  async function raw(method: string, path: string, headers: Record<string, string> = {}): Promise<number> {
    const status = await new Promise<number>((resolve, reject) => {
      const request = openRequest(`${endpoint}${path}`, { method, headers }, (response) => {
        readText(response).then(() => resolve(response.statusCode ?? 0), reject);
      });
      request.once("error", reject).end();
    });
    seen.push({ method, status });
    return status;
  }

  /** The lines of the log objects, when there are so many. */
  async function logged(count: number): Promise<readonly string[]> {
    for (let tries = 0; tries < 300; tries++) {
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: target }));
      const texts = await Promise.all(
        Contents.map(async ({ Key }) =>
          (await s3.send(new GetObjectCommand({ Bucket: target, Key }))).Body?.transformToString(),
        ),
      );
      const lines = texts.join("").trimEnd().split("\n");
      if (lines.length >= count) return lines;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    throw new Error("The log objects did not come.");
  }

  async function sendEverything(): Promise<void> {
    for (const Key of ODD_KEYS) {
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: "content" }));
      await (await s3.send(new GetObjectCommand({ Bucket: bucket, Key }))).Body?.transformToString();
      await s3.send(new HeadObjectCommand({ Bucket: bucket, Key }));
    }
    const [first = "", second = ""] = ODD_KEYS;
    const object = { Bucket: bucket, Key: second };
    await (await s3.send(new GetObjectCommand({ ...object, Range: "bytes=1-3" }))).Body?.transformToString();
    await refused(s3.send(new GetObjectCommand({ ...object, IfMatch: '"no"' })));
    await refused(s3.send(new GetObjectCommand({ Bucket: bucket, Key: "not here" })));
    await refused(s3.send(new HeadObjectCommand({ Bucket: bucket, Key: "not here" })));
    await refused(stranger.send(new GetObjectCommand(object)));
    await s3.send(new GetBucketVersioningCommand({ Bucket: bucket }));
    await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: 'a "prefix"', Delimiter: "/" }));

    const CopySource = `${bucket}/${encodeURIComponent(first)}`;
    await s3.send(new CopyObjectCommand({ Bucket: bucket, Key: "copy", CopySource }));
    const upload = { Bucket: bucket, Key: "in parts" };
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand(upload));
    const part = { ...upload, UploadId, PartNumber: 1 };
    await s3.send(new UploadPartCommand({ ...part, Body: "part" }));
    const { CopyPartResult } = await s3.send(new UploadPartCopyCommand({ ...part, CopySource }));
    const Parts = [{ PartNumber: 1, ETag: CopyPartResult?.ETag }];
    await s3.send(new CompleteMultipartUploadCommand({ ...upload, UploadId, MultipartUpload: { Parts } }));
    const other = await s3.send(new CreateMultipartUploadCommand(upload));
    await s3.send(new AbortMultipartUploadCommand({ ...upload, UploadId: other.UploadId }));

    const presigned = new URL(await getSignedUrl(s3, new GetObjectCommand(object)));
    expect(await raw("GET", presigned.pathname + presigned.search, { "user-agent": USER_AGENT })).toBe(200);
    // Everyone may read and list, and the bucket has a website.
    expect(await raw("GET", `/${bucket}/copy`, { referer: encodeURI(REFERRER), "user-agent": USER_AGENT })).toBe(200);
    expect(await raw("GET", `/${bucket}/no%22such%22key%00`)).toBe(404);
    expect(await raw("GET", `/${bucket}?acl`)).toBe(403);
    expect(await raw("DELETE", `/${bucket}/copy`)).toBe(403);
    expect(await raw("POST", `/${bucket}?nothing=known%22`)).toBeGreaterThanOrEqual(400);
    const preflight = { origin: "https://pages.example.org", "access-control-request-method": "GET" };
    expect(await raw("OPTIONS", `/${bucket}/copy`, preflight)).toBe(200);
    const visit = { host: `${bucket}.website.localhost`, referer: encodeURI(REFERRER) };
    expect(await raw("GET", "/", visit)).toBe(200);
    expect(await raw("GET", "/nothing%20here%22", visit)).toBe(404);
    expect(await raw("GET", "/index.html", { ...visit, "if-none-match": "*" })).toBe(304);

    await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: "copy" }));
    const Objects = ODD_KEYS.map((Key) => ({ Key }));
    await s3.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects } }));
  }

  afterAll(() => {
    s3.destroy();
    stranger.destroy();
  });

  test("GoAccess reads every line of every kind of request, and counts what clients were answered", async () => {
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    await s3.send(new CreateBucketCommand({ Bucket: target }));
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: "index.html", Body: "<h1>Home</h1>" }));
    await s3.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy: publicPolicy(bucket) }));
    const Rules = { CORSRules: [{ AllowedMethods: ["GET"], AllowedOrigins: ["*"] }] };
    await s3.send(new PutBucketCorsCommand({ Bucket: bucket, CORSConfiguration: Rules }));
    const WebsiteConfiguration = { IndexDocument: { Suffix: "index.html" } };
    await s3.send(new PutBucketWebsiteCommand({ Bucket: bucket, WebsiteConfiguration }));
    const Policy = JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Principal: { Service: "logging.s3.amazonaws.com" },
          Action: "s3:PutObject",
          Resource: `arn:aws:s3:::${target}/*`,
        },
      ],
    });
    await s3.send(new PutBucketPolicyCommand({ Bucket: target, Policy }));
    const LoggingEnabled = { TargetBucket: target, TargetPrefix: "" };
    await s3.send(new PutBucketLoggingCommand({ Bucket: bucket, BucketLoggingStatus: { LoggingEnabled } }));
    seen = [];
    await sendEverything();
    // The source of each of two copies has a line of its own, as has each object that DeleteObjects removes.
    const sent = [...seen, { method: "PUT", status: 200 }, { method: "PUT", status: 200 }];
    const lines = await logged(sent.length + ODD_KEYS.length);
    const parsed = lines.map((line) => ({ line, ...parseLogLine(line) }));
    // On AWS too, these have no request, without which GoAccess accepts no line.
    const ofRequests = parsed.filter(({ operation }) => operation !== "BATCH.DELETE.OBJECT");
    expect(ofRequests).toHaveLength(sent.length);

    const { report, invalid } = await readWithGoAccess(
      ofRequests.map(({ line }) => line),
      folder,
    );
    expect(invalid).toBe("");
    expect(report.general).toMatchObject({ total_requests: sent.length, valid_requests: sent.length });
    expect(report.general.bandwidth).toBe(sum(ofRequests.map(({ bytesSent }) => Number(bytesSent.replace("-", "0")))));
    const statuses = report.status_codes.data.flatMap(({ items = [] }) => items);
    expect(countsOf(statuses.map(({ data, hits }) => [data.slice(0, 3), hits.count]))).toEqual(
      countsOf(sent.map(({ status }) => [String(status), 1])),
    );
    const requests = [report.requests, report.static_requests, report.not_found].flatMap(({ data }) => data);
    expect(countsOf(requests.map(({ method = "", hits }) => [method, hits.count]))).toEqual(
      countsOf(sent.map(({ method }) => [method, 1])),
    );
    for (const key of ODD_KEYS) {
      for (const [method, query] of [
        ["PUT", "?x-id=PutObject"],
        ["GET", "?x-id=GetObject"],
        ["HEAD", ""],
      ]) {
        expect(requests).toContainEqual(expect.objectContaining({ method, data: `/${bucket}/${key}${query}` }));
      }
    }
    expect(report.hosts.data.map(({ data, hits }) => [data, hits.count])).toEqual([["127.0.0.1", sent.length]]);
    expect(report.referring_sites.data.map(({ data, hits }) => [data, hits.count])).toEqual([["pages.example.org", 4]]);
  });
});

interface Panel {
  readonly data: readonly PanelItem[];
}

interface PanelItem {
  readonly data: string;
  readonly method?: string;
  readonly hits: { readonly count: number };
  readonly items?: readonly PanelItem[];
}

type PanelName = "status_codes" | "requests" | "static_requests" | "not_found" | "hosts" | "referring_sites";

type Report = Readonly<Record<PanelName, Panel>> & { readonly general: { readonly bandwidth: number } };

/** GoAccess's report, and the lines that it does not accept. */
async function readWithGoAccess(
  lines: readonly string[],
  folder: string,
): Promise<{ readonly report: Report; readonly invalid: string }> {
  const [log, output, refusals] = [
    join(folder, "access.log"),
    join(folder, "report.json"),
    join(folder, "invalid.log"),
  ];
  writeFileSync(log, `${lines.join("\n")}\n`);
  const options = ["--log-format=AWSS3", "--no-global-config", "--no-progress", `--invalid-requests=${refusals}`];
  await run("goaccess", [log, ...options, "--output", output], { env: bareEnvironment(folder), cwd: folder });
  return { report: JSON.parse(readFileSync(output, "utf8")) as Report, invalid: readFileSync(refusals, "utf8") };
}

function countsOf(counted: readonly (readonly [name: string, count: number])[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [name, count] of counted) counts[name] = (counts[name] ?? 0) + count;
  return counts;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
