/** How large a request may be, and whether uploads in parts work. */
import { randomBytes } from "node:crypto";
import { elementOf, explain } from "../blame.ts";
import { type Check, fail, ok, skipped, warn } from "../check.ts";
import { NoAnswer } from "../http.ts";
import { type Received, unexpected, type World } from "../world.ts";

const MIB = 2 ** 20;
/** What the AWS CLI, SDKs and s3cmd send as a part by default, rounded up. */
const PART_BYTES = 8 * MIB;
/** Cloudflare's limit on Free and Pro zones. */
const FREE_LIMIT_BYTES = 100e6;

const requestSize: Check = {
  name: "request-size",
  sends: "PUTs of 1, 2, 4, 8, … MiB of random bytes, together at most `--upload-mb` (16)",
  expects: "200 for 8 MiB, which clients send as a part; the largest size that was accepted is shown",
  remedy:
    "A proxy limits bodies (nginx: `client_max_body_size 0`). Cloudflare accepts 100 MB on Free and Pro zones, 200 MB on Business: larger " +
    "objects need parts below that, docs/clients.md#uploads-above-the-request-size.",
  needs: ["bucket"],
  async run(world) {
    let accepted = 0;
    let spent = 0;
    for (let size = MIB; spent + size <= world.options.uploadBytes; size *= 2) {
      spent += size;
      const refusal = await tryUpload(world, size);
      if (refusal !== undefined) {
        const detail = `${mib(size)} is refused (${refusal.what}); ${accepted === 0 ? "no smaller size was tried" : `${mib(accepted)} is accepted`}`;
        const isPlanLimit = size > FREE_LIMIT_BYTES && refusal.isTooLarge;
        if (isPlanLimit) return ok(`${detail}: the limit of the Cloudflare plan`);
        return accepted >= PART_BYTES ? warn(detail, refusal.remedy) : fail(detail, refusal.remedy);
      }
      accepted = size;
    }
    const next = "larger ones were not tried (--upload-mb)";
    return accepted >= PART_BYTES
      ? ok(`${mib(accepted)} is accepted; ${next}`)
      : ok(`${mib(accepted)} is accepted; ${next}. Parts of clients have 8 MiB`);
  },
};

interface Refusal {
  readonly what: string;
  readonly isTooLarge: boolean;
  readonly remedy?: string;
}

async function tryUpload(world: World, size: number): Promise<Refusal | undefined> {
  let answer: Received;
  try {
    answer = await world.send({ method: "PUT", key: "size", body: randomBytes(size) });
  } catch (error) {
    if (error instanceof NoAnswer && ["ECONNRESET", "EPIPE", "ECONNABORTED"].includes(error.code)) {
      return { what: "the connection is closed", isTooLarge: true };
    }
    throw error;
  }
  if (answer.status === 200) return undefined;
  const { what, remedy } = explain(answer);
  return { what, isTooLarge: answer.status === 413, ...(remedy !== undefined && { remedy }) };
}

const mib = (bytes: number) => `${bytes / MIB} MiB`;

const multipart: Check = {
  name: "multipart",
  sends: "an upload of 11 MiB in three parts of unequal size, two of them at the same time; its completion; a GET",
  expects: "the object with all bytes, and an ETag that ends with -3",
  remedy: "The answer names the reason: docs/operations.md#when-something-fails.",
  needs: ["request-size"],
  async run(world) {
    if (world.options.uploadBytes < 11 * MIB) return skipped("needs --upload-mb 12 or more");
    const key = "multipart.bin";
    const created = await world.expect({ method: "POST", key, query: "uploads" }, 200, "CreateMultipartUpload");
    const uploadId = elementOf(created.body.toString(), "UploadId");
    if (uploadId === undefined) return fail("CreateMultipartUpload answers without an UploadId");
    const parts = [randomBytes(6 * MIB), randomBytes(5 * MIB), randomBytes(1)];
    const upload = (body: Buffer, index: number) =>
      world.expect(
        { method: "PUT", key, query: `partNumber=${index + 1}&uploadId=${encodeURIComponent(uploadId)}`, body },
        200,
        `part ${index + 1}`,
      );
    const answers = await Promise.all(parts.map(upload));
    // Without what a proxy may have done to them, which is another check's finding.
    const tags = answers.map(({ headers }) => (headers.etag ?? "").replace(/^W\//, "").replaceAll('"', ""));
    const list = tags.map((tag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>"${tag}"</ETag></Part>`);
    const xml = `<CompleteMultipartUpload>${list.join("")}</CompleteMultipartUpload>`;
    const query = `uploadId=${encodeURIComponent(uploadId)}`;
    const done = await world.expect({ method: "POST", key, query, body: xml }, 200, "CompleteMultipartUpload");
    if (!/-3/.test(elementOf(done.body.toString(), "ETag") ?? "")) return unexpected(done, "CompleteMultipartUpload");
    const got = await world.get(key);
    return got.body.equals(Buffer.concat(parts))
      ? ok("6 MiB, 5 MiB and 1 byte")
      : fail("the object has other bytes than the parts");
  },
};

export const SIZES: readonly Check[] = [requestSize, multipart];
