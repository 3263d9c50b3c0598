/** The AWS CLI, as its users call it: high-level `s3` commands and single `s3api` operations. */
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { FEATURES } from "../clients/support/features.ts";
import { canMakeCertificates, startTlsFront, type TlsFront } from "../clients/support/tls-front.ts";
import {
  bareEnvironment,
  describeTool,
  newBucketName,
  type Run,
  run,
  temporaryFolder,
} from "../clients/support/tools.ts";
import { makeTree, pseudoRandomBytes, readTree } from "../clients/support/tree.ts";

const server = inject("devServer");

describeTool("aws", ["--version"], () => {
  const folder = temporaryFolder();
  const env = {
    ...bareEnvironment(folder),
    AWS_ENDPOINT_URL: server.endpoint,
    AWS_DEFAULT_REGION: server.region,
    AWS_ACCESS_KEY_ID: server.accessKeyId,
    AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
    AWS_CONFIG_FILE: join(folder, "config"),
    AWS_SHARED_CREDENTIALS_FILE: join(folder, "no-credentials"),
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_MAX_ATTEMPTS: "1",
    // workerd answers an empty PUT without the requested "100 Continue", which HTTP allows; botocore then
    // misreads the next answer on that connection and waits until it is closed, some 15 s (measured: botocore 1.43).
    BOTO_EXPERIMENTAL__NO_EMPTY_CONTINUE: "true",
    AWS_PAGER: "",
  };

  // Version 1 of the CLI presigns with Signature Version 2 in regions as old as us-east-1.
  writeFileSync(join(folder, "config"), "");

  const aws = (args: readonly string[], codes?: readonly number[]): Promise<Run> =>
    run("aws", args, { env, cwd: folder, ...(codes && { codes }) });
  const s3 = async (...args: string[]) => (await aws(["s3", ...args])).stdout;
  const s3api = async (...args: string[]): Promise<Record<string, unknown>> => {
    const { stdout } = await aws(["s3api", ...args, "--output", "json"]);
    return stdout === "" ? {} : JSON.parse(stdout);
  };
  const makeBucket = async () => {
    const bucket = newBucketName("cli");
    await s3("mb", `s3://${bucket}`);
    return bucket;
  };

  describe("s3", () => {
    test("a directory tree is uploaded and downloaded unchanged, then everything is deleted", async () => {
      const local = join(folder, "local");
      const back = join(folder, "back");
      makeTree(local, FEATURES.multipart ? { largeFileBytes: 60_000_000 } : {});
      const bucket = await makeBucket();
      expect(await s3("ls")).toContain(` ${bucket}\n`);

      const uploaded = lines(await s3("sync", local, `s3://${bucket}/tree`, "--no-progress"));
      const files = Object.keys(readTree(local));
      expect(uploaded).toHaveLength(files.length);
      await s3("sync", `s3://${bucket}/tree`, back, "--no-progress");
      expect(readTree(back)).toEqual(readTree(local));
      await run("diff", ["-r", local, back], { env, cwd: folder });

      // Sizes and times are correct in both directions, so a second sync moves nothing.
      expect(await s3("sync", local, `s3://${bucket}/tree`, "--no-progress")).toBe("");
      expect(await s3("sync", `s3://${bucket}/tree`, back, "--no-progress")).toBe("");

      const listed = lines(await s3("ls", `s3://${bucket}/tree/`, "--recursive"));
      expect(listed.map((line) => line.slice(31)).sort()).toEqual(files.map((file) => `tree/${file}`).sort());
      expect(await s3("ls", `s3://${bucket}/tree/nested/`)).toContain("PRE deeper still/\n");

      // Deleted files are deleted at the destination.
      const deleted = await s3(
        "sync",
        join(folder, "local", "sizes"),
        `s3://${bucket}/tree`,
        "--delete",
        "--size-only",
      );
      expect(deleted).toContain("delete: ");
      await s3("rm", `s3://${bucket}/`, "--recursive", "--only-show-errors");
      expect((await aws(["s3", "ls", `s3://${bucket}`, "--recursive"], [0, 1])).stdout).toBe("");
      await s3("rb", `s3://${bucket}`);
      expect(await s3("ls")).not.toContain(bucket);
    });

    test("cp from standard input and to standard output; rb --force", async () => {
      const bucket = await makeBucket();
      const piped = ["s3", "cp", "-", `s3://${bucket}/from stdin.txt`];
      await run("aws", piped, { env, cwd: folder, input: "piped ünï\n" });
      expect(await s3("cp", `s3://${bucket}/from stdin.txt`, "-")).toBe("piped ünï\n");
      await s3("rb", `s3://${bucket}`, "--force");
    });

    test("presign: the URL opens without credentials", async () => {
      const bucket = await makeBucket();
      const file = join(folder, "presigned.txt");
      writeFileSync(file, "presigned");
      const key = "a b+c&d=e/ünï %20.txt";
      await s3("cp", file, `s3://${bucket}/${key}`, "--no-progress");
      const url = (await s3("presign", `s3://${bucket}/${key}`, "--expires-in", "60")).trim();
      const { stdout } = await run("curl", ["-sS", "--fail", url], { env, cwd: folder });
      expect(stdout).toBe("presigned");
    });

    test("errors name their code", async () => {
      const missing = newBucketName("cli");
      const { stderr } = await aws(["s3", "ls", `s3://${missing}`], [254, 255]);
      expect(stderr).toContain("(NoSuchBucket)");
    });

    test.runIf(FEATURES.copy)("cp and mv between buckets", async () => {
      const [from, to] = [await makeBucket(), await makeBucket()];
      const source = join(folder, "copied");
      makeTree(source, FEATURES.multipart ? { largeFileBytes: 20_000_000 } : {});
      await s3("sync", source, `s3://${from}`, "--no-progress");
      await s3("cp", `s3://${from}`, `s3://${to}/cp`, "--recursive", "--no-progress");
      await s3("mv", `s3://${from}`, `s3://${to}/mv`, "--recursive", "--no-progress");
      expect((await aws(["s3", "ls", `s3://${from}`, "--recursive"], [0, 1])).stdout).toBe("");
      const target = join(folder, "copied-back");
      for (const prefix of ["cp", "mv"]) {
        await s3("sync", `s3://${to}/${prefix}`, join(target, prefix), "--no-progress");
        expect(readTree(join(target, prefix))).toEqual(readTree(source));
      }
    });
  });

  describe("s3api", () => {
    let bucket: string;
    const file = join(folder, "body.bin");

    beforeAll(async () => {
      bucket = await makeBucket();
      writeFileSync(file, pseudoRandomBytes("s3api", 70_000));
    });

    test("put-object, head-object, get-object --range, delete-object", async () => {
      const at = ["--bucket", bucket, "--key", "with headers"];
      await s3api(
        ...["put-object", ...at, "--body", file, "--content-type", "text/x-cli", "--cache-control", "max-age=5"],
        ...["--metadata", "one=1,two=zwei"],
      );
      expect(await s3api("head-object", ...at)).toMatchObject({
        ContentLength: 70_000,
        ContentType: "text/x-cli",
        Metadata: { one: "1", two: "zwei" },
      });
      const target = join(folder, "range.bin");
      const answer = await s3api("get-object", ...at, "--range", "bytes=10-19", target);
      expect(answer).toMatchObject({ ContentRange: "bytes 10-19/70000", ContentLength: 10 });
      expect(readFileSync(target).equals(readFileSync(file).subarray(10, 20))).toBe(true);
      await s3api("delete-object", ...at);
      const { stderr } = await aws(["s3api", "head-object", ...at], [254, 255]);
      expect(stderr).toContain("(404)");
    });

    test.each(["CRC32", "SHA1", "SHA256"])("put-object --checksum-algorithm %s", async (algorithm) => {
      const at = ["--bucket", bucket, "--key", `checksum-${algorithm}`];
      const written = await s3api("put-object", ...at, "--body", file, "--checksum-algorithm", algorithm);
      expect(written[`Checksum${algorithm}`]).toBeTypeOf("string");
      const read = await s3api("get-object", ...at, "--checksum-mode", "ENABLED", join(folder, "checksum.bin"));
      expect(read[`Checksum${algorithm}`]).toBe(written[`Checksum${algorithm}`]);
      const attributes = await s3api("get-object-attributes", ...at, "--object-attributes", "Checksum", "ObjectSize");
      expect(attributes.ObjectSize).toBe(70_000);
    });

    // The CLI computes these two only with the optional package awscrt; a given value is sent unchanged.
    test.each([
      ["crc32-c", "ChecksumCRC32C", "4waSgw=="],
      ["crc64-nvme", "ChecksumCRC64NVME", "rosUhgp5mIg="],
    ])(
      "put-object --checksum-%s VALUE accepts the correct value and refuses a wrong one",
      async (option, field, value) => {
        const text = join(folder, "123456789");
        writeFileSync(text, "123456789");
        const put = ["put-object", "--bucket", bucket, "--key", option, `--checksum-${option}`];
        expect((await s3api(...put, value, "--body", text))[field]).toBe(value);
        const { stderr } = await aws(["s3api", ...put, value, "--body", file], [254, 255]);
        expect(stderr).toContain("(BadDigest)");
      },
    );

    test("list-objects-v2 --max-items continues with the starting token; --delimiter groups", async () => {
      const source = join(folder, "listed");
      mkdirSync(join(source, "sub"), { recursive: true });
      for (const name of ["a", "b", "c", "sub/d & e"]) writeFileSync(join(source, name), name);
      await s3("cp", source, `s3://${bucket}/list/`, "--recursive", "--only-show-errors");
      const list = ["list-objects-v2", "--bucket", bucket, "--prefix", "list/"];
      const keys = (page: Record<string, unknown>) => (page.Contents as { Key: string }[]).map(({ Key }) => Key);
      const first = await s3api(...list, "--max-items", "3", "--page-size", "2");
      expect(keys(first)).toEqual(["list/a", "list/b", "list/c"]);
      const rest = await s3api(...list, "--starting-token", String(first.NextToken));
      expect(keys(rest)).toEqual(["list/sub/d & e"]);
      const grouped = await s3api(...list, "--delimiter", "/");
      expect(grouped.CommonPrefixes).toEqual([{ Prefix: "list/sub/" }]);
    });

    test("delete-objects and list-buckets", async () => {
      for (const key of ["x", "y"]) await s3api("put-object", "--bucket", bucket, "--key", key, "--body", file);
      const request = JSON.stringify({ Objects: [{ Key: "x" }, { Key: "y" }] });
      const { Deleted } = await s3api("delete-objects", "--bucket", bucket, "--delete", request);
      expect(Deleted).toEqual(expect.arrayContaining([{ Key: "x" }, { Key: "y" }]));
      const { Buckets } = await s3api("list-buckets", "--prefix", bucket);
      expect(Buckets).toMatchObject([{ Name: bucket }]);
    });

    test("put-object --if-none-match '*' writes once", async () => {
      const put = ["put-object", "--bucket", bucket, "--key", "once", "--body", file, "--if-none-match", "*"];
      await s3api(...put);
      const { stderr } = await aws(["s3api", ...put], [254, 255]);
      expect(stderr).toContain("(PreconditionFailed)");
    });
  });

  describe.skipIf(!canMakeCertificates)("over TLS, with trailing checksums (needs openssl)", () => {
    let front: TlsFront;

    beforeAll(async () => {
      front = await startTlsFront(server.port, folder);
    });

    afterAll(() => front.close());

    test("sync up and down", async () => {
      const bucket = await makeBucket();
      const source = join(folder, "tls");
      makeTree(source);
      const tls = {
        env: { ...env, AWS_ENDPOINT_URL: front.endpoint, AWS_CA_BUNDLE: front.certificateFile },
        cwd: folder,
      };
      await run("aws", ["s3", "sync", source, `s3://${bucket}`, "--no-progress"], tls);
      await run("aws", ["s3", "sync", `s3://${bucket}`, join(folder, "tls-back"), "--no-progress"], tls);
      expect(readTree(join(folder, "tls-back"))).toEqual(readTree(source));
      expect(statSync(join(folder, "tls-back", "empty.bin")).size).toBe(0);
    });
  });
});

function lines(output: string): string[] {
  return output.split("\n").filter((line) => line !== "");
}
