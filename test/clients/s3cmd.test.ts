/** s3cmd: its own signatures in Python, listings of version 1, attributes in metadata. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { FEATURES } from "./support/features.ts";
import { bareEnvironment, describeTool, newBucketName, run, temporaryFolder } from "./support/tools.ts";
import { makeTree, readTree } from "./support/tree.ts";

const server = inject("devServer");

describeTool("s3cmd", ["--version"], () => {
  const folder = temporaryFolder();
  const env = bareEnvironment(folder);
  const config = join(folder, "s3cfg");
  const host = `127.0.0.1:${server.port}`;
  writeFileSync(
    config,
    [
      "[default]",
      `access_key = ${server.accessKeyId}`,
      `secret_key = ${server.secretAccessKey}`,
      `host_base = ${host}`,
      `host_bucket = ${host}`,
      `bucket_location = ${server.region}`,
      "use_https = False",
      "signature_v2 = False",
      "progress_meter = False",
      "max_retries = 1",
    ].join("\n"),
  );
  const s3cmd = async (...args: string[]) =>
    (await run("s3cmd", ["-c", config, "--no-progress", ...args], { env, cwd: folder })).stdout;
  const makeBucket = async () => {
    const bucket = newBucketName("s3cmd");
    await s3cmd("mb", `s3://${bucket}`);
    return bucket;
  };

  test("a tree is uploaded and downloaded unchanged, then everything is deleted", async () => {
    const local = join(folder, "local");
    const back = join(folder, "back");
    makeTree(local, FEATURES.multipart ? { largeFileBytes: 20_000_000 } : {});
    const bucket = await makeBucket();
    expect(await s3cmd("ls")).toContain(`s3://${bucket}\n`);
    const parts = ["--multipart-chunk-size-mb", "6"];
    await s3cmd("sync", ...parts, `${local}/`, `s3://${bucket}/tree/`);
    const again = await s3cmd("sync", ...parts, "--dry-run", `${local}/`, `s3://${bucket}/tree/`);
    expect(again).not.toContain("upload:");
    const listed = (await s3cmd("ls", "-r", `s3://${bucket}/tree/`)).trim().split("\n");
    expect(listed).toHaveLength(Object.keys(readTree(local)).length);
    await s3cmd("sync", `s3://${bucket}/tree/`, `${back}/`);
    expect(readTree(back)).toEqual(readTree(local));
    await s3cmd("del", "--recursive", "--force", `s3://${bucket}/tree`);
    await s3cmd("rb", `s3://${bucket}`);
    expect(await s3cmd("ls")).not.toContain(bucket);
  });

  test("put with headers and metadata, info, get of a range onwards, del", async () => {
    const bucket = await makeBucket();
    const file = join(folder, "one.txt");
    writeFileSync(file, "0123456789");
    const url = `s3://${bucket}/a b+c&d=e/ünï %20.txt`;
    await s3cmd("put", "--mime-type", "text/x-mine", "--add-header", "x-amz-meta-colour: blue", file, url);
    const info = await s3cmd("info", url);
    expect(info).toContain("File size: 10");
    expect(info).toContain("MIME type: text/x-mine");
    expect(info).toContain("x-amz-meta-colour: blue");
    expect(info).toContain("MD5 sum:   781e5e245d69b566979b86e28d23f2c7");
    writeFileSync(join(folder, "partial"), "01234");
    await s3cmd("get", "--continue", url, join(folder, "partial"));
    expect(await s3cmd("get", "--force", url, "-")).toContain("0123456789");
    await s3cmd("del", url);
    expect(await s3cmd("ls", "-r", `s3://${bucket}`)).toBe("");
  });

  test("Signature Version 2: put, cp, setacl, a signed URL, del", async () => {
    const bucket = await makeBucket();
    const file = join(folder, "two é.txt");
    writeFileSync(file, "version 2");
    const v2 = (...args: string[]) => s3cmd("--signature-v2", ...args);
    const url = `s3://${bucket}/a b+c/ü.txt`;
    await v2("put", "--add-header", "x-amz-meta-colour: dark  blue", file, url);
    await v2("cp", url, `s3://${bucket}/copy`);
    await v2("setacl", "--acl-public", `s3://${bucket}/copy`);
    expect(await v2("info", `s3://${bucket}/copy`)).toContain("x-amz-meta-colour: dark  blue");
    const signed = (await v2("signurl", url, "+60")).trim();
    expect(signed).toContain("AWSAccessKeyId=");
    expect(await (await fetch(signed)).text()).toBe("version 2");
    await v2("del", "--recursive", "--force", `s3://${bucket}`);
    expect(await v2("ls", "-r", `s3://${bucket}`)).toBe("");
  });

  test("setacl and setpolicy allow and deny access to what they name", async () => {
    const bucket = await makeBucket();
    const file = join(folder, "shared.txt");
    writeFileSync(file, "shared");
    for (const key of ["acl", "policy"]) await s3cmd("put", file, `s3://${bucket}/${key}`);
    const statusOf = async (key: string) => (await fetch(`${server.endpoint}/${bucket}/${key}`)).status;
    expect([await statusOf("acl"), await statusOf("policy")]).toEqual([403, 403]);

    await s3cmd("setacl", "--acl-public", `s3://${bucket}/acl`);
    expect(await s3cmd("info", `s3://${bucket}/acl`)).toContain("*anon*: READ");
    expect([await statusOf("acl"), await statusOf("policy")]).toEqual([200, 403]);
    await s3cmd("setacl", "--acl-private", `s3://${bucket}/acl`);
    expect(await statusOf("acl")).toBe(403);

    const policy = join(folder, "policy.json");
    const statement = {
      Effect: "Allow",
      Principal: "*",
      Action: "s3:GetObject",
      Resource: `arn:aws:s3:::${bucket}/policy`,
    };
    writeFileSync(policy, JSON.stringify({ Version: "2012-10-17", Statement: [statement] }));
    await s3cmd("setpolicy", policy, `s3://${bucket}`);
    // An isolate caches a bucket for CONFIG_TTL_SECONDS; here the same isolate changed it.
    expect([await statusOf("acl"), await statusOf("policy")]).toEqual([403, 200]);
    await s3cmd("delpolicy", `s3://${bucket}`);
    expect(await statusOf("policy")).toBe(403);
  });

  test.runIf(FEATURES.copy)("cp, mv and modify on the server", async () => {
    const bucket = await makeBucket();
    const file = join(folder, "copied.txt");
    writeFileSync(file, "copied");
    await s3cmd("put", file, `s3://${bucket}/a`);
    await s3cmd("cp", `s3://${bucket}/a`, `s3://${bucket}/b ü+`);
    await s3cmd("mv", `s3://${bucket}/a`, `s3://${bucket}/c`);
    await s3cmd("modify", "--mime-type", "text/x-modified", `s3://${bucket}/c`);
    expect(await s3cmd("info", `s3://${bucket}/c`)).toContain("text/x-modified");
    expect(await s3cmd("get", "--force", `s3://${bucket}/b ü+`, "-")).toContain("copied");
    expect((await s3cmd("ls", `s3://${bucket}`)).trim().split("\n")).toHaveLength(2);
  });
});
