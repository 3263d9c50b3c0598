/** The loss of D1 on a real server, with the administrator's command line: restored from an export, and rebuilt without one. */
import { execFile } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  CreateBucketCommand,
  GetObjectCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newBucketName } from "../clients/support/tools.ts";
import { startTestServer, type TestServer } from "../support/dev-server.ts";

const main = join(import.meta.dirname, "../../cli/main.ts");
const CONFIG_PASSPHRASE = "correct horse battery";

let server: TestServer;
let root: S3Client;

type Keys = Pick<TestServer, "accessKeyId" | "secretAccessKey">;

function clientOf({ accessKeyId, secretAccessKey }: Keys): S3Client {
  const { endpoint, region } = server;
  return new S3Client({ endpoint, region, credentials: { accessKeyId, secretAccessKey }, forcePathStyle: true });
}

interface Outcome {
  readonly code: number;
  readonly answer: Record<string, unknown>;
  readonly stderr: string;
}

async function admin(line: string, passphrase = CONFIG_PASSPHRASE): Promise<Outcome> {
  const { accessKeyId, secretAccessKey, endpoint } = server;
  const env = {
    ...process.env,
    ROOT_ACCESS_KEY_ID: accessKeyId,
    ROOT_SECRET_ACCESS_KEY: secretAccessKey,
    CONFIG_PASSPHRASE: passphrase,
  };
  const args = [main, ...line.split(" "), "--json", "--endpoint", endpoint];
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { env });
    return { code: 0, answer: JSON.parse(stdout), stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, answer: stdout === "" ? {} : JSON.parse(stdout), stderr };
  }
}

/** Ends the server, deletes its database and nothing else, and starts it, which applies the migrations. */
async function loseD1(): Promise<void> {
  await server.kill();
  const stores = readdirSync(join(server.storage, "v3"));
  expect(stores).toEqual(expect.arrayContaining(["d1", "r2"]));
  rmSync(join(server.storage, "v3", "d1"), { recursive: true });
  await server.start();
}

async function read(client: S3Client, bucket: string, key: string, versionId?: string): Promise<string> {
  try {
    const { Body } = await client.send(
      new GetObjectCommand({ Bucket: bucket, Key: key, ...(versionId !== undefined && { VersionId: versionId }) }),
    );
    return (await Body?.transformToString()) ?? "";
  } catch (error) {
    return (error as Error).name;
  }
}

beforeAll(async () => {
  server = await startTestServer();
  root = clientOf(server);
});

afterAll(async () => {
  await server?.stop();
});

test("a configuration is exported, D1 is lost, and everything is restored or at least found again", async () => {
  const bucket = newBucketName("backup");
  const file = join(server.storage, "config.json");
  const alt = (await admin("account create alt")).answer as unknown as Keys & { accountId: string };
  await root.send(new CreateBucketCommand({ Bucket: bucket }));
  await root.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: "Enabled" } }));
  const Policy = JSON.stringify({
    Version: "2012-10-17",
    Statement: {
      Effect: "Allow",
      Principal: { AWS: alt.accountId },
      Action: "s3:GetObject",
      Resource: `arn:aws:s3:::${bucket}/*`,
    },
  });
  await root.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }));
  const put = (Body: string) => root.send(new PutObjectCommand({ Bucket: bucket, Key: "k", Body }));
  const { VersionId: first } = await put("first");
  await put("second");
  expect((await admin(`export-config ${file}`)).answer).toMatchObject({ file, pages: 1 });
  expect(await admin(`restore-config ${file}`)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("DeploymentNotEmpty"),
  });

  await loseD1();
  expect(await read(root, bucket, "k")).toBe("NoSuchBucket");
  expect(await admin(`restore-config ${file}`, "another passphrase")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("Nothing has been restored"),
  });
  expect(await admin(`restore-config ${file}`)).toMatchObject({
    code: 0,
    answer: { accounts: 1, access_keys: 1, buckets: 1 },
  });
  expect(await read(clientOf(alt), bucket, "k")).toBe("second");
  expect(await read(root, bucket, "k", first)).toBe("first");
  expect((await admin(`restore-config ${file}`)).answer.outcome).toMatch(/restored before/);

  await loseD1();
  const rebuilt = await admin("rebuild");
  expect(rebuilt).toMatchObject({
    code: 0,
    answer: { restored: 1, existed: 0, buckets: [{ bucket, outcome: "restored", versioning: "Enabled" }] },
  });
  expect(await read(root, bucket, "k")).toBe("second");
  expect(await read(root, bucket, "k", first)).toBe("first");
  expect(await read(clientOf(alt), bucket, "k")).toBe("InvalidAccessKeyId");
  expect((await admin("rebuild")).answer).toMatchObject({ restored: 0, existed: 1, buckets: [] });
});
