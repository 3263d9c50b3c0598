/** The audit of a running server, as an operator sets it up and reads it: by the command, through the queue, from the bucket. */
import { spawnSync } from "node:child_process";
import {
  CreateBucketCommand,
  DeleteBucketPolicyCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, test } from "vitest";
import { projectRoot } from "../../scripts/wrangler.ts";
import { startTestServer, type TestServer } from "../support/dev-server.ts";

let server: TestServer;
let s3: S3Client;

beforeAll(async () => {
  server = await startTestServer();
  s3 = clientWith(server.secretAccessKey);
});
afterAll(() => server.stop());

function clientWith(secretAccessKey: string): S3Client {
  const { endpoint, region, accessKeyId } = server;
  const credentials = { accessKeyId, secretAccessKey };
  return new S3Client({ endpoint, region, forcePathStyle: true, maxAttempts: 1, credentials });
}

function admin(...words: readonly string[]): unknown {
  const { endpoint, accessKeyId, secretAccessKey } = server;
  const command = ["cli/main.ts", ...words, "--endpoint", endpoint, "--json"];
  const keys = { ROOT_ACCESS_KEY_ID: accessKeyId, ROOT_SECRET_ACCESS_KEY: secretAccessKey };
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    cwd: projectRoot,
    env: { ...process.env, ...keys },
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${words.join(" ")}: ${stderr}`);
  return JSON.parse(stdout);
}

interface Line {
  readonly type: string;
  readonly operation: string;
  readonly bucket?: string;
  readonly sourceIp?: string;
  readonly userAgent?: string;
}

/** The lines in the bucket, when there are so many. */
async function linesIn(bucket: string, count: number): Promise<Line[]> {
  for (let tries = 0; tries < 300; tries++) {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: "trail/" }));
    const texts = await Promise.all(
      Contents.map(async ({ Key }) =>
        (await s3.send(new GetObjectCommand({ Bucket: bucket, Key }))).Body?.transformToString(),
      ),
    );
    const lines = texts.flatMap((text = "") => text.trimEnd().split("\n"));
    if (lines.length >= count) return lines.map((line) => JSON.parse(line) as Line);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error("The lines did not come.");
}

test("changes and refusals are lines in the bucket that the command has set", async () => {
  await s3.send(new CreateBucketCommand({ Bucket: "kept" }));
  expect(admin("audit", "show")).toEqual({ status: "off" });
  expect(admin("audit", "set", "kept", "--prefix", "trail/")).toMatchObject({ bucket: "kept", prefix: "trail/" });
  await s3.send(new CreateBucketCommand({ Bucket: "changed" }));
  await s3.send(new DeleteBucketPolicyCommand({ Bucket: "changed" }));
  const stranger = clientWith("not the secret");
  await expect(stranger.send(new GetObjectCommand({ Bucket: "changed", Key: "k" }))).rejects.toThrow();
  const lines = await linesIn("kept", 4);
  expect(lines.map(({ type, operation, bucket }) => [type, operation, bucket])).toEqual([
    ["change", "SetAudit", undefined],
    ["change", "CreateBucket", "changed"],
    ["change", "DeleteBucketPolicy", "changed"],
    ["denied", "GetObject", "changed"],
  ]);
  expect(lines.at(-1)).toMatchObject({ sourceIp: "127.0.0.1", userAgent: expect.stringContaining("aws-sdk-js") });
  admin("audit", "off");
  expect(admin("audit", "show")).toEqual({ status: "off" });
});
