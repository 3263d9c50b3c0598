/** curl with its own signer (`--aws-sigv4`), and requests that only a plain HTTP client sends. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, inject, test } from "vitest";
import { bareEnvironment, describeTool, newBucketName, run, temporaryFolder } from "./support/tools.ts";
import { pseudoRandomBytes } from "./support/tree.ts";

const server = inject("devServer");

describeTool("curl", ["--aws-sigv4", "aws:amz:us-east-1:s3", "--version"], () => {
  const folder = temporaryFolder();
  const env = bareEnvironment(folder);
  const bucket = newBucketName("curl");
  const url = `${server.endpoint}/${bucket}`;
  // The file keeps the secret out of the process list; -q keeps the user's .curlrc out.
  const config = join(folder, "curlrc");
  writeFileSync(
    config,
    `aws-sigv4 = "aws:amz:${server.region}:s3"\nuser = "${server.accessKeyId}:${server.secretAccessKey}"\n`,
  );

  const anonymous = async (...args: string[]) => {
    const always = ["-q", "-sS", "--globoff", "--write-out", "\n%{http_code}"];
    const { stdout } = await run("curl", [...always, ...args], { env, cwd: folder });
    const cut = stdout.lastIndexOf("\n");
    return { status: Number(stdout.slice(cut + 1)), body: stdout.slice(0, cut) };
  };
  const curl = (...args: string[]) => anonymous("--config", config, ...args);
  // Older versions send no payload hash for S3, which S3 requires.
  const unsigned = ["-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD"];

  beforeAll(async () => {
    expect(await curl(...unsigned, "-X", "PUT", url)).toEqual({ status: 200, body: "" });
  });

  test("-T uploads, a GET downloads, -I returns the headers, DELETE deletes", async () => {
    const file = join(folder, "body.bin");
    writeFileSync(file, pseudoRandomBytes("curl", 2_000_000));
    expect((await curl(...unsigned, "-T", file, `${url}/body.bin`)).status).toBe(200);
    const back = join(folder, "back.bin");
    expect((await curl(...unsigned, "-o", back, `${url}/body.bin`)).status).toBe(200);
    expect(readFileSync(back).equals(readFileSync(file))).toBe(true);
    const head = await curl(...unsigned, "-I", `${url}/body.bin`);
    expect(head.body).toMatch(/^content-length: 2000000\r$/im);
    expect((await curl(...unsigned, "-X", "DELETE", `${url}/body.bin`)).status).toBe(204);
    expect((await curl(...unsigned, `${url}/body.bin`)).status).toBe(404);
  });

  test.each([
    ["space", "a%20b"],
    ["plus", "a+b"],
    ["encoded plus", "a%2Bb"],
    ["escape", "a%2520b"],
    ["unicode", "%C3%BCn%C3%AF"],
    ["lower-case escapes", "%c3%bcn%c3%af"],
    ["slashes", "a//b///c"],
    ["encoded slash", "a%2Fb"],
    ["sub-delimiters", "!$&'()*,;=:@"],
  ])("a path that is sent unchanged is signed unchanged: %s", async (_name, path) => {
    expect((await curl(...unsigned, "--path-as-is", "--data-binary", path, "-X", "PUT", `${url}/${path}`)).status).toBe(
      200,
    );
    const answer = await curl(...unsigned, "--path-as-is", `${url}/${path}`);
    expect(answer).toEqual({ status: 200, body: path });
  });

  test("a wrong payload hash is refused with XAmzContentSHA256Mismatch and nothing is stored", async () => {
    const hash = "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const answer = await curl("-H", hash, "-X", "PUT", "--data-binary", "not empty", `${url}/mismatch`);
    expect(answer.status).toBe(400);
    expect(answer.body).toContain("<Code>XAmzContentSHA256Mismatch</Code>");
    expect((await curl(...unsigned, `${url}/mismatch`)).status).toBe(404);
  });

  test("a request without a signature is refused with AccessDenied, whether the key exists or not", async () => {
    expect((await curl(...unsigned, "-X", "PUT", "--data-binary", "x", `${url}/exists`)).status).toBe(200);
    for (const target of [url, `${url}/exists`, `${url}/missing`]) {
      const answer = await anonymous(target);
      expect(answer.status).toBe(403);
      expect(answer.body).toContain("<Code>AccessDenied</Code>");
    }
  });

  test("virtual-host style by Host header", async () => {
    const host = `${bucket}.s3.localhost:${server.port}`;
    const resolve = ["--resolve", `${bucket}.s3.localhost:${server.port}:127.0.0.1`];
    const put = ["-X", "PUT", "--data-binary", "virtual"];
    expect((await curl(...unsigned, ...resolve, ...put, `http://${host}/v%20h`)).status).toBe(200);
    expect((await curl(...unsigned, `${url}/v%20h`)).body).toBe("virtual");
    const listed = await curl(...unsigned, ...resolve, `http://${host}/`);
    expect(listed.body).toContain(`<Name>${bucket}</Name>`);
  });

  test("a key with dot segments is stored under exactly that key", async () => {
    expect((await curl(...unsigned, "-X", "PUT", "--data-binary", "x", `${url}/folded`)).status).toBe(200);
    const target = ["--path-as-is", `${url}/a/../folded`];
    expect((await curl(...unsigned, ...target)).body).toContain("<Code>NoSuchKey</Code>");
    expect((await curl(...unsigned, "-X", "PUT", "--data-binary", "y", ...target)).status).toBe(200);
    expect((await curl(...unsigned, ...target)).body).toBe("y");
    expect((await curl(...unsigned, `${url}/folded`)).body).toBe("x");
  });

  test("-C - resumes a download; -r takes ranges; --compressed changes nothing", async () => {
    writeFileSync(join(folder, "resumed.txt"), "0123");
    const put = ["-X", "PUT", "-H", "content-type: text/plain", "--data-binary", "0123456789"];
    expect((await curl(...unsigned, ...put, `${url}/resume`)).status).toBe(200);
    await curl(...unsigned, "-C", "-", "-o", join(folder, "resumed.txt"), `${url}/resume`);
    expect(readFileSync(join(folder, "resumed.txt"), "utf8")).toBe("0123456789");
    expect(await curl(...unsigned, "-r", "-3", `${url}/resume`)).toEqual({ status: 206, body: "789" });
    expect(await curl(...unsigned, "--compressed", `${url}/resume`)).toEqual({ status: 200, body: "0123456789" });
  });
});
