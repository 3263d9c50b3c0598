/** rclone: the Go SDK, MD5 and modification times in metadata, listings of both versions. */
import { readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { FEATURES } from "./support/features.ts";
import { bareEnvironment, describeTool, newBucketName, run, temporaryFolder } from "./support/tools.ts";
import { makeTree, readTree } from "./support/tree.ts";

const server = inject("devServer");

describeTool("rclone", ["version"], () => {
  const folder = temporaryFolder();
  const env = {
    ...bareEnvironment(folder),
    RCLONE_CONFIG: join(folder, "no-rclone.conf"),
    RCLONE_CONFIG_R_TYPE: "s3",
    RCLONE_CONFIG_R_PROVIDER: "Other",
    RCLONE_CONFIG_R_ENDPOINT: server.endpoint,
    RCLONE_CONFIG_R_REGION: server.region,
    RCLONE_CONFIG_R_FORCE_PATH_STYLE: "true",
    RCLONE_CONFIG_R_ACCESS_KEY_ID: server.accessKeyId,
    RCLONE_CONFIG_R_SECRET_ACCESS_KEY: server.secretAccessKey,
    RCLONE_RETRIES: "1",
    RCLONE_LOW_LEVEL_RETRIES: "1",
  };
  const rclone = async (...args: string[]) => (await run("rclone", args, { env, cwd: folder })).stdout;
  /** The number of files that a run transferred. */
  const transfers = async (...args: string[]) => {
    const { stderr } = await run("rclone", [...args, "--stats-one-line", "-v", "--stats-log-level", "NOTICE"], {
      env,
      cwd: folder,
    });
    return (stderr.match(/: Copied \(/g) ?? []).length;
  };
  const makeBucket = async () => {
    const bucket = newBucketName("rclone");
    await rclone("mkdir", `r:${bucket}`);
    return bucket;
  };

  test("a tree is uploaded and downloaded unchanged, with its modification times", async () => {
    const local = join(folder, "local");
    const back = join(folder, "back");
    makeTree(local, FEATURES.multipart ? { largeFileBytes: 20_000_000 } : {});
    const modified = new Date("2001-02-03T04:05:06.789Z");
    utimesSync(join(local, "nested/one.bin"), modified, modified);
    const bucket = await makeBucket();
    expect(await rclone("lsd", "r:")).toContain(bucket);
    const chunks = ["--s3-upload-cutoff", "6M", "--s3-chunk-size", "5M"];
    const count = Object.keys(readTree(local)).length;

    expect(await transfers("sync", local, `r:${bucket}/tree`, ...chunks)).toBe(count);
    expect(await transfers("sync", local, `r:${bucket}/tree`, ...chunks)).toBe(0);
    await rclone("check", local, `r:${bucket}/tree`);
    expect(await transfers("sync", `r:${bucket}/tree`, back)).toBe(count);
    expect(readTree(back)).toEqual(readTree(local));
    expect(statSync(join(back, "nested/one.bin")).mtimeMs).toBe(modified.getTime());
    expect(await transfers("sync", `r:${bucket}/tree`, back, "--s3-list-version", "2")).toBe(0);

    await rclone("purge", `r:${bucket}/tree/nested`);
    expect(await rclone("lsf", `r:${bucket}/tree`, "--dirs-only")).toBe("sizes/\n");
    await rclone("purge", `r:${bucket}`);
    expect(await rclone("lsd", "r:")).not.toContain(bucket);
  });

  test.each(["1", "2"])("listing version %s: names, sizes, MD5 and time of each object", async (version) => {
    const bucket = await makeBucket();
    const name = "ünï + %20 & more=.txt";
    writeFileSync(join(folder, "one"), "hello");
    await rclone("copyto", join(folder, "one"), `r:${bucket}/a/b/${name}`);
    const list = ["lsjson", "-R", "--hash", `r:${bucket}`, "--s3-list-version", version];
    const entries: unknown = JSON.parse(await rclone(...list));
    const md5 = "5d41402abc4b2a76b9719d911017c592";
    expect(entries).toHaveLength(3);
    expect(entries).toContainEqual(expect.objectContaining({ Path: "a", IsDir: true }));
    expect(entries).toContainEqual(expect.objectContaining({ Path: "a/b", IsDir: true }));
    expect(entries).toContainEqual(
      expect.objectContaining({ Path: `a/b/${name}`, Size: 5, Hashes: expect.objectContaining({ md5 }) }),
    );
    expect(await rclone("cat", `r:${bucket}/a/b/${name}`)).toBe("hello");
    expect(await rclone("cat", `r:${bucket}/a/b/${name}`, "--offset", "1", "--count", "3")).toBe("ell");
    await rclone("deletefile", `r:${bucket}/a/b/${name}`);
    await rclone("rmdir", `r:${bucket}`);
  });

  test("pages of a few keys add up", async () => {
    const bucket = await makeBucket();
    const source = join(folder, "many");
    makeTree(source);
    await rclone("copy", source, `r:${bucket}`);
    for (const version of ["1", "2"]) {
      const paged = ["--s3-list-chunk", "7", "--s3-list-version", version];
      const listed = (await rclone("lsf", "-R", "--files-only", `r:${bucket}`, ...paged)).trim().split("\n").sort();
      expect(listed).toEqual(Object.keys(readTree(source)).sort());
    }
  });

  test("link: the presigned URL opens without credentials", async () => {
    const bucket = await makeBucket();
    writeFileSync(join(folder, "linked"), "linked");
    await rclone("copyto", join(folder, "linked"), `r:${bucket}/to share & +.txt`);
    const url = (await rclone("link", "--expire", "60s", `r:${bucket}/to share & +.txt`)).trim();
    expect(await (await fetch(url)).text()).toBe("linked");
  });

  test.runIf(FEATURES.multipart)("rcat: a stream of unknown length arrives in parts of 5 MiB", async () => {
    const bucket = await makeBucket();
    const input = "0123456789abcdef".repeat(700_000);
    const args = ["rcat", `r:${bucket}/streamed`, "--s3-chunk-size", "5M", "--streaming-upload-cutoff", "0"];
    await run("rclone", args, { env, cwd: folder, input });
    expect(await rclone("cat", `r:${bucket}/streamed`)).toBe(input);
  });

  test.runIf(FEATURES.copy)("touch, moveto and copy on the server", async () => {
    const bucket = await makeBucket();
    writeFileSync(join(folder, "moved"), "moved");
    await rclone("copyto", join(folder, "moved"), `r:${bucket}/a`);
    await rclone("touch", "--timestamp", "2001-02-03T04:05:06", `r:${bucket}/a`);
    expect(await rclone("lsf", "--format", "tp", `r:${bucket}`)).toContain("2001-02-03 ");
    await rclone("moveto", `r:${bucket}/a`, `r:${bucket}/b c+d`);
    expect(await rclone("lsf", `r:${bucket}`)).toBe("b c+d\n");
    expect(await rclone("cat", `r:${bucket}/b c+d`)).toBe("moved");
  });

  test("versions: listed, read as of a time, and cleaned up", async () => {
    const bucket = await makeBucket();
    expect(await rclone("backend", "versioning", `r:${bucket}`)).toContain("Unversioned");
    await rclone("backend", "versioning", `r:${bucket}`, "Enabled");
    expect(await rclone("backend", "versioning", `r:${bucket}`)).toContain("Enabled");
    const put = async (text: string) => {
      writeFileSync(join(folder, "versioned"), text);
      await rclone("copyto", "--ignore-times", join(folder, "versioned"), `r:${bucket}/dir/file.txt`);
    };
    // rclone distinguishes versions by their times, which S3's documents show in seconds.
    const nextSecond = () => new Promise((resolve) => setTimeout(resolve, 1000 - (Date.now() % 1000)));
    await put("first");
    await nextSecond();
    const between = new Date().toISOString();
    await nextSecond();
    await put("second");
    await rclone("deletefile", `r:${bucket}/dir/file.txt`);
    expect(await rclone("lsf", "-R", "--files-only", `r:${bucket}`)).toBe("");
    const listed = (await rclone("lsf", "-R", "--files-only", "--s3-versions", `r:${bucket}`)).trim().split("\n");
    expect(listed).toHaveLength(2);
    for (const name of listed) expect(name).toMatch(/^dir\/file-v\d{4}-\d\d-\d\d-\d{6}-\d{3}\.txt$/);
    const kept = join(folder, "kept");
    await rclone("copy", "--s3-versions", `r:${bucket}`, kept);
    expect(listed.map((name) => readFileSync(join(kept, name), "utf8")).sort()).toEqual(["first", "second"]);
    await rclone("copy", "--s3-version-at", between, `r:${bucket}`, join(folder, "then"));
    expect(readFileSync(join(folder, "then/dir/file.txt"), "utf8")).toBe("first");
    await put("third");
    await rclone("backend", "cleanup-hidden", `r:${bucket}`);
    expect(await rclone("lsf", "-R", "--files-only", "--s3-versions", `r:${bucket}`)).toBe("dir/file.txt\n");
    expect(await rclone("cat", `r:${bucket}/dir/file.txt`)).toBe("third");
  });
});
