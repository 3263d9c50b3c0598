/**
 * Two deployments on one machine, each with its own state, that replicate to each other's buckets over a socket. The
 * administrator's command line configures them, the SDK uses them, and one of them is killed during replication.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketReplicationCommand,
  DeleteObjectCommand,
  GetBucketReplicationCommand,
  GetObjectAclCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  ListObjectsV2Command,
  PutBucketReplicationCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newBucketName } from "../clients/support/tools.ts";
import { startTestServer, type TestServer } from "../support/dev-server.ts";

const MIB = 1024 * 1024;
const main = join(import.meta.dirname, "../../cli/main.ts");

let east: TestServer;
let west: TestServer;
let s3: { readonly east: S3Client; readonly west: S3Client };
type Side = keyof typeof s3;

function clientOf({ endpoint, region, accessKeyId, secretAccessKey }: TestServer): S3Client {
  const credentials = { accessKeyId, secretAccessKey };
  return new S3Client({ endpoint, region, credentials, forcePathStyle: true, maxAttempts: 1 });
}

/** Runs `npm run admin` against one of the two and parses its output. */
async function admin(server: TestServer, line: string): Promise<Record<string, unknown>> {
  const { accessKeyId, secretAccessKey, endpoint } = server;
  const env = {
    ...process.env,
    ROOT_ACCESS_KEY_ID: accessKeyId,
    ROOT_SECRET_ACCESS_KEY: secretAccessKey,
    REMOTE_ACCESS_KEY_ID: accessKeyId,
    REMOTE_SECRET_ACCESS_KEY: secretAccessKey,
  };
  const args = [main, ...line.split(" "), "--json", "--endpoint", endpoint];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  return JSON.parse(stdout);
}

async function addRemote(at: TestServer, name: string, to: TestServer, kind: "peer" | "s3"): Promise<void> {
  const { accounts } = (await admin(at, "account list")) as { accounts: { accountId: string }[] };
  await admin(at, `remote add ${name} ${to.endpoint} --kind ${kind} --account ${accounts[0]?.accountId}`);
}

interface Rule {
  readonly remote: string;
  readonly bucket: string;
  readonly deletes?: boolean;
}

async function replicate(side: Side, bucket: string, { remote, bucket: target, deletes = false }: Rule): Promise<void> {
  await s3[side].send(
    new PutBucketReplicationCommand({
      Bucket: bucket,
      ReplicationConfiguration: {
        Role: "arn:aws:iam::123456789012:role/any",
        Rules: [
          {
            ID: "all",
            Priority: 1,
            Filter: { Prefix: "" },
            Status: "Enabled",
            Destination: { Bucket: `arn:workers-s3:remote:::${remote}/${target}` },
            DeleteMarkerReplication: { Status: deletes ? "Enabled" : "Disabled" },
          },
        ],
      },
    }),
  );
}

async function newPair(kind: "peer" | "s3", options: { mutual?: boolean; deletes?: boolean } = {}) {
  const pair = { east: newBucketName("replication"), west: newBucketName("replication") };
  await s3.east.send(new CreateBucketCommand({ Bucket: pair.east }));
  await s3.west.send(new CreateBucketCommand({ Bucket: pair.west }));
  const deletes = options.deletes ?? false;
  await replicate("east", pair.east, { remote: `west-${kind}`, bucket: pair.west, deletes });
  if (options.mutual) await replicate("west", pair.west, { remote: `east-${kind}`, bucket: pair.east, deletes });
  return pair;
}

const put = (side: Side, Bucket: string, Key: string, Body: string | Uint8Array, more = {}) =>
  s3[side].send(new PutObjectCommand({ Bucket, Key, Body, ...more }));

async function head(side: Side, Bucket: string, Key: string): Promise<HeadObjectCommandOutput | undefined> {
  const command = new HeadObjectCommand({ Bucket, Key, ChecksumMode: "ENABLED" });
  return s3[side].send(command).catch((error: { $metadata?: { httpStatusCode?: number } }) => {
    if (error.$metadata?.httpStatusCode === 404) return undefined;
    throw error;
  });
}

const textOf = async (side: Side, Bucket: string, Key: string) =>
  (await s3[side].send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString();

async function until(what: string, isSo: () => Promise<boolean>, seconds = 50): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const untilReplicated = (side: Side, bucket: string, key: string) =>
  until(`${key} is COMPLETED`, async () => (await head(side, bucket, key))?.ReplicationStatus === "COMPLETED");

/** The properties that must be equal on both sides. */
function essence(output: HeadObjectCommandOutput | undefined) {
  const { $metadata: _, ReplicationStatus: __, ...rest } = output ?? { $metadata: {} };
  return rest;
}

function noise(sizeBytes: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  let state = seed;
  for (let index = 0; index < sizeBytes; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

async function uploadParts(Bucket: string, Key: string, sizes: readonly number[]): Promise<string | undefined> {
  const created = await s3.east.send(
    new CreateMultipartUploadCommand({ Bucket, Key, Metadata: { in: "parts" }, ContentType: "video/any" }),
  );
  const UploadId = created.UploadId;
  const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
  for (const [index, size] of sizes.entries()) {
    const PartNumber = index + 1;
    const Body = noise(size, PartNumber);
    const { ETag } = await s3.east.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }));
    Parts.push({ PartNumber, ETag });
  }
  const command = new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } });
  return (await s3.east.send(command)).ETag;
}

/** Neither side has a replication that is still to be made or has failed. */
async function expectNothingPending(pair: { readonly east: string; readonly west: string }): Promise<void> {
  expect(await admin(east, `replication status ${pair.east}`)).toMatchObject({ pending: 0, failed: 0 });
  expect(await admin(west, `replication status ${pair.west}`)).toMatchObject({ pending: 0, failed: 0 });
}

beforeAll(async () => {
  const settings = { ALLOW_PRIVATE_TARGETS: "true" };
  [east, west] = await Promise.all([startTestServer(settings), startTestServer(settings)]);
  s3 = { east: clientOf(east), west: clientOf(west) };
  for (const kind of ["peer", "s3"] as const) {
    await addRemote(east, `west-${kind}`, west, kind);
    await addRemote(west, `east-${kind}`, east, kind);
  }
}, 120_000);

afterAll(async () => {
  s3?.east.destroy();
  s3?.west.destroy();
  await Promise.all([east?.stop(), west?.stop()]);
});

describe("the administrator's command line", () => {
  test("remote list shows no secret, and remote check reports each step", async () => {
    const listed = JSON.stringify(await admin(east, "remote list"));
    expect(listed).toContain(west.endpoint);
    expect(listed).not.toContain(west.secretAccessKey);
    const { west: bucket } = await newPair("peer");
    for (const kind of ["peer", "s3"]) {
      const { steps } = (await admin(east, `remote check west-${kind} ${bucket}`)) as { steps: { outcome: string }[] };
      expect(steps.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 6 }, () => "ok"));
      const { Contents } = await s3.west.send(new ListObjectsV2Command({ Bucket: bucket }));
      expect(Contents).toBeUndefined();
    }
    const failed = await admin(east, "remote check west-peer no-such-bucket").catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 1 });
    const { steps } = JSON.parse((failed as { stdout: string }).stdout) as { steps: { outcome: string }[] };
    expect(steps.map(({ outcome }) => outcome)).toEqual(["HEAD: 404", "PUT: 404 NoSuchBucket"]);
  });
});

describe.each(["peer", "s3"] as const)("another deployment as %s", (kind) => {
  test("receives bytes, headers, metadata, tags, public ACL, storage class and checksum", async () => {
    const pair = await newPair(kind);
    const attributes = {
      ContentType: "text/plain; charset=utf-8",
      CacheControl: "max-age=60",
      ContentDisposition: 'attachment; filename="a b.txt"',
      ContentLanguage: "de",
      Metadata: { plain: "value", blanks: "a  b" },
      StorageClass: "STANDARD_IA",
      Tagging: "a=1&b=two%20words",
      WebsiteRedirectLocation: "/elsewhere",
      ACL: "public-read",
      ChecksumAlgorithm: "SHA256",
    } as const;
    const key = "folder/ünï +%&=.txt";
    await put("east", pair.east, key, "content", attributes);
    await untilReplicated("east", pair.east, key);
    const [there, here] = [await head("west", pair.west, key), await head("east", pair.east, key)];
    if (kind === "peer") {
      expect(essence(there)).toEqual(essence(here));
      expect(there?.ReplicationStatus).toBe("REPLICA");
    } else {
      // The endpoint's own time; the source's state is in the metadata.
      const { Metadata: marked = {}, LastModified: _, ...rest } = essence(there);
      const { "workers-s3-version": stamp, "workers-s3-source": source, ...metadata } = marked;
      const { LastModified: __, Metadata, ...expected } = essence(here);
      expect([rest, metadata]).toEqual([expected, Metadata]);
      expect(stamp).toMatch(/^\d+\.\d+\.[0-9a-f]{32}\.[0-9a-f]{16}\.[0-9a-f]{32}$/);
      expect(source).toMatch(/^[0-9a-f]{32}$/);
    }
    expect(await textOf("west", pair.west, key)).toBe("content");
    const tags = new GetObjectTaggingCommand({ Bucket: pair.west, Key: key });
    expect((await s3.west.send(tags)).TagSet).toEqual([
      { Key: "a", Value: "1" },
      { Key: "b", Value: "two words" },
    ]);
    const grantsOf = async (side: Side, Bucket: string) => {
      const { Grants } = await s3[side].send(new GetObjectAclCommand({ Bucket, Key: key }));
      return Grants?.map(
        ({ Permission, Grantee }) => `${Permission} ${Grantee?.URI?.split("/").at(-1) ?? "owner"}`,
      ).sort();
    };
    expect(await grantsOf("west", pair.west)).toEqual(["FULL_CONTROL owner", "READ AllUsers"]);
    expect(await grantsOf("east", pair.east)).toEqual(await grantsOf("west", pair.west));
  });

  test("receives large objects in the source's parts, with the source's ETag", async () => {
    const pair = await newPair(kind);
    const sizes = [5 * MIB + 3, 20 * MIB, 7 * MIB, 11];
    const etag = await uploadParts(pair.east, "large", sizes);
    await untilReplicated("east", pair.east, "large");
    const there = await head("west", pair.west, "large");
    expect([there?.ETag, there?.ContentLength]).toEqual([etag, sizes.reduce((sum, size) => sum + size, 0)]);
    expect([there?.ContentType, there?.Metadata?.in]).toEqual(["video/any", "parts"]);
    for (const [index, size] of sizes.entries()) {
      const PartNumber = index + 1;
      const part = await s3.west.send(new GetObjectCommand({ Bucket: pair.west, Key: "large", PartNumber }));
      expect(
        Buffer.compare((await part.Body?.transformToByteArray()) ?? Buffer.alloc(0), noise(size, PartNumber)),
      ).toBe(0);
    }
  });

  test("keeps a newer object, and receives removals if the rule enables them", async () => {
    const pair = await newPair(kind, { deletes: true });
    await put("east", pair.east, "k", "1");
    await untilReplicated("east", pair.east, "k");
    expect(await textOf("west", pair.west, "k")).toBe("1");
    // Written there, later than the source object.
    await s3.east.send(new DeleteBucketReplicationCommand({ Bucket: pair.east }));
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await put("west", pair.west, "k", "written there");
    await replicate("east", pair.east, { remote: `west-${kind}`, bucket: pair.west, deletes: true });
    await s3.east.send(
      new PutObjectTaggingCommand({
        Bucket: pair.east,
        Key: "k",
        Tagging: { TagSet: [{ Key: "late", Value: "1" }] },
      }),
    );
    await untilReplicated("east", pair.east, "k");
    expect(await textOf("west", pair.west, "k")).toBe("written there");
    await put("east", pair.east, "gone", "1");
    await untilReplicated("east", pair.east, "gone");
    await s3.east.send(new DeleteObjectCommand({ Bucket: pair.east, Key: "gone" }));
    await until("it is removed there", async () => (await head("west", pair.west, "gone")) === undefined);
  });

  test("receives existing objects by the command, except replicas", async () => {
    const pair = { east: newBucketName("replication"), west: newBucketName("replication") };
    await s3.east.send(new CreateBucketCommand({ Bucket: pair.east }));
    await s3.west.send(new CreateBucketCommand({ Bucket: pair.west }));
    const keys = Array.from({ length: 12 }, (_, index) => `before/${index}`);
    for (const key of keys) await put("east", pair.east, key, key);
    await replicate("east", pair.east, { remote: `west-${kind}`, bucket: pair.west });
    await put("east", pair.east, "after", "after");
    await untilReplicated("east", pair.east, "after");
    expect((await s3.west.send(new ListObjectsV2Command({ Bucket: pair.west }))).KeyCount).toBe(1);
    expect(await admin(east, `replication existing ${pair.east}`)).toMatchObject({ status: "RUNNING" });
    await until("all are there", async () => {
      const { KeyCount } = await s3.west.send(new ListObjectsV2Command({ Bucket: pair.west }));
      return KeyCount === 13;
    });
    await until("it has ended", async () => {
      const { pending, existing } = await admin(east, `replication status ${pair.east}`);
      return pending === 0 && existing === "COMPLETED, 13 objects seen, 13 tasks made";
    });
  });
});

describe("two deployments that replicate to each other", () => {
  test("keep the later of two writes to a key, and do not send replicas back", async () => {
    const pair = await newPair("peer", { mutual: true, deletes: true });
    await put("east", pair.east, "both", "from the east");
    await new Promise((resolve) => setTimeout(resolve, 20));
    await put("west", pair.west, "both", "from the west");
    await until("both hold the later one", async () => {
      const texts = [await textOf("east", pair.east, "both"), await textOf("west", pair.west, "both")];
      return texts.every((text) => text === "from the west");
    });
    await untilReplicated("west", pair.west, "both");
    expect((await head("east", pair.east, "both"))?.ReplicationStatus).toBe("REPLICA");
    expect(essence(await head("east", pair.east, "both"))).toEqual(essence(await head("west", pair.west, "both")));
    await expectNothingPending(pair);
  });

  test("do not send replicas back if they know each other only as endpoints", async () => {
    const pair = await newPair("s3", { mutual: true });
    await put("east", pair.east, "k", "from the east");
    await until("it is there", async () => (await head("west", pair.west, "k")) !== undefined);
    await untilReplicated("west", pair.west, "k");
    const before = [await head("east", pair.east, "k"), await head("west", pair.west, "k")].map(essence);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await put("west", pair.west, "k", "from the west");
    await until("it is here", async () => (await textOf("east", pair.east, "k")) === "from the west");
    await untilReplicated("east", pair.east, "k");
    await new Promise((resolve) => setTimeout(resolve, 4000));
    const after = [await head("east", pair.east, "k"), await head("west", pair.west, "k")];
    expect(after.map((output) => output?.Metadata?.["workers-s3-version"] !== undefined)).toEqual([true, false]);
    expect(after.map(essence)).not.toEqual(before);
    await expectNothingPending(pair);
  });

  test("lose nothing when one is killed during replication and started again", async () => {
    const pair = await newPair("peer", { mutual: true });
    const keys = Array.from({ length: 80 }, (_, index) => `k/${String(index).padStart(3, "0")}`);
    const large = [6 * MIB, 6 * MIB, 1];
    let isKilled: Promise<void> | undefined;
    for (const [index, key] of keys.entries()) {
      await put("east", pair.east, key, `content of ${key}`, { Metadata: { key } });
      if (index === 10) await put("west", pair.west, "from-the-west", "written before it was killed");
      if (index === 30) await uploadParts(pair.east, "large", large);
      if (index === 40) isKilled = west.kill();
    }
    await isKilled;
    // Written while the other one is down.
    await put("east", pair.east, "k/000", "written again");
    await until("attempts have failed", async () => {
      const { failures } = (await admin(east, `replication status ${pair.east}`)) as { failures: unknown[] };
      return failures.length > 0;
    });
    await west.start();
    for (const key of [...keys, "large"]) await untilReplicated("east", pair.east, key);
    expect(await textOf("west", pair.west, "k/000")).toBe("written again");
    for (const key of [...keys.slice(1), "large"]) {
      expect(essence(await head("west", pair.west, key)), key).toEqual(essence(await head("east", pair.east, key)));
    }
    const listed = await s3.west.send(new ListObjectsV2Command({ Bucket: pair.west }));
    expect(listed.KeyCount).toBe(keys.length + 2);
    expect(await admin(east, `replication status ${pair.east}`)).toMatchObject({ pending: 0, failed: 0, failures: [] });
  }, 180_000);

  test("lose nothing when the sender is killed: the sweep sends its lost messages again", async () => {
    const pair = await newPair("peer");
    const keys = Array.from({ length: 25 }, (_, index) => `k/${String(index).padStart(3, "0")}`);
    for (const key of keys) await put("east", pair.east, key, `content of ${key}`);
    await east.kill();
    await east.start();
    const sweep = () => east.runScheduled("* * * * *", Date.now() + 25 * 60_000);
    await until("all are there", async () => {
      await sweep();
      const { KeyCount } = await s3.west.send(new ListObjectsV2Command({ Bucket: pair.west }));
      return KeyCount === keys.length;
    });
    for (const key of keys) await untilReplicated("east", pair.east, key);
  }, 120_000);

  test("GetBucketReplication through the SDK returns what was put", async () => {
    const pair = await newPair("peer");
    const got = await s3.east.send(new GetBucketReplicationCommand({ Bucket: pair.east }));
    expect(got.ReplicationConfiguration).toEqual({
      Role: "arn:aws:iam::123456789012:role/any",
      Rules: [
        {
          ID: "all",
          Priority: 1,
          Filter: { Prefix: "" },
          Status: "Enabled",
          Destination: { Bucket: `arn:workers-s3:remote:::west-peer/${pair.west}` },
          DeleteMarkerReplication: { Status: "Disabled" },
        },
      ],
    });
  });
});
